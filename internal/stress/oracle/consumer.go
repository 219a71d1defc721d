package oracle

import "fmt"

// A consumer has the rows of a table, or of one partition of it, by what came last.
type consumer struct {
	table *Table
	rows  map[string]*arrived
}

// arrived is what last came of a row.
type arrived struct {
	there  bool // it was not deleted
	values []value
	n      int64
	moved  bool // what is not known of it may be in another partition
}

// apply takes an event, also one that came before. For the first arrival of a row that
// a snapshot read it says whether it takes the consumer back.
func (c *consumer) apply(e *event, first bool) error {
	if e.op == 't' {
		clear(c.rows)
		return nil
	}
	old := c.rows[e.key]
	n, err := c.table.step(e.after)
	if err != nil {
		return err
	}
	switch {
	case e.op != 'r' || !first || old == nil:
	case !old.there:
		return fmt.Errorf("a snapshot brings back a row whose delete has arrived")
	case n < old.n:
		return fmt.Errorf("a snapshot brings n %d after n %d has arrived", n, old.n)
	}
	if e.op == 'd' {
		gone := arrived{n: -1}
		if old != nil {
			gone = *old
		}
		gone.there = false
		c.rows[e.key] = &gone
		return nil
	}
	next := &arrived{there: true, values: make([]value, len(e.after)), n: n} // -1: n is absent
	if e.movedFrom != "" {
		// The row on the other side has just been deleted, if its partition is this one.
		next.moved = true
		if old == nil || !old.there {
			old = c.rows[e.movedFrom]
		}
	} else if old != nil && !old.there {
		old = nil
	}
	for i, v := range e.after {
		if v.state == unknown && old != nil && old.values != nil {
			v = old.values[i]
			next.moved = next.moved || old.moved
		}
		next.values[i] = v
	}
	c.rows[e.key] = next
	return nil
}
