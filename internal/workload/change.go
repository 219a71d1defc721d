package workload

import (
	"context"
	"slices"
)

// alive is how many rows of its own a writer keeps in a table, about: it bounds
// what writer and verifier hold in memory.
const alive = 1500

// change makes one statement's changes, or a few that belong together: at most
// as many rows as the transaction's size leaves.
func (w *writer) change(ctx context.Context) error {
	m := w.models[w.r.IntN(len(w.models))]
	room := w.txn.size - w.txn.rows
	crowd := len(m.rows)
	switch dice := w.r.IntN(100); {
	case m.table.emptied && w.kind == Postgres && dice == 0 && w.r.IntN(20) == 0 && crowd > 0:
		w.truncate(m)
	case crowd == 0, dice < 8 && crowd < 2*alive:
		return w.more(ctx, m, room)
	case dice < 40 && crowd < alive:
		w.insert(m, 1)
	default:
		w.alter(m, m.rows[w.r.IntN(crowd)], room, dice)
	}
	return nil
}

// more makes new rows.
func (w *writer) more(ctx context.Context, m *model, room int) error {
	switch {
	case room >= 20 && w.r.IntN(4) == 0:
		return w.load(ctx, m, min(room, 20+w.r.IntN(130)))
	case room >= manyRows && w.r.IntN(2) == 0:
		w.insert(m, manyRows)
	default:
		w.insert(m, 1)
	}
	return nil
}

// alter changes or deletes a row.
func (w *writer) alter(m *model, r *row, room, dice int) {
	other := m.rows[w.r.IntN(len(m.rows))]
	switch {
	case r.copies > room:
		w.insert(m, 1)
	case r.copies > 1 && w.kind != Postgres && dice%2 == 0:
		w.alterOne(m, r, dice > 75)
	case dice > 75:
		w.delete(m, r)
	case m.table.Key != nil && dice%12 == 1 && room >= 3 && r != other:
		w.swap(m, r, other)
	default:
		w.update(m, r, dice%12 == 0 && m.table.Key != nil)
	}
}

// manyRows is how many rows a multi-row INSERT has: they may share an LSN.
const manyRows = 10

func (w *writer) newRow(m *model) *row {
	n := m.next*w.cfg.Writers + w.id + 1
	m.next++
	r := &row{copies: 1}
	for _, c := range m.table.columns {
		if c.serial != nil {
			r.values = append(r.values, c.serial(n, w.id, w.r))
		} else {
			r.values = append(r.values, c.make(w.r))
		}
	}
	return r
}

func (w *writer) insert(m *model, n int) {
	t := m.table
	var rows [][]value
	for range n {
		rows = append(rows, w.newcomer(m))
	}
	sql, args := insertion(w.session, t, rows)
	w.session.queue(sql, args)
	w.txn.rows += n
	w.txn.counts.Inserts += n
	if r := m.rows[len(m.rows)-1]; t.twins && n == 1 && w.txn.rows < w.txn.size && w.r.IntN(8) == 0 {
		// A second one just like it; the undo of the first removes both.
		w.session.queue(sql, args)
		w.saw(t.Name, t.inserted(r.values))
		r.copies = 2
		w.txn.rows++
		w.txn.counts.Inserts++
	}
}

// load inserts rows in bulk.
func (w *writer) load(ctx context.Context, m *model, n int) error {
	var rows [][]value
	for range n {
		rows = append(rows, w.newcomer(m))
	}
	w.txn.rows += n
	w.txn.counts.Copied += n
	return w.session.load(ctx, m.table, rows)
}

// newcomer adds a row to the model and returns it for the server.
func (w *writer) newcomer(m *model) []value {
	r := w.newRow(m)
	m.insert(r, &w.txn.undo)
	w.saw(m.table.Name, m.table.inserted(r.values))
	return r.values
}

func (w *writer) delete(m *model, r *row) {
	sql, args := where(w.session, m.table, "DELETE FROM "+m.table.Name, nil, r.values)
	w.session.queue(sql, args)
	m.delete(r, &w.txn.undo)
	w.saw(m.table.Name, slices.Repeat([]string{m.table.deleted(r.values, w.txn.img)}, r.copies)...)
	w.txn.rows += r.copies
	w.txn.counts.Deletes += r.copies
}

// update changes a row, half of the times without its big columns. MySQL logs
// nothing where an UPDATE changes nothing.
func (w *writer) update(m *model, r *row, moveKey bool) {
	values := make(map[int]value)
	if moveKey {
		values = m.table.keyOf(w.newRow(m).values)
	}
	withBig := w.r.IntN(2) == 0
	for i, c := range m.table.columns {
		// An image that lacks columns is tried with some of them.
		if c.make != nil && (!c.big || withBig) && (w.txn.img == identity || w.r.IntN(3) > 0) {
			values[i] = c.make(w.r)
		}
	}
	for i, v := range values {
		if v != r.values[i] {
			w.set(m, r, values)
			return
		}
	}
}

func (w *writer) truncate(m *model) {
	w.session.queue("TRUNCATE "+m.table.Name, nil)
	m.truncate(&w.txn.undo)
	w.saw(m.table.Name, truncated)
	w.txn.rows++
	w.txn.counts.Truncates++
}
