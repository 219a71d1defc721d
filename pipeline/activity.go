package pipeline

import (
	"sync"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
)

// A Phase is what a pipeline is at.
type Phase string

// The phases. Waiting is between two lives: something is away that time may
// bring back.
const (
	Starting  Phase = "starting"
	Following Phase = "following"
	Waiting   Phase = "waiting"
	Draining  Phase = "draining"
)

// Doing is what a pipeline does at one moment. It holds no value of a row and no
// secret.
type Doing struct {
	Phase Phase
	Since time.Time // when the phase began
	// Why says what is waited for, in the words of the log, when something has
	// failed since the pipeline last followed; "" if nothing has.
	Why string
	// Sink is for how long the sink has given no answer although it owes one; 0
	// if it owes none.
	Sink time.Duration
	// Save is for how long the checkpoint has not been saved although there is
	// something to save, and WhySave the last error of that, "" if a save is on
	// its way.
	Save    time.Duration
	WhySave string
	// Idle is whether the source has given nothing for a while and all that it gave
	// is published: there is no more, or it is slow to give it, which only the
	// server can tell. Lag is how old the last published transaction is, by the
	// server's clock against ours, or how long the phase has lasted before there is
	// one; when there is no more to publish it says nothing.
	Idle bool
	Lag  time.Duration
	// Stuck names what has done one and the same step for longer than Work
	// although it waits for nobody outside; "" if there is none. It is a bug, and
	// only a restart helps.
	Stuck string
}

// Work is how long a step that waits for nobody outside may take. The largest
// row takes seconds.
const Work = time.Minute

// quiet is how long the reader has to wait for the log until there is nothing
// more in it: while it catches up, it waits for moments only.
const quiet = time.Second

// Doing says what the pipeline does now.
func (s *Stats) Doing(now time.Time) Doing {
	s.mu.Lock()
	d := Doing{Phase: s.phase, Since: s.since, Why: s.why}
	v := s.life
	s.mu.Unlock()
	if d.Phase == "" {
		d.Phase = Starting
	}
	last := d.Since
	if ms := s.Millis.Load(); ms != 0 {
		last = time.UnixMilli(ms)
	}
	d.Lag = lasted(last, now)
	if v != nil {
		v.tell(&d, now)
	}
	return d
}

// enter begins a phase; err, which may be nil, is why.
func (s *Stats) enter(p Phase, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == Draining {
		return // it is the last one
	}
	if s.phase != p {
		s.phase, s.since = p, time.Now()
	}
	s.why = ""
	if err != nil {
		s.why = err.Error()
	}
}

// follow makes v what Doing tells of, nil for no life.
func (s *Stats) follow(v *vitals) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = v
}

// A pulse is a loop's sign that it works: since when it has been at the step at
// hand, zero while it waits for somebody else.
type pulse struct {
	name string

	mu    sync.Mutex
	since time.Time
}

func (p *pulse) work() { p.set(time.Now()) }

func (p *pulse) wait() { p.set(time.Time{}) }

func (p *pulse) set(t time.Time) {
	p.mu.Lock()
	p.since = t
	p.mu.Unlock()
}

func (p *pulse) lasts(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return lasted(p.since, now)
}

// vitals are what is known of a life from outside of its goroutines.
type vitals struct {
	frontier *checkpoint.Frontier
	log      pulse // the reader's waiting for the log
	// still says for how long the stream beside copies has had nothing; nil without.
	still func(now time.Time) time.Duration

	mu      sync.Mutex
	loops   []*pulse  // what works by itself
	owed    int       // batches that the sink has not answered for
	heard   time.Time // its last answer, or when it was first given something since it owed none
	unsaved time.Time // since when there is something to save; zero if all is
	whySave string
}

func newVitals(f *checkpoint.Frontier) *vitals { return &vitals{frontier: f} }

// loop returns the pulse of one more loop.
func (v *vitals) loop(name string) *pulse {
	p := &pulse{name: name}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.loops = append(v.loops, p)
	return p
}

// ask says that the sink owes one more answer.
func (v *vitals) ask() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.owed == 0 {
		v.heard = time.Now()
	}
	v.owed++
}

// answered says that it has given one.
func (v *vitals) answered() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.owed--
	v.heard = time.Now()
}

// saves says that a save begins.
func (v *vitals) saves() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.unsaved.IsZero() {
		v.unsaved = time.Now()
	}
}

// saved says how it went.
func (v *vitals) saved(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.whySave = err.Error()
		return
	}
	v.unsaved, v.whySave = time.Time{}, ""
}

// tell adds to d what is known of the life.
func (v *vitals) tell(d *Doing, now time.Time) {
	d.Idle = v.log.lasts(now) > quiet && v.frontier.Used() == 0
	if v.still != nil {
		// Beside a copy there is always something on its way, which is no lag.
		d.Idle = d.Idle || v.still(now) > quiet
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.loops {
		if p.lasts(now) > Work {
			d.Stuck = p.name
		}
	}
	if v.owed > 0 {
		d.Sink = lasted(v.heard, now)
	}
	d.Save, d.WhySave = lasted(v.unsaved, now), v.whySave
}

func lasted(since, now time.Time) time.Duration {
	if since.IsZero() {
		return 0
	}
	return max(0, now.Sub(since))
}
