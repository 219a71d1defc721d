package postgres

import (
	"bytes"
	"errors"

	"github.com/tailrace/tailrace/event"
)

// What can be wrong with a row of COPY.
var (
	errFields = errors.New("the row has another number of fields than was asked for")
	errEscape = errors.New("the row ends within an escape")
)

// cutLine cuts a row of COPY's text format ("File Formats" of the chapter on COPY),
// without its line break, into the columns of row. Values that hold an escape are put
// into c's room, the others are spans of line.
func cutLine(line []byte, c *event.Change, row event.Row) error {
	if len(row) == 0 && len(line) > 0 {
		return errFields
	}
	var room []byte
	escape := bytes.IndexByte(line, '\\') // the next one, len(line) for none
	if escape < 0 {
		escape = len(line)
	}
	pos := 0
	for i := range row {
		end := bytes.IndexByte(line[pos:], '\t') + pos
		if end < pos {
			end = len(line)
		}
		if (end == len(line)) != (i == len(row)-1) {
			return errFields
		}
		field := line[pos:end:end]
		pos = end + 1
		if escape >= end {
			row[i] = event.Value{Raw: field, State: event.Present}
			continue
		}
		if string(field) == `\N` {
			row[i] = event.Value{State: event.Null}
		} else {
			if room == nil {
				room = c.Room(len(line))
			}
			n, ok := unescape(room, field)
			if !ok {
				return errEscape
			}
			row[i] = event.Value{Raw: room[:n:n], State: event.Present}
			room = room[n:]
		}
		if escape = bytes.IndexByte(line[end:], '\\') + end; escape < end {
			escape = len(line)
		}
	}
	return nil
}

// unescape writes a field without its escapes to room, which is as long at least, and
// returns how many bytes these are. It is not ok if the field ends within an escape.
func unescape(room, field []byte) (n int, ok bool) {
	for {
		next := bytes.IndexByte(field, '\\')
		if next < 0 {
			return n + copy(room[n:], field), true
		}
		n += copy(room[n:], field[:next])
		if field = field[next+1:]; len(field) == 0 {
			return n, false
		}
		var length int
		room[n], length = escaped(field)
		field = field[length:]
		n++
	}
}

// escaped returns what stands behind a backslash, and its length.
func escaped(b []byte) (byte, int) {
	switch b[0] {
	case 'b':
		return '\b', 1
	case 'f':
		return '\f', 1
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'v':
		return '\v', 1
	case 'x':
		if n := digits(b[1:], 2, 16); n > 0 {
			return number(b[1:1+n], 16), 1 + n
		}
	}
	if n := digits(b, 3, 8); n > 0 {
		return number(b[:n], 8), n
	}
	return b[0], 1
}

// digits returns how many digits b begins with, at most most.
func digits(b []byte, most int, base byte) int {
	n := 0
	for n < min(most, len(b)) && digit(b[n]) < base {
		n++
	}
	return n
}

func digit(b byte) byte {
	switch {
	case b >= '0' && b <= '9':
		return b - '0'
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10
	}
	return 0xff
}

func number(b []byte, base byte) (v byte) {
	for _, d := range b {
		v = v*base + digit(d)
	}
	return v
}

// readSplitter cuts rows that were read: their items hold a line of COPY each.
type readSplitter struct{}

var _ event.Splitter = readSplitter{}

// Split implements event.Splitter.
func (readSplitter) Split(u *event.Unit, it *event.Item, c *event.Change, emit func(*event.Change) error) error {
	c.Before, c.After, c.Moved, c.Pos = nil, nil, nil, it.Pos
	if it.Op == event.Read {
		row := c.Scratch(0, len(c.Table.Columns))
		if err := cutLine(u.Raw[it.Start:it.End], c, row); err != nil {
			return malformedRow(c, err)
		}
		c.After = row
	}
	return emit(c)
}
