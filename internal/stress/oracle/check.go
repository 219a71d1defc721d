package oracle

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
)

// A Partition yields the records of a table that have an order, as they arrived. It
// stops at an error.
type Partition = iter.Seq2[Record, error]

// A Report counts what was found.
type Report struct {
	Events int // first arrivals
	Read   int // of them, rows that a snapshot read
	Again  int // records that came again
	Rows   int // in the end
}

// Add adds what was found of another table.
func (r *Report) Add(o Report) {
	r.Events += o.Events
	r.Read += o.Read
	r.Again += o.Again
	r.Rows += o.Rows
}

// Check holds what arrived of a table against what may arrive, and against the rows
// that the table holds in the end, whose values are in table order and written as
// events do. The error is a *Violation, or says why the partitions can't be read.
func Check(t Table, partitions []Partition, rows [][]string) (Report, error) {
	report := Report{Rows: len(rows)}
	var events []*event
	consumers := make([]*consumer, len(partitions))
	for i, p := range partitions {
		in := &arrivals{keyless: t.Key == nil, at: -1}
		consumers[i] = &consumer{table: &t, rows: make(map[string]*arrived)}
		if err := intake(&t, i, p, in, consumers[i]); err != nil {
			return report, err
		}
		report.Again += in.again
		events = append(events, in.first...)
	}
	events, err := merge(&t, events, len(partitions))
	if err != nil {
		return report, err
	}
	report.Events = len(events)
	for _, e := range events {
		if e.op == 'r' {
			report.Read++
		}
	}
	if t.Key == nil {
		b := &bag{table: &t, rows: make(map[string]int)}
		if err := b.fill(events); err != nil {
			return report, err
		}
		return report, b.equal(rows)
	}
	p := &replay{table: &t, rows: make(map[string]*row)}
	for _, e := range events {
		if err := p.apply(e); err != nil {
			return report, err
		}
	}
	return report, p.end(consumers, rows)
}

// intake reads a partition.
func intake(t *Table, index int, records Partition, in *arrivals, c *consumer) error {
	number := 0
	for r, err := range records {
		if err != nil {
			return err
		}
		number++
		e, err := parse(t, r)
		if err != nil {
			return &Violation{Table: t.Name, What: fmt.Sprintf("partition %d record %d: %v", index, number, err)}
		}
		e.partition, e.number = index, number
		first, err := in.take(e)
		if err == nil && t.Key != nil {
			err = c.apply(e, first)
		}
		if err != nil {
			return &Violation{Table: t.Name, Key: e.key, What: err.Error(), Events: append(trail(t, in.first, e), t.describe(e))}
		}
	}
	return nil
}

// trail returns the last events of a key before e.
func trail(t *Table, events []*event, e *event) []string {
	var all []string
	for _, o := range events {
		if o != e && o.key == e.key {
			all = append(all, t.describe(o))
		}
	}
	return all[max(0, len(all)-shown):]
}

// merge returns the events of all partitions by ver. A truncate is in each of them,
// all else in one, and a key stays where it is.
func merge(t *Table, events []*event, partitions int) ([]*event, error) {
	slices.SortStableFunc(events, func(a, b *event) int { return cmp.Compare(a.ver, b.ver) })
	home := make(map[string]int)
	var all []*event
	for i := 0; i < len(events); {
		e, n := events[i], 1
		for i+n < len(events) && events[i+n].ver == e.ver {
			n++
		}
		i += n
		switch want := partitions; {
		case e.op == 't' && n != want && !begunAnew(events[i:], e, want):
			return nil, &Violation{Table: t.Name, What: fmt.Sprintf("a truncate is in %d partitions of %d", n, want), Events: []string{t.describe(e)}}
		case e.op != 't' && n != 1:
			return nil, &Violation{Table: t.Name, Key: e.key, What: fmt.Sprintf("a ver is in %d partitions", n), Events: []string{t.describe(e)}}
		}
		all = append(all, e)
		if t.Key == nil || e.op == 't' {
			continue
		}
		if at, known := home[e.key]; known && at != e.partition {
			return nil, &Violation{Table: t.Name, Key: e.key, What: fmt.Sprintf("it was in partition %d before", at), Events: []string{t.describe(e)}}
		}
		home[e.key] = e.partition
	}
	return all, nil
}

// begunAnew reports whether one of the later events, which are by ver, is the truncate
// with which a later life has begun e's copy anew, and is in all partitions: a kill
// between two of them leaves e in some, and nobody sends it again.
func begunAnew(later []*event, e *event, partitions int) bool {
	in := make(map[string]int)
	for _, o := range later {
		if o.op == 't' && o.snapshot && e.snapshot && o.life() > e.life() {
			if in[o.ver]++; in[o.ver] == partitions {
				return true
			}
		}
	}
	return false
}

// end holds what the events have led to, and what came last, against the table.
func (p *replay) end(consumers []*consumer, rows [][]string) error {
	truth := make(map[string][]string, len(rows))
	for _, r := range rows {
		values := make([]value, len(r))
		for i, text := range r {
			values[i] = value{present, text}
		}
		truth[p.table.keyOf(values)] = r
	}
	for key, r := range p.rows {
		if r.there && truth[key] == nil {
			return p.wrong(key, "a consumer has a row that the table has not")
		}
	}
	for key, want := range truth {
		r := p.rows[key]
		if r == nil || !r.there {
			return p.wrong(key, "a consumer has not this row of the table, n %s", want[p.table.index(Step)[0]])
		}
		if err := p.differ(r.values, want, false); err != nil {
			return p.wrong(key, "by ver: %v", err)
		}
	}
	return p.last(consumers, truth)
}

// last holds what came last against the table.
func (p *replay) last(consumers []*consumer, truth map[string][]string) error {
	arrived := 0
	for _, c := range consumers {
		for key, r := range c.rows {
			if !r.there {
				continue
			}
			arrived++
			want := truth[key]
			if want == nil {
				return p.wrong(key, "a row that the table has not came last")
			}
			if err := p.differ(r.values, want, r.moved && len(consumers) > 1); err != nil {
				return p.wrong(key, "by arrival: %v", err)
			}
		}
	}
	if arrived != len(truth) {
		return &Violation{Table: p.table.Name, What: fmt.Sprintf("by arrival there are %d rows, the table has %d", arrived, len(truth))}
	}
	return nil
}

// differ says in which column a row is not what the table holds.
func (p *replay) differ(have []value, want []string, lacking bool) error {
	for i, v := range have {
		switch name := p.table.Columns[i]; {
		case v.state == unknown && lacking:
		case v.state == unknown:
			return fmt.Errorf("the column %s never came", name)
		case v.String() != want[i]:
			return fmt.Errorf("the column %s is %s, the table has %s", name, head(v.String()), head(want[i]))
		}
	}
	return nil
}

func head(text string) string { return text[:min(len(text), 40)] }
