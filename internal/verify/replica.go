package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/internal/workload"
)

// A replica is a table as a reader of its events has it.
type replica struct {
	table workload.Table
	rows  map[string]object // by key
	bag   map[string]int    // of a keyless table: whole rows, and how often each is there
	moved object            // the row of the last event, if that was a delete
}

type object map[string]json.RawMessage

func newReplica(t workload.Table) *replica {
	return &replica{table: t, rows: make(map[string]object), bag: make(map[string]int)}
}

// apply changes the replica by a change that is parsed. What the replica contradicts is an error.
func (r *replica) apply(c *change) error {
	moved := r.moved
	r.moved = nil
	if c.Op == "t" {
		clear(r.rows)
		clear(r.bag)
		return nil
	}
	if r.table.Key == nil {
		return r.applyKeyless(c)
	}
	before, after := c.old, c.new
	old := moved
	switch c.Op {
	case "u", "d":
		key := r.key(before)
		if old = r.rows[key]; old == nil {
			return errors.New("it changes a row that is not there")
		}
		for column, v := range before {
			if !bytes.Equal(v, old[column]) {
				return fmt.Errorf("before.%s is not what the row had", column)
			}
		}
		if r.table.Full && len(before) != len(r.table.Columns) {
			return errors.New("before is not whole, and the identity is FULL")
		}
		delete(r.rows, key)
	case "c":
		if r.rows[r.key(after)] != nil {
			return errors.New("it inserts a row that is there")
		}
	default:
		return fmt.Errorf("the op %q is not known", c.Op)
	}
	if c.Op == "d" {
		r.moved = old
		return nil
	}
	for _, column := range c.Absent {
		if _, there := after[column]; there || old == nil {
			return fmt.Errorf("column %s is absent, and should not be", column)
		}
		after[column] = old[column]
	}
	if len(after) != len(r.table.Columns) {
		return fmt.Errorf("the row has %d columns, the table %d", len(after), len(r.table.Columns))
	}
	r.rows[r.key(after)] = after
	return nil
}

func (r *replica) applyKeyless(c *change) error {
	if c.Op == "u" || c.Op == "d" {
		old := string(c.Before)
		if r.bag[old] == 0 {
			return errors.New("it changes a row that is not there")
		}
		if r.bag[old]--; r.bag[old] == 0 {
			delete(r.bag, old)
		}
	}
	if c.Op == "u" || c.Op == "c" {
		r.bag[string(c.After)]++
	}
	return nil
}

func (r *replica) key(row object) string {
	var b strings.Builder
	for _, name := range r.table.Key {
		b.Write(row[name])
		b.WriteByte(0)
	}
	return b.String()
}

// documents returns the rows as JSON objects, in no order.
func (r *replica) documents() []string {
	var all []string
	for row, n := range r.bag {
		all = append(all, slices.Repeat([]string{row}, n)...)
	}
	for _, row := range r.rows {
		var b strings.Builder
		comma := "{"
		for _, name := range r.table.Columns {
			b.WriteString(comma + `"` + name + `":` + string(row[name]))
			comma = ","
		}
		all = append(all, b.String()+"}")
	}
	return all
}

// parse returns nil for null.
func parse(text json.RawMessage) (object, error) {
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("a row is no JSON object: %w", err)
	}
	return o, nil
}
