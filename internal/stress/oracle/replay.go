package oracle

import (
	"fmt"
	"slices"
)

// A replay applies the events of a table with a key in the order of their vers.
type replay struct {
	table   *Table
	rows    map[string]*row
	emptied bool // by a truncate: of rows that nothing is known of, it is known that they are not there
}

// A row is what the events of a key have led to.
type row struct {
	told   bool    // some event has said whether it is there
	there  bool    // it is
	n      int64   // the highest so far, -1 if there was none
	sure   bool    // n is that of the row: of one that was moved it may be absent
	values []value // also of one that was deleted: a row with another key may go on with them
	last   []*event
}

// shown is how many events of a key a Violation shows.
const shown = 8

func (p *replay) row(key string) *row {
	r := p.rows[key]
	if r == nil {
		r = &row{n: -1, told: p.emptied}
		p.rows[key] = r
	}
	return r
}

// apply takes the next event.
func (p *replay) apply(e *event) error {
	if e.op == 't' {
		return p.truncate(e)
	}
	r := p.row(e.key)
	if len(r.last) == shown {
		r.last = slices.Delete(r.last, 0, 1)
	}
	r.last = append(r.last, e)
	if err := p.step(r, e); err != nil {
		return p.wrong(e.key, "%v", err)
	}
	return nil
}

func (p *replay) truncate(e *event) error {
	if e.snapshot {
		return &Violation{Table: p.table.Name, What: "a copy of a table with a key truncates", Events: []string{p.table.describe(e)}}
	}
	p.emptied = true
	for _, r := range p.rows {
		r.told, r.there = true, false
	}
	return nil
}

// step holds an event against the row.
func (p *replay) step(r *row, e *event) error {
	for _, values := range [][]value{e.before, e.after} {
		if err := p.table.whole(values); err != nil {
			return err
		}
	}
	n, err := p.table.step(e.after)
	if err != nil {
		return err
	}
	var from *row
	if e.movedFrom != "" {
		from = p.row(e.movedFrom)
	}
	switch {
	case n >= 0 || e.op == 'd':
	case from == nil:
		return fmt.Errorf("it does not carry %s", Step)
	case from.sure:
		n = from.n
	}
	sure := n >= 0
	switch e.op {
	case 'c':
		err = r.insert(n, e.moved())
	case 'u':
		err = r.update(n)
	case 'd':
		err = r.gone("deletes")
	case 'r':
		err = r.read(n)
	}
	if err == nil && r.there {
		err = p.table.same(r.values, e.before, "before")
	}
	if err == nil && r.there && e.op == 'r' {
		err = p.table.same(r.values, e.after, "the row")
	}
	if err != nil {
		return err
	}
	r.told = true
	if e.op == 'd' {
		r.keep(e.before)
		r.there = false
		return nil
	}
	r.n, r.sure = max(n, r.n), sure
	if !r.there {
		r.values = nil
		if from != nil {
			r.values = slices.Clone(from.values)
		}
	}
	r.there = true
	r.keep(e.after)
	return p.table.whole(r.values)
}

// moved reports whether a c is the second half of a change of the key (C2.1): the row
// keeps its n.
func (e *event) moved() bool {
	last := e.ver[verLen-1]
	return last >= 'a' && (last-'a')%2 == 1 || last < 'a' && (last-'0')%2 == 1
}

func (r *row) insert(n int64, moved bool) error {
	switch {
	case r.there:
		return fmt.Errorf("it inserts a row that is there, with n %d", r.n)
	case moved && (n < 0 || n >= r.n):
	case n <= r.n:
		return fmt.Errorf("it inserts n %d after n %d", n, r.n)
	}
	return nil
}

func (r *row) update(n int64) error {
	if err := r.gone("updates"); err != nil {
		return err
	}
	if r.there && r.sure && n != r.n+1 || n < r.n {
		return fmt.Errorf("it leads from n %d to n %d", r.n, n)
	}
	return nil
}

func (r *row) read(n int64) error {
	switch {
	case r.told && !r.there:
		return fmt.Errorf("a snapshot brings a row that is not there, with n %d, whose last n was %d", n, r.n)
	case r.there && n < r.n:
		return fmt.Errorf("a snapshot brings n %d after n %d: an older value last", n, r.n)
	case r.there && r.sure && n > r.n:
		return fmt.Errorf("a snapshot brings n %d where the stream is at n %d: changes that the stream brings later", n, r.n)
	}
	return nil
}

func (r *row) gone(does string) error {
	if r.told && !r.there {
		return fmt.Errorf("it %s a row that is not there", does)
	}
	return nil
}

// keep takes what the event carries.
func (r *row) keep(values []value) {
	if r.values == nil {
		r.values = make([]value, len(values))
	}
	for i, v := range values {
		if v.state != unknown {
			r.values[i] = v
		}
	}
}

// same holds what an event says of a row as it was against what is known of it.
func (t *Table) same(have, said []value, where string) error {
	for i, v := range said {
		if v.state != unknown && have[i].state != unknown && v != have[i] {
			return fmt.Errorf("column %s of %s is not what the row had", t.Columns[i], where)
		}
	}
	return nil
}

// wrong returns the Violation of a key.
func (p *replay) wrong(key, format string, args ...any) error {
	v := &Violation{Table: p.table.Name, Key: key, What: fmt.Sprintf(format, args...)}
	if r := p.rows[key]; r != nil {
		for _, e := range r.last {
			v.Events = append(v.Events, p.table.describe(e))
		}
	}
	return v
}
