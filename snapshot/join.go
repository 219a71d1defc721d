package snapshot

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

// ErrDone is what Next returns in the mode Only once everything is copied and told.
var ErrDone = errors.New("everything is copied")

// A Join is the stream of one life with the rows of copies between its transactions.
// The pipeline's reader calls Next; Pump, Tend and as many Work as there are
// connections run beside it, in goroutines of the pipeline, until their context ends.
type Join struct {
	copies  *Copies
	cfg     Config
	stream  capture.Stream
	reached func(at, target event.Position) bool
	room    func() bool
	log     *zap.Logger

	// Of Next alone.
	asks  chan *event.Unit // one at a time
	came  chan arrival
	asked bool
	spare *event.Unit
	wake  chan struct{} // one token: look again
	tick  *time.Ticker

	mu      sync.Mutex
	changed chan struct{} // closed and made anew when a worker should look
	failed  error         // what Next returns
	closed  bool
	saved   *checkpoint.Snapshot // as it is durable

	// Where the stream is.
	position event.Position // the last end of a transaction
	bound    uint64
	open     bool           // something of the next transaction was handed on
	past     event.Position // up to here an earlier life may have published: rows come behind; "" once it has passed
	clock    int64          // the last commit time, Unix milliseconds
	waiting  time.Time
	out      []outgoing
	rest     *event.Unit // the stream's, behind what is copied at this place

	// What is copied.
	state   checkpoint.Snapshot // all but Copies
	known   map[string]bool     // state.Copied
	list    []*copying
	parked  []checkpoint.TableCopy // that are not wanted in this mode
	active  map[string]*copying    // of each table the first of list
	routes  map[*schema.Table]*copying
	hidden  []*hiding
	dirty   bool // the state is to be told with the next unit
	late    bool // it says that more is done, and may be told later
	tells   time.Time
	living  bool   // state.Life is this life's own
	durable uint32 // Life as it is saved
	told    uint64 // Asked as it is saved

	stale   bool // what is known of the tables is
	settle  settling
	windows []*window
	arms    []*window // that wait for the end of a transaction
	hold    *hold
	slots   int
	number  uint64 // of the last unit of rows in this life
	seq     uint64 // of the changes that were looked at
	noted   int    // bytes of keys
	change  event.Change

	unused    chan *event.Unit
	announced map[*schema.Table]bool

	lag       time.Duration // of replicas
	notBefore time.Time     // by RowsPerSec
	rate      rate
}

// An outgoing unit is what Next returns, with what is saved once it is published.
type outgoing struct {
	unit  *event.Unit
	state *checkpoint.Snapshot
}

type arrival struct {
	unit *event.Unit
	err  error
}

