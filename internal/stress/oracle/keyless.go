package oracle

import (
	"fmt"
	"slices"
	"strings"
)

// A bag is a table without a key: how often each row is there.
type bag struct {
	table *Table
	rows  map[string]int
	life  string // of the daemon that read the rows; "" until there was one
	ended bool   // a change has come behind the rows that were read
}

// fill applies the events of a keyless table in the order of their vers, from the
// beginning of the copy that was begun last. What came before is void.
func (b *bag) fill(events []*event) error {
	begin := -1
	for i, e := range events {
		if e.snapshot && (e.op == 't' || begin < 0) {
			begin = i
		}
	}
	if begin < 0 {
		return nil // an empty table: what is not so shows in the end
	}
	for _, e := range events[begin:] {
		if err := b.apply(e); err != nil {
			return &Violation{Table: b.table.Name, What: err.Error(), Events: b.around(events, e)}
		}
	}
	return nil
}

// around returns the last events of the row that e is about.
func (b *bag) around(events []*event, e *event) []string {
	about := func(o *event) bool {
		for _, row := range [][]value{o.before, o.after} {
			for _, mine := range [][]value{e.before, e.after} {
				if row != nil && mine != nil && row[0] == mine[0] {
					return true
				}
			}
		}
		return o == e
	}
	var all []string
	for _, o := range events[:slices.Index(events, e)+1] {
		if about(o) {
			all = append(all, b.table.describe(o))
		}
	}
	return all[max(0, len(all)-shown):]
}

func (b *bag) apply(e *event) error {
	switch e.op {
	case 't':
		clear(b.rows)
		return nil
	case 'r':
		return b.read(e)
	}
	b.ended = b.life != ""
	if e.op == 'u' {
		from, err := b.table.step(e.before)
		if err != nil {
			return err
		}
		for i, v := range e.after {
			if v.state == unknown {
				e.after[i] = e.before[i]
			}
		}
		if to, err := b.table.step(e.after); err != nil || to != from+1 {
			return fmt.Errorf("it leads from n %d to n %d", from, to)
		}
	}
	for _, row := range [][]value{e.before, e.after} {
		if err := b.table.whole(row); err != nil {
			return err
		}
	}
	if e.before != nil {
		old := line(e.before)
		if b.rows[old] == 0 {
			return fmt.Errorf("it changes a row that is not there")
		}
		if b.rows[old]--; b.rows[old] == 0 {
			delete(b.rows, old)
		}
	}
	if e.after != nil {
		b.rows[line(e.after)]++
	}
	return nil
}

// read takes a row of the copy, all of which are at one place.
func (b *bag) read(e *event) error {
	life := e.life()
	switch {
	case b.life != "" && b.life != life:
		return fmt.Errorf("a copy is begun anew without a truncate")
	case b.ended:
		return fmt.Errorf("changes come between the rows of a copy")
	}
	b.life = life
	if err := b.table.whole(e.after); err != nil {
		return err
	}
	b.rows[line(e.after)]++
	return nil
}

// line returns a row as one text.
func line(row []value) string {
	texts := make([]string, len(row))
	for i, v := range row {
		texts[i] = v.String()
	}
	return strings.Join(texts, "\x00")
}

// equal holds the bag against the rows of the table.
func (b *bag) equal(rows [][]string) error {
	missing := 0
	for _, r := range rows {
		text := strings.Join(r, "\x00")
		if b.rows[text] == 0 {
			missing++
			continue
		}
		if b.rows[text]--; b.rows[text] == 0 {
			delete(b.rows, text)
		}
	}
	extra, example := 0, ""
	for text, n := range b.rows {
		extra += n
		example = text
	}
	if missing+extra == 0 {
		return nil
	}
	return &Violation{Table: b.table.Name, What: fmt.Sprintf("%d rows of the table did not arrive, %d that arrived are not there, such as %q", missing, extra, example[:min(len(example), 80)])}
}
