package mysql

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/capture/mysql/gtid"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// A position is a place in the binlog at which a transaction has ended. Its text:
//
//	gtid:SET@FILE:OFFSET~CREATED.START.CRC!READ
//	file:FILE:OFFSET~CREATED.START.CRC!READ
//
// SET is of MySQL (uuid:1-77) or of MariaDB (0-1-100). READ is there only while
// the position is held back. What a person writes has no mark, and may have no
// file beside the set.
type position struct {
	byGTID bool      // the place is given by set or list; both are empty at the beginning of all
	set    *gtid.Set // MySQL; not nil if byGTID and list is empty
	list   gtid.List // MariaDB
	file   string    // "" if not known
	offset uint64
	mark   mark
	// read is up to where, as a ver has it, everything is published but the
	// transactions that were prepared behind this place and wait for their end
	// (C4.2); 0 if the position is not held back for one.
	read uint64
}

// A mark tells a place from the same place in another log (C4.4): one that was
// begun anew, or restored from a copy, has the same names and offsets. The zero
// mark is one that is not known.
type mark struct {
	created uint32 // timestamp in the header of the file's format description event
	start   uint64 // offset of the last event before the place; 0 if it is the file's start
	crc     uint32 // that event's checksum
}

const (
	gtidTag = "gtid:"
	fileTag = "file:"

	exampleMySQL   = "gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"
	exampleMariaDB = "gtid:0-1-100"

	// firstOffset is where the first event of a file stands.
	firstOffset = 4
)

// text returns the position as everybody else keeps it.
func (p *position) text() event.Position {
	return event.Position(p.append(make([]byte, 0, 192)))
}

func (p *position) append(dst []byte) []byte {
	if p.byGTID {
		dst = append(dst, gtidTag...)
		dst = p.list.Append(p.set.Append(dst)) // one of them is empty
		if p.file == "" {
			return dst
		}
		dst = append(dst, '@')
	} else {
		dst = append(dst, fileTag...)
	}
	dst = appendFile(dst, p.file)
	dst = strconv.AppendUint(append(dst, ':'), p.offset, 10)
	if p.mark != (mark{}) {
		dst = strconv.AppendUint(append(dst, '~'), uint64(p.mark.created), 16)
		dst = strconv.AppendUint(append(dst, '.'), p.mark.start, 16)
		dst = strconv.AppendUint(append(dst, '.'), uint64(p.mark.crc), 16)
	}
	if p.read != 0 {
		dst = strconv.AppendUint(append(dst, '!'), p.read, 16)
	}
	return dst
}

// gtids returns the set as text.
func (p *position) gtids() string { return string(p.list.Append(p.set.Append(nil))) }

// place returns file and offset for people.
func (p *position) place() string { return p.file + ":" + strconv.FormatUint(p.offset, 10) }

func (p *position) clone() position {
	c := *p
	if p.set != nil {
		c.set = p.set.Clone()
	}
	c.list = p.list.Clone()
	return c
}

// appendFile appends a file's name with everything percent-encoded that is
// neither a letter, a digit nor one of . _ - /.
func appendFile(dst []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i]; plainInFile(c) {
			dst = append(dst, c)
		} else {
			dst = hex.AppendEncode(append(dst, '%'), []byte{c})
		}
	}
	return dst
}

func plainInFile(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._-/", c) >= 0
}

// parsePosition reads the text of a position; the error is a Stop.
func parsePosition(text event.Position) (position, error) {
	p, err := readPosition(string(text))
	if err != nil {
		return position{}, failure.StopFrom(err, positionHint, "%.200q is not a place in a binlog", text)
	}
	return p, nil
}

const positionHint = "write it as " + exampleMySQL + " (MySQL), " + exampleMariaDB + " (MariaDB) or " + exampleFile

const exampleFile = "file:binlog.000003:1542"

func readPosition(text string) (p position, err error) {
	if file, ok := strings.CutPrefix(text, fileTag); ok {
		return p, p.readFile(file)
	}
	sets, ok := strings.CutPrefix(text, gtidTag)
	if !ok {
		return p, errors.New("neither gtid: nor file: is at its beginning")
	}
	sets, file, placed := strings.Cut(sets, "@")
	p.byGTID = true
	// A UUID has a colon behind it, a GTID of MariaDB has none.
	switch {
	case sets == "", strings.Contains(sets, ":"):
		if p.set, err = gtid.Parse(sets); err != nil {
			return p, err
		}
	default:
		if p.list, err = gtid.ParseList(sets); err != nil {
			return p, err
		}
	}
	if placed {
		return p, p.readFile(file)
	}
	return p, nil
}

// readFile reads FILE:OFFSET and the mark behind it.
func (p *position) readFile(text string) (err error) {
	text, read, held := strings.Cut(text, "!")
	if held {
		if p.read, err = strconv.ParseUint(read, 16, 64); err != nil {
			return errors.New("behind ! there is not a number in hex")
		}
	}
	text, marked, hasMark := strings.Cut(text, "~")
	name, offset, ok := cutLast(text, ":")
	if !ok {
		return errors.New("behind the file's name there is no :offset")
	}
	if p.file, err = unescapeFile(name); err != nil {
		return err
	}
	if _, _, err := fileNumber(p.file); err != nil {
		return err
	}
	if p.offset, err = strconv.ParseUint(offset, 10, 63); err != nil || p.offset < firstOffset {
		return fmt.Errorf("%.40q is not an offset: the first event of a file is at %d", offset, firstOffset)
	}
	if !hasMark {
		return nil
	}
	fields := strings.Split(marked, ".")
	if len(fields) != 3 {
		return errors.New("behind ~ there are not three numbers")
	}
	created, err1 := strconv.ParseUint(fields[0], 16, 32)
	start, err2 := strconv.ParseUint(fields[1], 16, 63)
	crc, err3 := strconv.ParseUint(fields[2], 16, 32)
	if err1 != nil || err2 != nil || err3 != nil || start >= p.offset {
		return errors.New("behind ~ there are not three numbers in hex that fit the offset")
	}
	p.mark = mark{uint32(created), start, uint32(crc)}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func unescapeFile(text string) (string, error) {
	var name []byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '%' && len(text)-i > 2:
			b, err := hex.DecodeString(text[i+1 : i+3])
			if err != nil {
				return "", errors.New("a % in the file's name is not followed by two hex digits")
			}
			name = append(name, b...)
			i += 2
		case plainInFile(c):
			name = append(name, c)
		default:
			return "", fmt.Errorf("the file's name has a character %q that is not percent-encoded", c)
		}
	}
	return string(name), nil
}

// fileNumber cuts the name of a binlog into its base and its number:
// binlog.000003 is the third of binlog. The number has six digits, and more from
// a million on.
func fileNumber(name string) (base string, n uint64, err error) {
	base, digits, ok := cutLast(name, ".")
	n, err = strconv.ParseUint(digits, 10, 63)
	if !ok || base == "" || err != nil {
		return "", 0, fmt.Errorf("%.80q is not the name of a binlog: it does not end with a number", name)
	}
	return base, n, nil
}
