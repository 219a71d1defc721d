package snapshot

import (
	"maps"
	"slices"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/schema"
)

// A ledger says what is copied and what is to be, and what a checkpoint keeps of that.
// Copies are entered and ended here only, so that active and routes follow list.
type ledger struct {
	state  checkpoint.Snapshot // all but Copies and Hidden
	known  map[string]bool     // state.Copied
	list   []*copying
	parked []checkpoint.TableCopy // that are not wanted in this mode
	active map[string]*copying    // of each table the first of list
	routes map[*schema.Table]*copying
	hidden []*hiding

	dirty  bool // the state is to be told with the next unit
	late   bool // it says that more is done, and may be told later
	toldAt time.Time

	living bool   // state.Life is this life's own
	number uint64 // of the last unit of rows in this life

	saved *checkpoint.Snapshot // as it is durable; nil before this life has saved one
	life  uint32               // Life as it is saved
	asked uint64               // Asked as it is saved
}

// newLedger returns that of a life that begins at s, which is saved and may be nil.
func newLedger(c *Copies, s *checkpoint.Snapshot) (ledger, error) {
	l := ledger{known: make(map[string]bool), active: make(map[string]*copying), routes: make(map[*schema.Table]*copying)}
	if s == nil {
		return l, nil
	}
	l.state, l.life, l.asked = *s, s.Life, s.Asked
	l.state.Copies, l.state.Hidden = nil, nil
	for _, table := range s.Copied {
		l.known[table] = true
	}
	for _, t := range s.Copies {
		if !c.wanted(t) {
			l.parked = append(l.parked, t)
			continue
		}
		n := newCopying(t, c.extent(t.Table))
		l.list = append(l.list, n)
		if l.active[n.table] == nil {
			l.active[n.table] = n
		}
	}
	for _, h := range s.Hidden {
		shows, err := c.cfg.Copier.Shows(h.View)
		if err != nil {
			return l, err
		}
		l.hidden = append(l.hidden, &hiding{h, shows})
	}
	l.living = len(l.list) > 0
	return l, nil
}

// activate chooses of a table the copy that is made now: the first of those there are.
func (l *ledger) activate(table string) {
	delete(l.active, table)
	for _, c := range l.list {
		if c.table == table {
			l.active[table] = c
			break
		}
	}
	maps.DeleteFunc(l.routes, func(t *schema.Table, _ *copying) bool { return t.String() == table })
}

// turn reports whether c is the copy of its table that is made now.
func (l *ledger) turn(c *copying) bool { return l.active[c.table] == c }

// route returns the copy that a version's events matter to, nil if there is none.
func (l *ledger) route(t *schema.Table) *copying {
	c, found := l.routes[t]
	if !found {
		c = l.active[t.String()]
		l.routes[t] = c
	}
	return c
}

// enter begins a copy.
func (l *ledger) enter(t checkpoint.TableCopy, e capture.Extent) *copying {
	if !l.living {
		l.state.Life++
		l.living = true
	}
	t.Since = l.state.Life
	c := newCopying(t, e)
	l.list = append(l.list, c)
	l.dirty = true
	l.activate(c.table)
	return c
}

// end takes a copy out.
func (l *ledger) end(c *copying) {
	l.list = slices.DeleteFunc(l.list, func(o *copying) bool { return o == c })
	l.late = true
	l.dirty = l.dirty || len(l.list) == 0
	l.activate(c.table)
}

// know notes that a table needs no first copy.
func (l *ledger) know(table string) {
	if !l.known[table] {
		l.known[table] = true
		l.state.Copied = append(l.state.Copied, table) // those who have it know a shorter one
		l.late = true
	}
}

// durable reports whether it is saved that this life hands on rows (C2.4).
func (l *ledger) durable() bool { return l.living && l.life == l.state.Life }

// next returns the event of the vers of the next unit of rows (C2.4).
func (l *ledger) next() uint64 {
	l.number++
	return uint64(l.state.Life)<<32 | l.number
}

// seldom is how far apart states are told that only say that more is done: with ten
// thousand tables each is a megabyte.
const seldom = 50 * time.Millisecond

// ripe reports whether there is something to tell, and it is time.
func (l *ledger) ripe() bool { return l.dirty || l.late && time.Since(l.toldAt) > seldom }

// tell returns what is to be saved, nil if that is told already.
func (l *ledger) tell() *checkpoint.Snapshot {
	if !l.ripe() {
		return nil
	}
	l.dirty, l.late, l.toldAt = false, false, time.Now()
	st := l.state
	st.Copies = slices.Clone(l.parked)
	for _, c := range l.list {
		st.Copies = append(st.Copies, c.state())
	}
	for _, h := range l.hidden {
		st.Hidden = append(st.Hidden, h.HiddenTable)
	}
	return &st
}

// save notes what is durable. It reports whether that is news.
func (l *ledger) save(st *checkpoint.Snapshot) bool {
	if st == nil || l.saved == st {
		return false
	}
	l.saved, l.life, l.asked = st, st.Life, st.Asked
	return true
}
