package oracle

import (
	"fmt"
	"strings"
)

// A Violation is what is wrong, and where to look.
type Violation struct {
	Table  string
	Key    string // of the row; "" if it is of none
	What   string
	Events []string // the last ones of the key, oldest first, or the one that is wrong
}

// Error returns all of it, an event per line.
func (v *Violation) Error() string {
	var b strings.Builder
	b.WriteString(v.Table)
	if v.Key != "" {
		fmt.Fprintf(&b, " key %s", v.Key)
	}
	b.WriteString(": " + v.What)
	for _, e := range v.Events {
		b.WriteString("\n  " + e)
	}
	return b.String()
}

// describe returns an event as a Violation shows it.
func (t *Table) describe(e *event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "partition %d record %d: %s %c", e.partition, e.number, e.ver, e.op)
	for _, part := range []struct {
		name string
		row  []value
	}{{"before", e.before}, {"after", e.after}} {
		if part.row == nil {
			continue
		}
		b.WriteString(" " + part.name + "{")
		for i, v := range part.row {
			if v.state == unknown {
				continue
			}
			text := v.String()
			fmt.Fprintf(&b, " %s=%s", t.Columns[i], text[:min(len(text), 40)])
		}
		b.WriteString(" }")
	}
	if e.movedFrom != "" {
		b.WriteString(" moved from " + e.movedFrom)
	}
	return b.String()
}
