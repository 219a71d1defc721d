package event

import (
	"strconv"

	"github.com/tailrace/tailrace/schema"
)

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

// A Value is one column of a row as the log carries it, to be read by the column's
// codec. Raw is a span of the unit's buffer, or of the room of the change: it is valid
// as long as both.
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
	Pos    uint64 // where the change stands in the log. Postgres: its LSN; MySQL: offset of its event in the file

	// Moved is the row on the other side of a key change that could not be
	// completed (C3.2): the new row for the d, the old one for the c; else nil.
	Moved Row

	scratch [2]Row
	room    []byte // nil until it is asked for
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

// RoomKept is how many bytes of room a Change keeps. More of it goes with the row that
// asked for it, and is part of what its unit costs.
const RoomKept = 64 << 10

// Room returns n bytes, with anything in them, that live as long as c: for values that
// do not lie in the log as their codecs read them. It may be the same memory each time.
func (c *Change) Room(n int) []byte {
	if n > RoomKept {
		return make([]byte, n)
	}
	if c.room == nil {
		c.room = make([]byte, RoomKept)
	}
	return c.room[:n]
}

// A Txn is a transaction as far as its events name it. Which fields are used
// depends on the source. Two are the same if they are equal.
type Txn struct {
	Commit uint64 // ver's commit
	Millis int64  // commit time at the source, Unix milliseconds
	XID    uint64 // Postgres: transaction id

	GTID   GTID   // MySQL and MariaDB: the zero GTID if the server gives none
	File   string // MySQL and MariaDB: binlog file that holds its first event
	Server uint32 // MySQL and MariaDB: server_id of the server where it was made

	// Snapshot says that it is no transaction: its changes are rows as a snapshot
	// read them, or the truncate before those of a table that is copied again. Commit
	// is then directly below the Bound of the place where they were handed on,
	// Millis the server's clock when they were read.
	Snapshot bool
}

// A GTID names a transaction of MySQL or MariaDB. It is kept in two parts, so
// that a million of them are no million strings: the prefix is one string for
// all transactions of an origin.
type GTID struct {
	Prefix string // MySQL "3e11fa47-…:" or "3e11fa47-…:tag:", MariaDB "0-1-"
	Number uint64
}

// IsZero reports whether g is the GTID of no transaction.
func (g GTID) IsZero() bool { return g == GTID{} }

// Append appends the text of g, and nothing for the zero GTID.
func (g GTID) Append(dst []byte) []byte {
	if g.IsZero() {
		return dst
	}
	return strconv.AppendUint(append(dst, g.Prefix...), g.Number, 10)
}

// A binlog place as ver's commit has the file's number in its upper 24 bits and
// the offset in its lower 40 (C2.2).
const placeBits = 40

// BinlogPlace returns ver's commit for a place in a binlog: a file's number and
// the offset in it. ok is false beyond 2^24 files or 1 TiB.
func BinlogPlace(file, offset uint64) (commit uint64, ok bool) {
	return file<<placeBits | offset, file < 1<<(64-placeBits) && offset < 1<<placeBits
}

// BinlogOffset returns the offset of a place that BinlogPlace made.
func BinlogOffset(commit uint64) uint64 { return commit & (1<<placeBits - 1) }
