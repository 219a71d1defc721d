package oracle

import (
	"fmt"
	"strings"
)

// The columns that each table has besides its key.
const (
	Step = "n" // the number
	Echo = "t" // the same number as StepText writes it
	Wide = "w" // not in all tables: begins with the n of its last change
)

// A Table is one that the walk changes.
type Table struct {
	Name    string
	Columns []string // in table order
	Key     []string // nil: it has none
}

// StepText returns what Echo holds of a row with this n.
func StepText(n int64) string { return fmt.Sprintf("n=%0*d", stepDigits, n) }

// stepDigits is how many digits n has in Echo and Wide.
const stepDigits = 12

// A value is one column of a row: of an event, or as a consumer has it.
type value struct {
	state state
	text  string // as it stands in JSON, a string without its quotes
}

type state uint8

const (
	unknown state = iota // the event did not carry it, or no event has yet
	null
	present
)

// Null is how Rows that are given to Check write NULL, and what no value may be.
const Null = "NULL"

func (v value) String() string {
	if v.state == null {
		return Null
	}
	return v.text
}

// index returns where the columns with these names are.
func (t *Table) index(names ...string) []int {
	var all []int
	for _, name := range names {
		for i, c := range t.Columns {
			if c == name {
				all = append(all, i)
			}
		}
	}
	return all
}

// keyOf returns the key of a row as one text, "" if a column of it is not known.
func (t *Table) keyOf(row []value) string {
	var b strings.Builder
	for i, c := range t.index(t.Key...) {
		if row[c].state != present {
			return ""
		}
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(row[c].text)
	}
	return b.String()
}
