package workload

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// alive is how many rows of its own a writer keeps in a table, about: it bounds
// what writer and verifier hold in memory.
const alive = 1500

// change makes one statement's changes: at most as many rows as the
// transaction's size leaves.
func (w *writer) change(ctx context.Context) error {
	m := w.models[w.r.IntN(len(w.models))]
	room := w.txn.size - w.txn.rows
	crowd := len(m.rows)
	switch dice := w.r.IntN(100); {
	case m.table.emptied && dice == 0 && w.r.IntN(20) == 0 && crowd > 0:
		w.truncate(m)
	case crowd == 0, dice < 8 && crowd < 2*alive:
		if room >= 20 && w.r.IntN(4) == 0 {
			return w.copy(ctx, m, min(room, 20+w.r.IntN(130)))
		}
		if room >= manyRows && w.r.IntN(2) == 0 {
			w.insert(m, manyRows)
			return nil
		}
		w.insert(m, 1)
	case dice < 40 && crowd < alive:
		w.insert(m, 1)
	default:
		r := m.rows[w.r.IntN(crowd)]
		switch {
		case r.copies > room:
			w.insert(m, 1)
		case dice > 75:
			w.delete(m, r)
		default:
			w.update(m, r, dice%12 == 0 && m.table.Key != nil)
		}
	}
	return nil
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
	var args []any
	for range n {
		r := w.newRow(m)
		args = append(args, arguments(r.values)...)
		m.insert(r, &w.txn.undo)
		w.saw(t.Name, t.inserted(r.values))
	}
	sql := "INSERT INTO " + t.Name + " VALUES " + placeholders(n, len(t.columns))
	w.txn.batch.Queue(sql, args...)
	w.txn.rows += n
	w.txn.counts.Inserts += n
	if r := m.rows[len(m.rows)-1]; t.twins && n == 1 && w.txn.rows < w.txn.size && w.r.IntN(8) == 0 {
		// A second one just like it; the undo of the first removes both.
		w.txn.batch.Queue(sql, args...)
		w.saw(t.Name, t.inserted(r.values))
		r.copies = 2
		w.txn.rows++
		w.txn.counts.Inserts++
	}
}

// copy loads rows by COPY.
func (w *writer) copy(ctx context.Context, m *model, n int) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	t := m.table
	var b strings.Builder
	for range n {
		r := w.newRow(m)
		for i, v := range r.values {
			if i > 0 {
				b.WriteByte('\t')
			}
			if v.null {
				b.WriteString(`\N`)
			} else {
				b.WriteString(copyEscapes.Replace(v.text))
			}
		}
		b.WriteByte('\n')
		m.insert(r, &w.txn.undo)
		w.saw(t.Name, t.inserted(r.values))
	}
	if _, err := w.conn.PgConn().CopyFrom(ctx, strings.NewReader(b.String()), "COPY "+t.Name+" FROM STDIN"); err != nil {
		return fmt.Errorf("copy rows: %w", err)
	}
	w.txn.rows += n
	w.txn.counts.Copied += n
	return nil
}

var copyEscapes = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

func (w *writer) delete(m *model, r *row) {
	sql, args := where(m.table, "DELETE FROM "+m.table.Name, nil, r.values)
	w.txn.batch.Queue(sql, args...)
	m.delete(r, &w.txn.undo)
	w.saw(m.table.Name, slices.Repeat([]string{m.table.deleted(r.values)}, r.copies)...)
	w.txn.rows += r.copies
	w.txn.counts.Deletes += r.copies
}

// update changes a row, half of the times without its big column.
func (w *writer) update(m *model, r *row, moveKey bool) {
	t := m.table
	after := slices.Clone(r.values)
	var sets []string
	var args []any
	set := func(i int, v value) {
		after[i] = v
		args = append(args, argument(v))
		sets = append(sets, t.columns[i].name+" = $"+strconv.Itoa(len(args)))
	}
	if moveKey {
		fresh := w.newRow(m)
		for i, c := range t.columns {
			if c.key {
				set(i, fresh.values[i])
			}
		}
		w.txn.counts.KeyChanges++
	}
	withBig := w.r.IntN(2) == 0
	for i, c := range t.columns {
		if c.make != nil && (!c.big || withBig) {
			set(i, c.make(w.r))
		}
	}
	sql, args := where(t, "UPDATE "+t.Name+" SET "+strings.Join(sets, ", "), args, r.values)
	w.txn.batch.Queue(sql, args...)
	for range r.copies {
		w.saw(t.Name, t.updated(r.values, after)...)
	}
	m.update(r, after, &w.txn.undo)
	w.txn.rows += r.copies
	w.txn.counts.Updates += r.copies
}

func (w *writer) truncate(m *model) {
	w.txn.batch.Queue("TRUNCATE " + m.table.Name)
	m.truncate(&w.txn.undo)
	w.saw(m.table.Name, truncated)
	w.txn.rows++
	w.txn.counts.Truncates++
}

// where appends the condition that finds a row.
func where(t *table, sql string, args []any, values []value) (string, []any) {
	word := " WHERE "
	for _, i := range t.find {
		args = append(args, argument(values[i]))
		sql += word + t.columns[i].name + " = $" + strconv.Itoa(len(args))
		word = " AND "
	}
	return sql, args
}

func arguments(values []value) []any {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = argument(v)
	}
	return args
}

// argument gives the server a value in text form, whatever its type.
func argument(v value) any {
	if v.null {
		return nil
	}
	return v.text
}

// placeholders returns "($1, $2), ($3, $4)".
func placeholders(rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	return b.String() + ")"
}
