package mysql

import (
	"encoding/binary"
	"errors"

	"github.com/tailrace/tailrace/event"
)

// copySplitter cuts rows of a snapshot. An item is the packet of one row as the
// server answers a SELECT.
type copySplitter struct{}

var _ event.Splitter = copySplitter{}

// Split implements event.Splitter. A truncate has no bytes.
func (copySplitter) Split(u *event.Unit, it *event.Item, c *event.Change, emit func(*event.Change) error) error {
	c.Op, c.Before, c.After, c.Moved, c.Pos = it.Op, nil, nil, nil, it.Pos
	if it.Op == event.Truncate {
		return emit(c)
	}
	c.Ver.Row = it.Row
	c.After = c.Scratch(1, len(c.Table.Columns))
	if err := cutCells(u.Raw[it.Start:it.End], c.After[:c.Table.Layout.(*copyLayout).columns]); err != nil {
		return unreadable(c.Table, err)
	}
	return emit(c)
}

var errCells = errors.New("it has not as many values as the table has columns")

// cutCells cuts a row of the text protocol: each value is its length and so many
// bytes, or one byte for NULL ("Text Resultset Row", "Protocol::LengthEncodedInteger").
func cutCells(b []byte, row event.Row) error {
	for i := range row {
		if len(b) == 0 {
			return errCells
		}
		n, at := int(b[0]), 1
		switch {
		case n < 0xfb:
		case n == 0xfb:
			row[i] = event.Value{State: event.Null}
			b = b[1:]
			continue
		case n == 0xfc && len(b) >= 3:
			n, at = int(binary.LittleEndian.Uint16(b[1:])), 3
		case n == 0xfd && len(b) >= 4:
			n, at = length24(b[1:]), 4
		case n == 0xfe && len(b) >= 9:
			long := binary.LittleEndian.Uint64(b[1:])
			if long > uint64(len(b)) {
				return errCells
			}
			n, at = int(long), 9
		default:
			return errCells
		}
		if n > len(b)-at {
			return errCells
		}
		row[i] = event.Value{Raw: b[at : at+n : at+n], State: event.Present}
		b = b[at+n:]
	}
	if len(b) > 0 {
		return errCells
	}
	return nil
}
