package pipeline_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/publish"
)

// A config is what a seed decides about a world.
type config struct {
	memory    int64
	unit      int           // largest Cost of a unit, roughly
	workers   int           // as in Pipeline
	interval  time.Duration // as in Pipeline
	drain     time.Duration // as in Pipeline
	pace      time.Duration // longest pause of the source
	sinkPace  time.Duration // longest time until a part of a batch is stored
	storePace time.Duration // longest time that a save takes

	cut       float64 // chance that the source fails at one call
	sinkFails float64 // chance that the sink fails at one part of a batch, half-stored
	saveFails float64 // chance that a save fails
	crashes   bool    // processes may be killed
	poisons   bool    // rows may be refused by the encoder of one process
	committer bool    // the sink saves the State
	hold      int64   // the sink holds so many bytes back until Flush; 0: none
	room      int     // batches that the sink takes at a time; 0: any number
	inside    float64 // chance that Publish stores the batch before it returns
}

// calm reports whether nothing but SIGTERM and lost connections happens, so
// that no event may come twice.
func (c *config) calm() bool { return c.sinkFails == 0 && c.saveFails == 0 && !c.crashes }

func newConfig(r *rand.Rand) config {
	maybe := func(p float64) float64 { return float64(r.IntN(2)) * p }
	pace := func() time.Duration { return time.Duration(r.IntN(3)) * time.Duration(1+r.IntN(60)) * time.Millisecond }
	c := config{
		memory: 1000 + r.Int64N(8000), unit: 100 + r.IntN(2500), workers: r.IntN(5),
		interval: time.Duration(20+r.IntN(300)) * time.Millisecond, drain: time.Hour,
		pace: pace(), sinkPace: pace(), storePace: pace(),
		cut: maybe(0.04), committer: r.IntN(4) == 0, poisons: r.IntN(4) == 0,
	}
	if r.IntN(3) > 0 {
		c.sinkFails, c.saveFails, c.crashes = maybe(0.03), maybe(0.3), r.IntN(2) == 0
	}
	if c.committer {
		c.sinkFails *= 5 // it fails at commits only
		return c
	}
	switch r.IntN(4) {
	case 0:
		c.hold = 2 * c.memory
	case 1:
		c.room = 1 + r.IntN(4)
	case 2:
		c.inside = 0.5
	}
	if !c.calm() && r.IntN(3) == 0 {
		c.drain = time.Duration(r.IntN(100)) * time.Millisecond
	}
	return c
}

// A world is everything outside of the pipeline: what outlives a process, and
// what was promised. mu guards all of it.
type world struct {
	t     *testing.T
	seed  uint64
	since time.Time
	r     *rand.Rand
	cfg   config
	log   *simLog

	mu         sync.Mutex
	violations []string
	fuse       int    // actions until fire is called
	fire       func() // ends the process in one way or another
	faults     int    // that may still happen
	failed     bool   // a sink or a save has failed in this process

	saved     checkpoint.State
	hasSaved  bool
	confirmed int // place

	life    int   // streams opened
	from    int   // row that the life begins with
	next    int   // row that the sink must be given next
	handed  int   // rows read in this life
	begun   int   // place that the life begins at
	reached int   // place read up to
	held    int64 // bytes of rows read and not done
	refused int   // row that the encoder of this process refuses, or -1

	shelf shelf

	inTransaction bool // a Committer holds what is not committed

	openings int32            // of sinks
	spread   map[string]int32 // over how many partitions a topic's records go
}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &world{t: t, seed: seed, since: time.Now(), r: r, cfg: newConfig(r)}
	w.log = newLog(r, w.cfg.memory)
	w.shelf.init(w)
	return w
}

// violate notes a broken promise and ends the process. mu is held.
func (w *world) violate(format string, args ...any) {
	if len(w.violations) < 5 {
		w.violations = append(w.violations, fmt.Sprintf(format, args...))
	}
	if w.fire != nil {
		w.fire()
	}
}

// trace tells what happens when a single seed is repeated.
func (w *world) trace(format string, args ...any) {
	if *simSeed != 0 {
		w.t.Logf("%v "+format, append([]any{time.Since(w.since)}, args...)...)
	}
}

func (w *world) report(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.violate(format, args...)
}

// act counts an action of the outside: the process may end at any. mu is held.
func (w *world) act() {
	if w.fuse--; w.fuse == 0 {
		w.fire()
	}
}

// chance decides whether a fault happens, of which there are finitely many. mu
// is held.
func (w *world) chance(r *rand.Rand, p float64) bool {
	if p == 0 || r.Float64() >= p || w.faults == 0 {
		return false
	}
	w.faults--
	w.trace("a fault happens")
	return true
}

// begin starts to expect what a life from st on must deliver. mu is held.
func (w *world) begin(st checkpoint.State) {
	w.life++
	w.from = w.resume(st)
	w.begun = passed(st.Position)
	w.next, w.handed, w.reached = w.from, w.from, w.begun
	w.held = 0
	w.trace("life %d begins at place %d, row %d", w.life, w.begun, w.from)
}

// resume is the first row that st says is not yet published.
func (w *world) resume(st checkpoint.State) int {
	row := w.log.rowsBefore(passed(st.Position))
	if st.Open() {
		row = max(row, w.log.rowsUpTo(st.Ver))
	}
	return row
}

