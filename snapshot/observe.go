package snapshot

import (
	"slices"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

// observe notes what the items do to the keys of tables that are copied.
func (j *Join) observe(u *event.Unit, items []event.Item) {
	if len(j.ledger.active) == 0 {
		return
	}
	for i := range items {
		it := &items[i]
		if it.Op == event.End {
			continue
		}
		c := j.ledger.route(it.Table)
		if c == nil {
			continue
		}
		j.tracker.seq++
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
			j.tracker.lose(c)
		}
	}
	j.boundKeys()
}

// note takes one change of a table that is copied.
func (j *Join) note(c *copying, ch *event.Change) {
	row := ch.After
	switch ch.Op {
	case event.Truncate:
		j.tracker.lose(c)
		return
	case event.Delete:
		row = ch.Before
	}
	if ch.Moved != nil && ch.Op == event.Insert {
		// It comes from a key that may not have been copied, to one that may have been,
		// once any was.
		if c.rows > 0 || c.begun || j.tracker.watches(c) {
			j.again(c, ch.Table, row)
		}
	}
	if !j.tracker.watches(c) {
		return
	}
	key, ok := appendIdentity(nil, ch.Table, row)
	if !ok {
		j.tracker.lose(c)
		return
	}
	txn := ch.Txn
	if ch.Op == event.Delete || !slices.ContainsFunc(row, func(v event.Value) bool { return v.State == event.Absent }) {
		txn = nil
	}
	j.tracker.note(c, key, txn)
}

// again has the key of a row read once more.
func (j *Join) again(c *copying, t *schema.Table, row event.Row) {
	k, err := j.cfg.Copier.KeyOf(t, row)
	if err == nil && c.readAgain(k) {
		j.ledger.dirty = true
		return
	}
	j.restart(c, "more of its rows are changed in part than can be read again")
}

// boundKeys keeps the noted keys within their share of the memory: a table that is
// written faster than a chunk is read gets smaller chunks.
func (j *Join) boundKeys() {
	c := j.tracker.fit(int(j.cfg.Memory / 4))
	if c == nil {
		return
	}
	c.size = max(c.size/4, fewRows)
	c.why = "its rows are changed faster than they are read: chunks are made smaller"
	j.log.Warn("a chunk is read again: its table is changed faster than it is read", tableField(c.table), rowsField(c.size))
}
