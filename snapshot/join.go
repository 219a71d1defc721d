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
//
// It holds the one lock over what these share. Each part of that has a type of its own,
// which knows nothing of the others: what concerns two of them is done here.
type Join struct {
	copies *Copies
	cfg    Config
	room   func(sparing bool) bool
	log    *zap.Logger
	stream capture.Stream
	pool   pool

	// Of Next alone, but for the other end of the channels.
	asks  chan *event.Unit // one at a time
	came  chan arrival
	asked bool
	wake  chan struct{} // one token: look again
	tick  *time.Ticker

	mu      sync.Mutex
	changed chan struct{} // closed and made anew when a worker should look
	failed  error         // what Next returns
	closed  bool
	stale   bool // what is known of the tables is

	place   place    // where the stream is
	outbox  outbox   // what Next returns
	ledger  ledger   // what is copied
	settle  settling // what views may not show yet
	tracker tracker  // which keys were touched
	hold    *hold    // why the stream stands still; nil if it does not
	pace    pace     // when the next chunk may be read
	change  event.Change
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
// that the stream's next event would wait behind more, which is sparing if there may be
// one at any time: Look says that it may have changed.
func (c *Copies) Join(st checkpoint.State, past event.Position, stream capture.Stream, reached func(at, target event.Position) bool, room func(sparing bool) bool) (*Join, error) {
	l, err := newLedger(c, st.Snapshot)
	if err != nil {
		return nil, err
	}
	j := &Join{
		copies: c, cfg: c.cfg, room: room, log: c.cfg.Log, stream: stream, pool: newPool(c.cfg.Memory * 3 / 4),
		asks: make(chan *event.Unit), came: make(chan arrival), wake: make(chan struct{}, 1), tick: time.NewTicker(asking),
		changed: make(chan struct{}),
		place:   place{reached: reached, past: past},
		outbox:  outbox{announced: make(map[*schema.Table]bool)},
		ledger:  l,
		pace:    pace{perSec: c.cfg.RowsPerSec, slots: 2 * c.cfg.Connections},
	}
	j.place.reach(st.Position, st.Bound)
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
			case j.asks <- j.pool.get():
				j.asked = true
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		// What the stream has goes first, so that its events do not wait for a copy.
		select {
		case a := <-came:
			if err := j.arrive(a); err != nil {
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
			if err := j.arrive(a); err != nil {
				return nil, err
			}
		case rows := <-flow:
			j.mu.Lock()
			j.outbox.pushRows(rows)
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

// sources returns what Next may take from: the stream, unless something is due before
// what it brings, and the rows of a table that it stands still for.
func (j *Join) sources() (came chan arrival, flow chan *event.Unit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case len(j.outbox.queue) > 0:
	case j.held() && j.room(false):
		flow = j.hold.units
	case !j.held() && j.outbox.rest == nil:
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
	if len(j.outbox.queue) == 0 && !j.held() && j.outbox.rest == nil && !j.place.open {
		j.here()
	}
	switch {
	case len(j.outbox.queue) > 0:
		o := j.outbox.pop()
		j.pool.swap(u, o.unit)
		return o.state, true, nil
	case j.failed != nil:
		return nil, false, j.failed
	case j.held():
		return nil, false, nil
	case j.outbox.rest != nil:
		rest := j.outbox.rest
		j.outbox.rest = nil
		j.ledger.hide(rest)
		j.pool.swap(u, rest)
		return j.ledger.tell(), true, nil
	case j.ledger.ripe():
		return j.ledger.tell(), true, nil // an empty unit
	case j.cfg.Mode == Only && len(j.ledger.list) == 0 && !j.ledger.late:
		return nil, false, ErrDone
	}
	j.place.wait()
	return nil, false, nil
}

// held reports whether the stream stands still for a table without a key.
func (j *Join) held() bool { return j.hold != nil && j.hold.granted }

// waitsForTime reports whether Next is to look again in a while: rows wait for a place of
// a stream that may be idle, or a state waits to be told.
func (j *Join) waitsForTime() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ledger.late || j.place.past != "" && len(j.ledger.list) > 0 || slices.ContainsFunc(j.tracker.windows, func(w *window) bool { return w.offered })
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

// shut takes a window out, so that another chunk may be begun. The lock is held.
func (j *Join) shut(w *window) {
	j.tracker.shut(w)
	j.pace.slots++
	j.notify()
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
	return len(j.ledger.list) > 0
}

// Still returns for how long the stream has had nothing more. Any goroutine may call it.
func (j *Join) Still(now time.Time) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.place.still(now)
}

// Saved tells what is durable. The pipeline's saver calls it.
func (j *Join) Saved(st checkpoint.State) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ledger.save(st.Snapshot) {
		j.notify()
	}
}