// Join joins the copies to a stream that begins at st, which Begin has returned and
// which is saved. past is a place behind all that earlier lives may have published, ""
// if there were none: rows that were read come behind it, or a reader that goes by vers
// would take them for older than what is sent again. reached is the source's; room
// reports whether rows that were read may be handed on, or so many bytes are on their way
// that the stream's next event would wait behind more: Look says that it may have changed.
func (c *Copies) Join(st checkpoint.State, past event.Position, stream capture.Stream, reached func(at, target event.Position) bool, room func() bool) (*Join, error) {
	j := &Join{
		copies: c, cfg: c.cfg, stream: stream, reached: reached, room: room, log: c.cfg.Log,
		asks: make(chan *event.Unit), came: make(chan arrival), spare: new(event.Unit),
		wake: make(chan struct{}, 1), tick: time.NewTicker(asking), changed: make(chan struct{}),
		past:  past,
		known: make(map[string]bool), active: make(map[string]*copying), routes: make(map[*schema.Table]*copying),
		unused: make(chan *event.Unit, 64), announced: make(map[*schema.Table]bool),
		slots: 2 * c.cfg.Connections,
	}
	j.reach(st.Position, st.Bound)
	if s := st.Snapshot; s != nil {
		j.state, j.durable, j.told = *s, s.Life, s.Asked
		j.state.Copies, j.state.Hidden = nil, nil
		for _, table := range s.Copied {
			j.known[table] = true
		}
		for _, t := range s.Copies {
			if !c.wanted(t) {
				j.parked = append(j.parked, t)
				continue
			}
			j.list = append(j.list, newCopying(t, c.extent(t.Table)))
		}
		for _, h := range s.Hidden {
			shows, err := c.cfg.Copier.Shows(h.View)
			if err != nil {
				return nil, err
			}
			j.hidden = append(j.hidden, &hiding{h, shows})
		}
	}
	j.living = len(j.list) > 0
	for _, t := range j.list {
		if j.active[t.table] == nil {
			j.active[t.table] = t
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.join = j
	return j, nil
}

// Close takes the join from its copies. It is called once nothing of it runs.
func (j *Join) Close() {
	c := j.copies
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.join == j {
		c.join = nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tick.Stop()
	j.closed = true
	j.notify()
}

// asking is how often an idle server is asked where its log ends while rows wait for
// a place.
const asking = 20 * time.Millisecond

// Next fills u, which is empty, with the next run of the stream or with rows that are
// due at this place. It also returns what is to be saved of the copies once u is
// published, nil if that is unchanged. Errors are those of the stream and of the copies,
// and ErrDone.
func (j *Join) Next(ctx context.Context, u *event.Unit) (*checkpoint.Snapshot, error) {
	for {
		came, _ := j.sources()
		if came != nil && !j.asked {
			select {
			case j.asks <- j.spare:
				j.asked, j.spare = true, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		// What the stream has goes first, so that its events do not wait for a copy.
		select {
		case a := <-came:
			if err := j.take(a); err != nil {
				return nil, err
			}
		default:
		}
		st, found, err := j.due(u)
		if found || err != nil {
			return st, err
		}
		came, flow := j.sources() // the stream may stand still by now
		var tick <-chan time.Time
		if j.waitsForTime() {
			tick = j.tick.C
		}
		select {
		case a := <-came:
			if err := j.take(a); err != nil {
				return nil, err
			}
		case rows := <-flow:
			j.mu.Lock()
			j.out = append(j.out, outgoing{unit: rows})
			j.mu.Unlock()
		case <-j.wake:
		case <-tick:
			if asker, ok := j.stream.(capture.Asker); ok {
				asker.Ask()
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take takes what the stream has brought.
func (j *Join) take(a arrival) error {
	j.asked, j.spare = false, a.unit
	if a.err != nil {
		a.unit.Reset()
		return a.err
	}
	j.spare = j.arrive(a.unit)
	return nil
}

// sources returns what Next may take from: the stream, unless something is due before
// what it brings, and the rows of a table that it stands still for.
func (j *Join) sources() (came chan arrival, flow chan *event.Unit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case len(j.out) > 0:
	case j.held() && j.room():
		flow = j.hold.units
	case !j.held() && j.rest == nil:
		came = j.came
	}
	return came, flow
}

// Pump calls the stream's Next, each time that Next asks.
func (j *Join) Pump(ctx context.Context) {
	for {
		var u *event.Unit
		select {
		case u = <-j.asks:
		case <-ctx.Done():
			return
		}
		err := j.stream.Next(ctx, u)
		select {
		case j.came <- arrival{u, err}:
		case <-ctx.Done():
			return
		}
	}
}

// due fills u with what is to be handed on before the stream is asked.
func (j *Join) due(u *event.Unit) (st *checkpoint.Snapshot, found bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.out) == 0 && !j.held() && j.rest == nil && !j.open {
		j.here()
	}
	switch {
	case len(j.out) > 0:
		o := j.out[0]
		j.out[0] = outgoing{}
		j.out = j.out[1:]
		j.give(u, o.unit)
		return o.state, true, nil
	case j.failed != nil:
		return nil, false, j.failed
	case j.held():
		return nil, false, nil
	case j.rest != nil:
		rest := j.rest
		j.rest = nil
		j.hide(rest)
		j.give(u, rest)
		return j.tell(), true, nil
	case j.dirty || j.ripe():
		return j.tell(), true, nil // an empty unit
	case j.cfg.Mode == Only && len(j.list) == 0 && !j.late:
		return nil, false, ErrDone
	}
	if j.waiting.IsZero() {
		j.waiting = time.Now()
	}
	return nil, false, nil
}

// give swaps a unit with the caller's empty one, which is kept.
func (j *Join) give(to, from *event.Unit) {
	if from == nil {
		return
	}
	*to, *from = *from, *to
	j.putUnit(from)
}

// held reports whether the stream stands still for a table without a key.
func (j *Join) held() bool { return j.hold != nil && j.hold.granted }

// waitsForTime reports whether Next is to look again in a while: rows wait for a place of
// a stream that may be idle, or a state waits to be told.
func (j *Join) waitsForTime() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.late || j.past != "" && len(j.list) > 0 || slices.ContainsFunc(j.windows, func(w *window) bool { return w.offered })
}

// Look has Next look again. It never waits.
func (j *Join) Look() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// notify wakes all that wait for a change. The lock is held.
func (j *Join) notify() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// fail makes Next return err. The lock is held.
func (j *Join) fail(err error) {
	if j.failed == nil {
		j.failed = err
	}
	j.Look()
}

// Active reports whether something is to be copied. Any goroutine may call it.
func (j *Join) Active() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.list) > 0
}

// Still returns for how long the stream has had nothing more. Any goroutine may call it.
func (j *Join) Still(now time.Time) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.waiting.IsZero() {
		return 0
	}
	return now.Sub(j.waiting)
}

// Saved tells what is durable. The pipeline's saver calls it.
func (j *Join) Saved(st checkpoint.State) {
	if st.Snapshot == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.saved == st.Snapshot {
		return
	}
	j.saved, j.durable, j.told = st.Snapshot, st.Snapshot.Life, st.Snapshot.Asked
	j.notify()
}
