package pipeline

import (
	"slices"

	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/murmur2"
	"github.com/tailrace/tailrace/schema"
)

// A PartitionBy says which events of a topic share a partition, and with it
// which of them keep their order. The zero value is ByTable.
type PartitionBy struct {
	What    Partition
	Columns []string // of ByColumns: at least one
}

// A Partition is what chooses the partition of an event: its murmur2 hash.
type Partition uint8

// The choices. A key and columns are hashed in their text, so that a consumer can
// compute the partition too.
const (
	ByTable       Partition = iota // the table's name: a partition holds whole tables
	ByKey                          // the bytes of the key; of a table without one its name
	ByTransaction                  // the transaction's id as in the event; of a row that a snapshot read its key
	ByColumns                      // the columns' values as text, joined by commas; NULL is no text
)

// columnsOf returns where the named columns are in a table.
func columnsOf(table *schema.Table, names []string) ([]int, error) {
	columns := make([]int, len(names))
	for i, name := range names {
		columns[i] = slices.IndexFunc(table.Columns, func(c schema.Column) bool { return c.Name == name })
		if columns[i] < 0 {
			return nil, failure.Stop("name columns that all captured tables have, or exclude the table",
				"table %s has no column %s, which publish.partition_by names", table, name)
		}
	}
	return columns, nil
}

// hash returns the hash that chooses the partition of c, whose key has the given
// bytes. A truncate goes to all partitions.
func (w *worker) hash(r *route, c *event.Change, key []byte) (uint32, error) {
	switch w.life.p.PartitionBy.What {
	case ByKey:
		if len(key) > 0 {
			return murmur2.Sum(key), nil
		}
	case ByTransaction:
		if c.Txn.Snapshot && len(key) > 0 {
			return murmur2.Sum(key), nil
		}
		if c.Txn.Snapshot {
			return r.hash, nil
		}
		id := encode.AppendTxnID(w.scratch[:0], c.Txn)
		w.scratch = id
		return murmur2.Sum(id[1 : len(id)-1]), nil // it is a JSON string
	case ByColumns:
		if c.Op != event.Truncate {
			return w.hashColumns(r, c)
		}
	}
	return r.hash, nil
}

func (w *worker) hashColumns(r *route, c *event.Change) (uint32, error) {
	if r.columns == nil {
		// Found at the first row: a truncate of MySQL names no columns.
		columns, err := columnsOf(c.Table, w.life.p.PartitionBy.Columns)
		if err != nil {
			return 0, err
		}
		r.columns = columns
		w.routes[c.Table] = *r
	}
	text := w.scratch[:0]
	for n, i := range r.columns {
		if n > 0 {
			text = append(text, ',')
		}
		// What an update's new row lacks has not changed.
		v := valueOf(c.After, i)
		if v.State == event.Absent {
			v = valueOf(c.Before, i)
		}
		switch v.State {
		case event.Absent:
			return 0, failure.Stop(
				"use columns of the key, or have the log carry whole rows (REPLICA IDENTITY FULL, binlog_row_image=FULL)",
				"the log does not carry column %s of %s, which publish.partition_by names, at ver %s", c.Table.Columns[i].Name, c.Table, c.Ver)
		case event.Present:
			var err error
			if text, err = c.Table.Columns[i].Codec.AppendText(text, v.Raw); err != nil {
				return 0, failure.StopFrom(err, "see docs/events.md for values.invalid_text, or partition by other columns",
					"column %s of %s has no text at ver %s", c.Table.Columns[i].Name, c.Table, c.Ver)
			}
		}
	}
	w.scratch = text
	return murmur2.Sum(text), nil
}

// valueOf returns a value of a row, absent where there is no row.
func valueOf(row event.Row, i int) event.Value {
	if row == nil {
		return event.Value{}
	}
	return row[i]
}
