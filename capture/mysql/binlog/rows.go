package binlog

import (
	"fmt"

	"github.com/tailrace/tailrace/event"
)

// Rows is what an event says of the rows in it. Slices point into the event.
type Rows struct {
	TableID      uint64
	StatementEnd bool // the last rows event of its statement: table maps end with it
	Op           event.Op
	Columns      int // of every image; must be those of the table map

	// Before and After have a bit for each column, the lowest of the first byte
	// first, that tells whether an image has it; nil when it has all. A delete
	// has no After, an insert no Before.
	Before, After []byte

	// Compressed says that Data is what Inflate takes.
	Compressed bool
	// Data is the images one after another: of an update, that of the old row
	// before that of the new one. Every row has at least one byte.
	Data []byte
}

const statementEnd = 1

// ParseRows reads the rows events of types 23-25, 30-32 and 166-171 (MySQL:
// "Rows_event"; MariaDB: "ROWS_EVENT_V1"). The body has no checksum. Another type
// is an error: see EventType.RowsOp.
func ParseRows(f *Format, h Header, body []byte) (Rows, error) {
	op, ok := h.Type.RowsOp()
	if !ok {
		return Rows{}, fmt.Errorf("%s: rows of this type are not read", h.Type)
	}
	c := cursor{b: body}
	r := Rows{Op: op, TableID: c.fixed(f.tableID, "table id"), Compressed: h.Type >= WriteRowsCompressedV1}
	r.StatementEnd = c.uint16("flags")&statementEnd != 0
	switch h.Type {
	case WriteRows, UpdateRows, DeleteRows, WriteRowsCompressed, UpdateRowsCompressed, DeleteRowsCompressed:
		// What is in there is of NDB, or numbers of partitions.
		n := c.uint16("length of extra data")
		if n < 2 {
			c.fail("length of extra data")
		}
		c.take(uint64(n-2), "extra data")
	}
	columns := c.packed("number of columns")
	if columns > maxColumns {
		c.fail("number of columns")
	}
	r.Columns = int(columns)
	first := c.take((columns+7)/8, "columns of the image")
	second := first
	if op == event.Update {
		second = c.take((columns+7)/8, "columns of the new image")
	}
	if !anyColumn(first, r.Columns) && !anyColumn(second, r.Columns) {
		// Nobody could say how many rows there are. MySQL refuses to write
		// such an event (error 1534), MariaDB writes all columns instead.
		c.fail("columns of the image")
	}
	if err := c.err(h.Type); err != nil {
		return Rows{}, err
	}
	if op != event.Insert {
		r.Before = partial(first, r.Columns)
	}
	if op != event.Delete {
		r.After = partial(second, r.Columns)
	}
	r.Data = c.b
	return r, nil
}

// anyColumn reports whether one of the bits of n columns is set.
func anyColumn(bitmap []byte, n int) bool {
	for i := range bitmap {
		if bitmap[i]&columnBits(n-8*i) != 0 {
			return true
		}
	}
	return false
}

// partial returns bitmap, or nil if the bits of all n columns are set.
func partial(bitmap []byte, n int) []byte {
	for i := range bitmap {
		if want := columnBits(n - 8*i); bitmap[i]&want != want {
			return bitmap
		}
	}
	return nil
}

// columnBits returns the bits of the next n columns in a byte of a bitmap.
func columnBits(n int) byte {
	if n >= 8 {
		return 0xff
	}
	return 1<<n - 1
}