// handOut notes that the reader was given rows[first:last]. It may have asked
// only while there was room. mu is held.
func (w *world) handOut(first, last int, u *event.Unit) {
	w.act()
	if w.held >= w.cfg.memory {
		w.violate("a unit was read while %d bytes were held, the limit is %d", w.held, w.cfg.memory)
	}
	kept := last
	if first <= w.refused && w.refused < last {
		kept = w.refused // the rest of the unit is given up at once
	}
	for _, row := range w.log.rows[min(max(first, w.from), kept):kept] {
		w.held += int64(len(row.value))
	}
	w.handed = max(w.handed, last)
	if u.Position != "" {
		w.reached = passed(u.Position)
	}
	w.trace("rows %d to %d are read, position %q, %d bytes held", first, last, u.Position, w.held)
}

// meet learns over how many partitions the records of b's topics go: as many as
// s was given, or as there are, and one is added at each opening. It must stay
// (C8.3). mu is held.
func (w *world) meet(s *simSink, b *publish.Batch) {
	for i := range b.Records {
		topic := b.Records[i].Topic
		if _, known := s.spread[topic.Name]; known {
			continue
		}
		s.spread = maps.Clone(s.spread)
		if s.spread == nil {
			s.spread = make(map[string]int32)
		}
		s.spread[topic.Name] = w.openings
		if was, ok := w.spread[topic.Name]; ok && topic.Channel == publish.Data {
			w.violate("%s had %d partitions and has %d", topic.Name, was, w.openings)
		}
		w.spread[topic.Name] = w.openings
	}
}

// forget lets a new process choose anew for topics of which nothing is saved.
func (w *world) forget() {
	keep := make(map[string]int32)
	for i := range w.log.rows[:w.resume(w.saved)] {
		topic, _, _ := strings.Cut(w.log.rows[i].part, "/")
		keep[topic] = w.spread[topic]
	}
	w.spread = keep
}

// An ending is how a process ends.
type ending int

const (
	byItself ending = iota
	bySignal
	byCrash
	byPoison
)

func (e ending) String() string {
	return [...]string{"itself", "a signal", "a crash", "an encode error"}[e]
}

// play runs processes until one has reached the end of the log by itself.
func (w *world) play() {
	for disturbed := w.r.IntN(4); ; disturbed-- {
		how := byItself
		if disturbed > 0 {
			switch how = bySignal; {
			case w.cfg.crashes && w.r.IntN(2) == 0:
				how = byCrash
			case w.cfg.poisons && w.r.IntN(2) == 0 && len(w.log.rows) > 0:
				how = byPoison
			}
		}
		done := w.process(how)
		if len(w.violations) > 0 {
			return
		}
		if done {
			break
		}
	}
	w.finish()
}

// process runs one process and reports whether it has reached the end of the
// log.
func (w *world) process(how ending) bool {
	p := &proc{dead: make(chan struct{})}
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Hour)
	defer cancel()
	w.fuse, w.faults, w.failed = -1, 6, false
	lives := w.life
	w.trace("a process starts, to end by %s", how)
	var once sync.Once
	var signalled time.Time
	w.fire = func() { once.Do(func() { signalled = time.Now(); cancel() }) }
	if how == byCrash {
		w.fire = func() { once.Do(func() { close(p.dead) }) }
	}
	if how == byCrash || how == bySignal {
		w.fuse = 1 + w.r.IntN(60)
	}
	enc := encoder{}
	w.refused = -1
	if how == byPoison {
		w.refused = w.r.IntN(len(w.log.rows))
		enc.poison = w.log.rows[w.refused].ver
		enc.stop = errPoison
	}
	err := w.pipeline(p, enc).Run(ctx)

	w.mu.Lock()
	defer w.mu.Unlock()
	if took := time.Since(signalled); !signalled.IsZero() && took > w.cfg.drain+lastSave {
		w.violate("Run returned %s after SIGTERM", took)
	}
	if ctx.Err() != nil && signalled.IsZero() {
		w.violate("the end of the log was not reached within an hour: %d of %d rows stored, %d bytes held of %d",
			w.shelf.prefix, len(w.log.rows), w.held, w.cfg.memory)
	}
	w.trace("Run has returned: %v", err)
	w.judge(p, err, w.life > lives, !signalled.IsZero(), enc)
	return err == nil && passed(w.saved.Position) == len(w.log.entries)
}

var errPoison = failure.Stop("", "the row can't be encoded")

// lastSave is how long Run may take for its last save beyond the drain limit.
const lastSave = 2 * time.Second

func (w *world) pipeline(p *proc, enc encoder) *pipeline.Pipeline {
	source := rand.New(rand.NewPCG(w.seed, w.r.Uint64()))
	w.forget()
	w.inTransaction = false // what a process leaves open is aborted
	store := &simStore{w: w, proc: p, r: rand.New(rand.NewPCG(w.seed, w.r.Uint64()))}
	sinks := rand.New(rand.NewPCG(w.seed, w.r.Uint64()))
	return &pipeline.Pipeline{
		Name:   "sim",
		Source: &simSource{w: w, proc: p, r: source},
		OpenSink: func(_ context.Context, st checkpoint.State) (publish.Publisher, error) {
			if err := p.err(); err != nil {
				return nil, err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.life > 0 && w.chance(sinks, w.cfg.sinkFails) && w.failed {
				return nil, failure.Retry(errSink)
			}
			w.openings++
			s := newSink(w, p, rand.New(rand.NewPCG(w.seed, sinks.Uint64())), st.Partitions)
			if w.cfg.committer {
				return &simCommitter{simSink: s}, nil
			}
			return s, nil
		},
		Store:      store,
		NewEncoder: func() encode.Encoder { return enc },
		TopicName:  topicName,
		Selection:  "all",
		From:       event.Earliest,
		Until:      event.Now,
		Memory:     w.cfg.memory,
		Drain:      w.cfg.drain,
		Interval:   w.cfg.interval,
		Workers:    w.cfg.workers,
		Log:        zap.NewNop(),
		Stats:      new(pipeline.Stats),
	}
}
