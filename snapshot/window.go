package snapshot

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

// A window lasts from where the keys of a table begin to be noted to where the rows of
// a chunk are handed on.
type window struct {
	c     *copying
	p     *part
	armed chan struct{} // closed once low and seen are there
	low   uint64
	seen  capture.Delivered

	lost bool // the rows are of no use: the part is read again

	offered bool // chunk and units are there
	chunk   capture.Chunk
	shows   func(*event.Txn) bool
	units   []*event.Unit
	gone    int    // units that were handed on
	kept    uint64 // rows of them
}

// route returns the copy that a version's events matter to, nil if there is none.
func (j *Join) route(t *schema.Table) *copying {
	c, found := j.routes[t]
	if !found {
		c = j.active[t.String()]
		j.routes[t] = c
	}
	return c
}

// observe notes what the items do to the keys of tables that are copied.
func (j *Join) observe(u *event.Unit, items []event.Item) {
	if len(j.active) == 0 {
		return
	}
	for i := range items {
		it := &items[i]
		if it.Op == event.End {
			continue
		}
		c := j.route(it.Table)
		if c == nil {
			continue
		}
		j.seq++
		c.last = it.Table.Version
		txn := &u.Txns[it.Txn]
		j.change.Op, j.change.Table, j.change.Txn = it.Op, it.Table, txn
		j.change.Ver = event.Ver{Commit: txn.Commit, Event: it.Event, Row: it.Row}
		err := u.Split.Split(u, it, &j.change, func(ch *event.Change) error {
			j.note(c, ch)
			return nil
		})
		if err != nil {
			// The encoder meets the same error and ends the life with it.
			j.lose(c)
		}
	}
	j.boundKeys()
}

// note takes one change of a table that is copied.
func (j *Join) note(c *copying, ch *event.Change) {
	row := ch.After
	switch ch.Op {
	case event.Truncate:
		j.lose(c)
		return
	case event.Delete:
		row = ch.Before
	}
	whole := ch.Op == event.Delete || !slices.ContainsFunc(row, func(v event.Value) bool { return v.State == event.Absent })
	if ch.Moved != nil && ch.Op == event.Insert {
		// It comes from a key that may not have been copied, to one that may have been,
		// once any was.
		if c.rows > 0 || c.begun || j.watched(c) {
			j.again(c, ch.Table, row)
		}
	}
	if !j.watched(c) {
		return
	}
	key, ok := appendIdentity(nil, ch.Table, row)
	if !ok {
		j.lose(c)
		return
	}
	before := c.keys.bytes
	if whole {
		c.keys.note(key, j.seq, nil)
	} else {
		c.keys.note(key, j.seq, ch.Txn)
	}
	j.noted += c.keys.bytes - before
}

// watched reports whether a window of the table is open.
func (j *Join) watched(c *copying) bool {
	return slices.ContainsFunc(j.windows, func(w *window) bool { return w.c == c })
}

// again has the key of a row read once more.
func (j *Join) again(c *copying, t *schema.Table, row event.Row) {
	k, err := j.cfg.Copier.KeyOf(t, row)
	if err == nil && c.readAgain(k) {
		j.dirty = true
		return
	}
	j.restart(c, "more of its rows are changed in part than can be read again")
}

// lose makes the rows of all open windows of a table useless.
func (j *Join) lose(c *copying) {
	for _, w := range slices.Concat(j.windows, j.arms) {
		if w.c == c {
			w.lost = true
		}
	}
}

// boundKeys keeps the noted keys within their share of the memory: a table that is
// written faster than a chunk is read gets smaller chunks.
func (j *Join) boundKeys() {
	limit := int(j.cfg.Memory / 4)
	if j.noted <= limit {
		return
	}
	j.sweep()
	if j.noted <= limit/2 {
		return
	}
	var most *copying
	for _, c := range j.active {
		if most == nil || c.keys.bytes > most.keys.bytes {
			most = c
		}
	}
	j.lose(most)
	j.noted -= most.keys.bytes
	most.keys = touches{}
	most.size = max(most.size/4, fewRows)
	most.why = "its rows are changed faster than they are read: chunks are made smaller"
	j.log.Warn("a chunk is read again: its table is changed faster than it is read", tableField(most.table), rowsField(most.size))
}

// sweep forgets keys that no window needs.
func (j *Join) sweep() {
	j.noted = 0
	for _, c := range j.active {
		low, open := uint64(0), false
		for _, w := range j.windows {
			if w.c == c && (!open || w.low < low) {
				low, open = w.low, true
			}
		}
		if !open {
			c.keys = touches{}
			continue
		}
		c.keys.sweep(low)
		j.noted += c.keys.bytes
	}
}

// shut takes a window out.
func (j *Join) shut(w *window) {
	j.windows = slices.DeleteFunc(j.windows, func(o *window) bool { return o == w })
	j.arms = slices.DeleteFunc(j.arms, func(o *window) bool { return o == w })
	if !j.watched(w.c) {
		j.noted -= w.c.keys.bytes
		w.c.keys = touches{}
	}
	j.slots++
	j.notify()
}
