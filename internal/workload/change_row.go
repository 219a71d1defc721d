package workload

import "strings"

// set changes the columns of a row that values has, in all copies of it.
func (w *writer) set(m *model, r *row, values map[int]value) {
	t := m.table
	after, sql, args := w.setting(t, r, values)
	w.session.queue(sql, args)
	for range r.copies {
		w.saw(t.Name, t.updated(r.values, after, values, w.txn.img)...)
	}
	if t.Key != nil && t.key(r.values) != t.key(after) {
		w.txn.counts.KeyChanges++
	}
	m.update(r, after, &w.txn.undo)
	w.txn.rows += r.copies
	w.txn.counts.Updates += r.copies
}

// setting returns what a row becomes, and the UPDATE that makes it so.
func (w *writer) setting(t *table, r *row, values map[int]value) (after []value, sql string, args []any) {
	var sets []string
	for i, old := range r.values {
		v, ok := values[i]
		if !ok {
			after = append(after, old)
			continue
		}
		var text string
		text, args = w.session.value(v, args)
		sets = append(sets, t.columns[i].name+" = "+text)
		after = append(after, v)
	}
	sql, args = where(w.session, t, "UPDATE "+t.Name+" SET "+strings.Join(sets, ", "), args, r.values)
	return after, sql, args
}

// keyOf returns the key columns of a row.
func (t *table) keyOf(values []value) map[int]value {
	key := make(map[int]value)
	for i, c := range t.columns {
		if c.key {
			key[i] = values[i]
		}
	}
	return key
}

// swap gives two rows each other's key, by way of a third.
func (w *writer) swap(m *model, a, b *row) {
	first, second := m.table.keyOf(a.values), m.table.keyOf(b.values)
	w.set(m, a, m.table.keyOf(w.newRow(m).values))
	w.set(m, b, first)
	w.set(m, a, second)
	w.txn.counts.Swaps++
}

// alterOne changes or deletes one of the copies of a row of MySQL.
func (w *writer) alterOne(m *model, r *row, remove bool) {
	t := m.table
	w.txn.rows++
	w.txn.counts.Singled++
	if remove {
		sql, args := where(w.session, t, "DELETE FROM "+t.Name, nil, r.values)
		w.session.queue(sql+" LIMIT 1", args)
		w.saw(t.Name, t.deleted(r.values, w.txn.img))
		w.txn.counts.Deletes++
	} else {
		values := make(map[int]value)
		fresh := w.newRow(m)
		for i := range fresh.values {
			values[i] = fresh.values[i] // with a number by which it is found
		}
		_, sql, args := w.setting(t, r, values)
		w.session.queue(sql+" LIMIT 1", args)
		w.saw(t.Name, t.updated(r.values, fresh.values, values, w.txn.img)...)
		m.insert(fresh, &w.txn.undo)
		w.txn.counts.Updates++
	}
	m.repeat(r, r.copies-1, &w.txn.undo)
}
