package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/tailrace/tailrace/event"
)

// What can be wrong with a row of COPY.
var (
	errFields = errors.New("the row has another number of fields than was asked for")
	errEscape = errors.New("the row ends within an escape")
)

// appendTuple appends a row of COPY's text format ("File Formats" of the chapter on
// COPY), without its line break, as the TupleData of a row of the stream: one form
// for both is one way to cut them.
func appendTuple(dst, line []byte, columns int) ([]byte, error) {
	dst = binary.BigEndian.AppendUint16(dst, uint16(columns))
	if columns == 0 {
		if len(line) > 0 {
			return dst, errFields
		}
		return dst, nil
	}
	escape := bytes.IndexByte(line, '\\') // the next one, -1 for none
	for pos := 0; ; columns-- {
		if columns == 0 {
			return dst, errFields
		}
		end := len(line)
		if columns > 1 {
			n := bytes.IndexByte(line[pos:], '\t')
			if n < 0 {
				return dst, errFields
			}
			end = pos + n
		}
		if escape < 0 || escape >= end {
			dst = append(dst, 't')
			dst = binary.BigEndian.AppendUint32(dst, uint32(end-pos))
			dst = append(dst, line[pos:end]...)
		} else {
			var err error
			if dst, err = appendEscaped(dst, line[pos:end]); err != nil {
				return dst, err
			}
			if escape = bytes.IndexByte(line[end:], '\\'); escape >= 0 {
				escape += end
			}
		}
		if columns == 1 {
			if bytes.IndexByte(line[pos:], '\t') >= 0 {
				return dst, errFields
			}
			return dst, nil
		}
		pos = end + 1
	}
}

// appendEscaped appends a field that holds a backslash.
func appendEscaped(dst, field []byte) ([]byte, error) {
	if len(field) == 2 && field[1] == 'N' {
		return append(dst, 'n'), nil
	}
	dst = append(dst, 't', 0, 0, 0, 0)
	start := len(dst)
	for {
		n := bytes.IndexByte(field, '\\')
		if n < 0 {
			dst = append(dst, field...)
			binary.BigEndian.PutUint32(dst[start-4:], uint32(len(dst)-start))
			return dst, nil
		}
		dst = append(dst, field[:n]...)
		if field = field[n+1:]; len(field) == 0 {
			return dst, errEscape
		}
		var b byte
		b, n = unescape(field)
		dst = append(dst, b)
		field = field[n:]
	}
}

// unescape reads what is behind a backslash and returns its length.
func unescape(b []byte) (byte, int) {
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

// readSplitter cuts rows that were read: their items hold a TupleData each.
type readSplitter struct{}

var _ event.Splitter = readSplitter{}

// Split implements event.Splitter.
func (readSplitter) Split(u *event.Unit, it *event.Item, c *event.Change, emit func(*event.Change) error) error {
	c.Before, c.After, c.Moved, c.Pos = nil, nil, nil, it.Pos
	if it.Op == event.Read {
		row := c.Scratch(0, len(c.Table.Columns))
		d := u.Raw[it.Start:it.End]
		n, err := readTuple(d, row)
		if err == nil && n != len(d) {
			err = errLong
		}
		if err != nil {
			return malformedRow(c, err)
		}
		c.After = row
	}
	return emit(c)
}
