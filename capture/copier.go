package capture

import (
	"context"
	"errors"
	"time"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

// What a CopySession may find instead of rows. They are wrapped with the detail, and
// the session goes on.
var (
	// ErrNoTable says that the table is not there, or not captured, any more.
	ErrNoTable = errors.New("the table is gone")
	// ErrAgain says that the same read may succeed in a moment: a lock was not
	// given in time, the table was altered under the view, or a transaction that the
	// stream has delivered is not visible yet.
	ErrAgain = errors.New("the read has to be repeated")
	// ErrParts says that the table's key is not the one any more by which a Part was
	// cut: the table is to be read from its start.
	ErrParts = errors.New("the table has another key by now")
)

// A Copier reads captured tables as they are, for a snapshot that is joined to a
// stream of the same server (C5). It has connections of its own and writes nothing.
// Any goroutine may use it, a CopySession one at a time.
type Copier interface {
	// Tables lists the captured tables that there are, by name. Those that the
	// stream does not carry yet (Postgres: not in the publication) are left out.
	Tables(ctx context.Context) ([]Extent, error)

	// Mark returns a mark of this moment, in text that only the Copier reads.
	// Whatever was committed in the log by then, and may not yet be visible, runs
	// or waits in a transaction that had begun (C5.2, C5.4).
	Mark(ctx context.Context) (string, error)

	// Settled returns "" once all transactions that ran at mark have ended: views
	// that are opened from then on show all that was in the log at the mark. Else it
	// says who is waited for, in words for a person.
	Settled(ctx context.Context, mark string) (waitsFor string, err error)

	// Shows returns which transactions of the stream a view shows. The view is that
	// of a Chunk, maybe of an earlier process.
	Shows(view string) (func(*event.Txn) bool, error)

	// KeyOf returns the key of a row of the stream, as a Part names it.
	KeyOf(t *schema.Table, row event.Row) (Key, error)

	// Lag returns how far the server's replicas are behind it, or it behind its
	// own source, whichever is more; 0 if there are none or it does not say.
	Lag(ctx context.Context) (time.Duration, error)

	// Connect opens a connection to read on. Its error is classified.
	Connect(ctx context.Context) (CopySession, error)

	// Close ends the connections of the Copier itself.
	Close() error
}

// An Extent is a table to copy.
type Extent struct {
	Table string // as schema.Table prints it: namespace.name
	// Whole says that the table has no key, or none whose values can be given in a
	// statement: it is read in one view, while the stream waits (C5.5).
	Whole bool
	// Rows and Bytes are the server's statistics, or Unknown. Nothing is counted.
	Rows, Bytes int64
}

// A Key is the identity key of a row in key order, as text that the Copier makes
// and reads, and that is valid UTF-8: it is kept in a checkpoint.
type Key []string

// A Part is a piece of a table: rows with keys behind After up to and with UpTo,
// as the database compares them. nil is the end of the table.
type Part struct {
	Table       string
	After, UpTo Key
	Keys        []Key  // in place of a range: exactly these
	Where       string // SQL that rows must meet besides; "" for all
	Whole       bool   // the whole table, in any order: After, UpTo and Keys are nil
}

// Delivered is what the stream had delivered at the place where the keys of a
// table began to be noted, which is the end of a transaction (C5.1).
type Delivered struct {
	Position event.Position
	// Txns are transactions of this stream that no view has shown yet, as far as
	// their ids matter (Postgres: XID).
	Txns []uint64
}

// Limits bound a read.
type Limits struct {
	Rows  int // at most so many rows; 0: no limit
	Bytes int // from so many raw bytes on no row is added, and what was read is the chunk
}

// A Chunk is what was read of a Part.
type Chunk struct {
	Table *schema.Table // version of all rows; nil if there were none
	Rows  int
	Last  Key  // of the last row, nil if there was none
	Done  bool // there is nothing of the Part behind Last

	// Order is what the order of keys depends on beside the columns' types, such as their
	// collations. Parts that were cut under another one don't fit.
	Order string

	// End is a place of the stream behind all that the view shows. The rows are
	// handed on where the stream has reached it.
	End event.Position
	// View is the view in text, for Shows.
	View string
	// Txn names where the rows were read as their events do: Millis by the server's
	// clock, and of MySQL File and Server. Pos is the place of End (Postgres: LSN,
	// MySQL: offset in File).
	Txn event.Txn
	Pos uint64
}

// A CopySession is one connection to read on. Errors are classified: after one of
// the class Retry the session is closed and another one opened.
type CopySession interface {
	// Open begins a view of a table that shows everything that was delivered, and
	// holds off changes of the table's columns until Finish. It fills in of the Chunk
	// Table, Order, End, View, Txn and Pos. What the view is said to show it shows; with
	// exact it also shows nothing else of this table. The error may be ErrNoTable or
	// ErrAgain, also after a few seconds of trying.
	Open(ctx context.Context, table string, seen Delivered, exact bool) (Chunk, error)

	// Read reads a part of the table in the open view, in key order, or in any order
	// for a whole table or for Keys. Rows go into units that next returns, which are
	// empty, as items of Op Read with Table, Start, End and Row, the number of the row
	// from 0 on; a unit whose Cost is 256 KiB or more is full. Read sets Split of each
	// unit; the items' other fields are the caller's. It fills in Rows, Last and Done, of
	// this read alone: until the bytes of one were too many a view may be read again.
	Read(ctx context.Context, c *Chunk, p Part, l Limits, next func() (*event.Unit, error)) error

	// Finish closes the view.
	Finish(ctx context.Context) error

	// Split returns the key in a part that has so many rows of it before it, nil if
	// there are fewer. No view is open.
	Split(ctx context.Context, p Part, rows int) (Key, error)

	// Close ends the connection.
	Close() error
}

// An Asker is a Stream whose server says only now and then where an idle log ends.
// Ask has it say so soon; it never waits, and any goroutine may call it.
type Asker interface{ Ask() }
