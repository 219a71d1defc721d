package postgres

import (
	"encoding/binary"
	"errors"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// splitter cuts Insert, Update, Delete and Truncate messages, whose bodies
// behind the relation's id are the items of a unit.
type splitter struct{}

var _ event.Splitter = splitter{}

// Split implements event.Splitter.
func (splitter) Split(u *event.Unit, it *event.Item, c *event.Change, emit func(*event.Change) error) error {
	c.Before, c.After, c.Moved, c.Pos = nil, nil, nil, it.Event
	d := u.Raw[it.Start:it.End]
	var err error
	switch it.Op {
	case event.Insert:
		err = splitInsert(d, c)
	case event.Update:
		return splitUpdate(d, c, emit)
	case event.Delete:
		err = splitDelete(d, c)
	}
	if err != nil {
		return malformedRow(c, err)
	}
	return emit(c)
}

func malformedRow(c *event.Change, err error) error {
	hint := "report this as a bug: the server's message does not fit the table it names"
	if errors.Is(err, errIdentity) {
		hint = "give each partition the REPLICA IDENTITY of its root; then start behind this place after a new copy of the table, or exclude it"
	}
	return failure.StopFrom(err, hint,
		"a row of %s.%s can't be read at lsn %s", c.Table.Schema, c.Table.Name, lsn(c.Pos))
}

// The letters before a tuple ("Logical Replication Message Formats").
const (
	tupleNew = 'N'
	tupleKey = 'K'
	tupleOld = 'O'
)

func splitInsert(d []byte, c *event.Change) error {
	row := c.Scratch(0, len(c.Table.Columns))
	if err := lastTuple(d, tupleNew, row); err != nil {
		return err
	}
	c.After = row
	return nil
}

func splitDelete(d []byte, c *event.Change) error {
	row := c.Scratch(0, len(c.Table.Columns))
	if len(d) > 0 && d[0] == tupleKey {
		if err := lastTuple(d, tupleKey, row); err != nil {
			return err
		}
		if err := keyOnly(row, c); err != nil {
			return err
		}
	} else if err := lastTuple(d, tupleOld, row); err != nil {
		return err
	}
	c.Before = row
	return nil
}

// splitUpdate reads both rows of an update.
func splitUpdate(d []byte, c *event.Change, emit func(*event.Change) error) error {
	after, before := c.Scratch(0, len(c.Table.Columns)), event.Row(nil)
	if len(d) > 0 && (d[0] == tupleKey || d[0] == tupleOld) {
		before = c.Scratch(1, len(c.Table.Columns))
		n, err := readTuple(d[1:], before)
		if err == nil && d[0] == tupleKey {
			err = keyOnly(before, c)
		}
		if err != nil {
			return malformedRow(c, err)
		}
		d = d[1+n:]
	}
	if err := lastTuple(d, tupleNew, after); err != nil {
		return malformedRow(c, err)
	}
	if before == nil {
		// The key did not change, so the old one is in the new row.
		before = c.Scratch(1, len(c.Table.Columns))
		for _, i := range c.Table.Key {
			before[i] = after[i]
		}
	}
	c.Before, c.After = before, after
	return c.EmitUpdate(emit)
}

// keyOnly makes absent what a key tuple does not carry: the server sends NULL
// for columns outside the replica identity (C3.1). A key is never NULL: then the
// identity is not the one that the log described, as a partition may have one of
// its own.
func keyOnly(row event.Row, c *event.Change) error {
	if len(c.Table.Key) == 0 {
		return errIdentity
	}
	for i := range row {
		if !c.Table.Columns[i].KeyFlag {
			row[i] = event.Value{}
		} else if row[i].State != event.Present {
			return errIdentity
		}
	}
	return nil
}

// lastTuple reads a tuple that must be announced by letter and end the message.
func lastTuple(d []byte, letter byte, row event.Row) error {
	if len(d) == 0 || d[0] != letter {
		return errShort
	}
	n, err := readTuple(d[1:], row)
	if err == nil && n != len(d)-1 {
		err = errLong
	}
	return err
}

// readTuple reads a TupleData and returns its length.
func readTuple(d []byte, row event.Row) (int, error) {
	if len(d) < 2 {
		return 0, errShort
	}
	if int(binary.BigEndian.Uint16(d)) != len(row) {
		return 0, errColumns
	}
	pos := 2
	for i := range row {
		if pos >= len(d) {
			return 0, errShort
		}
		kind := d[pos]
		pos++
		switch kind {
		case 'n':
			row[i] = event.Value{State: event.Null}
		case 'u':
			row[i] = event.Value{}
		case 't':
			if len(d)-pos < 4 {
				return 0, errShort
			}
			n := int(binary.BigEndian.Uint32(d[pos:]))
			pos += 4
			if n > len(d)-pos {
				return 0, errShort
			}
			row[i] = event.Value{Raw: d[pos : pos+n : pos+n], State: event.Present}
			pos += n
		default:
			return 0, errKind
		}
	}
	return pos, nil
}
