package event

import "github.com/tailrace/tailrace/schema"

// An Op is what happened, by the letter that an event carries.
type Op byte

// The operations. End is the end of a transaction: it is an item of a unit and
// never a change.
const (
	Insert   Op = 'c'
	Update   Op = 'u'
	Delete   Op = 'd'
	Read     Op = 'r' // a row read by a snapshot
	Truncate Op = 't'
	End      Op = 'e'
)

// A State says whether a value was carried by the log at all. Absent is not
// NULL: the database holds a value that the log did not send.
type State uint8

// The states of a value.
const (
	Absent State = iota
	Null
	Present
)

// A Value is one column of a row as the log carries it. Raw is a span of the
// unit's buffer, read by the column's codec; it is valid as long as the unit.
type Value struct {
	Raw   []byte
	State State
}

// A Row has one Value per column of its table version, in table order.
type Row []Value

// A Change is one change of one row. It is scratch that a worker fills again
// and again: whoever is given one keeps nothing of it.
type Change struct {
	Op     Op
	Table  *schema.Table
	Before Row // u, d: what the log carries of the old row, at least the key if there is one; else nil
	After  Row // c, u, r: the new row; else nil
	Txn    *Txn
	Ver    Ver
	Pos    uint64 // where the change stands in the log. Postgres: its LSN

	// Moved is the row on the other side of a key change that could not be
	// completed (C3.2): the new row for the d, the old one for the c; else nil.
	Moved Row

	scratch [2]Row
}

// Scratch returns one of two rows of n absent values that live as long as c:
// the memory of a splitter, which has none of its own.
func (c *Change) Scratch(i, n int) Row {
	if c.scratch[i] == nil || cap(c.scratch[i]) < n { // a row of no columns is a row
		c.scratch[i] = make(Row, n)
	}
	row := c.scratch[i][:n]
	clear(row)
	return row
}

// A Txn is a transaction as far as its events name it. Which fields are used
// depends on the source.
type Txn struct {
	Commit uint64 // ver's commit
	Millis int64  // commit time at the source, Unix milliseconds
	XID    uint64 // Postgres transaction id
}
