package mysql_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

func replayOf(b []byte, piece int) net.Conn {
	return &replay{rest: bytes.NewReader(b), piece: func() int { return piece }}
}

// answerOf makes packets of bodies, the first of which has the number 1.
func answerOf(bodies ...string) (b []byte) {
	number := byte(1)
	for _, body := range bodies {
		for {
			n := min(len(body), 1<<24-1)
			b = append(b, byte(n), byte(n>>8), byte(n>>16), number)
			b = append(b, body[:n]...)
			number++
			if body = body[n:]; n < 1<<24-1 {
				break
			}
		}
	}
	return b
}

const (
	lastEOF = "\xfe\x00\x00\x02\x00"
	lastOK  = "\xfe\x00\x00\x02\x00\x00\x00"
)

func TestAnswersAreReadWithAndWithoutAnEndOfTheirColumns(t *testing.T) {
	large := "\xfe" + string(binary.LittleEndian.AppendUint64(nil, 1<<24)) + strings.Repeat("x", 1<<24)
	for _, c := range []struct {
		name   string
		bodies []string
		want   []string
	}{
		{"no rows, as a new server says it", []string{"\x01", "column", lastOK}, nil},
		{"no rows, as an old server says it", []string{"\x01", "column", lastEOF, lastEOF}, nil},
		{"rows of a new server", []string{"\x02", "a", "b", "\x011\xfb", "\xfb\xfb", lastOK}, []string{"\x011\xfb", "\xfb\xfb"}},
		{"rows of an old server", []string{"\x02", "a", "b", lastEOF, "\x011\xfb", lastEOF}, []string{"\x011\xfb"}},
		{"more columns than a byte counts", append(append([]string{"\xfc\x2c\x01"}, slices300...), "row", lastOK), []string{"row"}},
		{"a row of several packets", []string{"\x01", "column", large, "\x011", lastOK}, []string{large, "\x011"}},
		{"a row of one whole packet", []string{"\x01", "column", large[:1<<24-1], lastOK}, []string{large[:1<<24-1]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := answerOf(c.bodies...)
			for _, piece := range []int{1 << 20, 70_001} {
				rows, _, err := mysql.ReadAnswer(replayOf(b, piece), 32<<20)
				if err != nil || len(rows) != len(c.want) {
					t.Fatalf("got %d rows, %v, want %d", len(rows), err, len(c.want))
				}
				for i, row := range rows {
					if string(row) != c.want[i] {
						t.Errorf("row %d is another one", i)
					}
				}
			}
		})
	}
}

var slices300 = strings.Split(strings.Repeat("c ", 299)+"c", " ")

func TestBrokenAnswersAreNoRows(t *testing.T) {
	refusal := "\xff\x84\x05#HY000Table definition has changed"
	good := answerOf("\x01", "column", "\x011", lastOK)
	for _, c := range []struct {
		name string
		b    []byte
		want func(error) bool
	}{
		{"an error in place of columns", answerOf(refusal), isServers},
		{"an error among the rows", answerOf("\x01", "column", "\x011", refusal), isServers},
		{"an error without a number", answerOf("\x01", "column", "\xff"), isSome},
		{"an answer without rows", answerOf("\x00\x00\x00"), isSome},
		{"a request for a file", answerOf("\xfbname"), isSome},
		{"another number of a packet", append(answerOf("\x01"), answerOf("column")...), isSome},
		{"an empty packet", answerOf("\x01", ""), isSome},
		{"an end in the middle", good[:len(good)-9], failure.Retryable},
		{"a row that is too long", answerOf("\x01", "column", strings.Repeat("x", 1001)), isSome},
		{"a row of packets that is too long", answerOf("\x01", "column", strings.Repeat("x", 1<<24+1001)), isSome},
	} {
		t.Run(c.name, func(t *testing.T) {
			if rows, _, err := mysql.ReadAnswer(replayOf(c.b, 1<<20), 1000); !c.want(err) {
				t.Errorf("got %d rows, %v", len(rows), err)
			}
		})
	}
}

func isSome(err error) bool { return err != nil && !errors.Is(err, io.EOF) }

func isServers(err error) bool {
	var my *gomysql.MyError
	return errors.As(err, &my) && my.Code == 1412
}

// FuzzAnswer gives any bytes in any pieces as the answer to a SELECT: no panic, no
// more memory than promised, and the same rows whatever the pieces.
func FuzzAnswer(f *testing.F) {
	f.Add(answerOf("\x01", "column", "\x011", "\xfb", lastOK), uint8(3), uint16(100))
	f.Add(answerOf("\x01", "column", lastEOF, "\x011", lastEOF), uint8(1), uint16(9))
	f.Add(answerOf("\xff\x84\x05#HY000no"), uint8(7), uint16(0))
	f.Add([]byte("\x01\x00\x00\x01\x01\x01\x00\x00\x02c\xff\xff\xff\x03abc"), uint8(2), uint16(60000))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8, most uint16) {
		whole, held, err1 := mysql.ReadAnswer(replayOf(b, len(b)), int(most))
		pieces, held2, err2 := mysql.ReadAnswer(replayOf(b, int(piece)), int(most))
		if (err1 == nil) != (err2 == nil) || err1 != nil && err1.Error() != err2.Error() || len(whole) != len(pieces) {
			t.Fatalf("at once: %d rows, %v; in pieces: %d, %v", len(whole), err1, len(pieces), err2)
		}
		if room := 256<<10 + int(most); max(held, held2) > room {
			t.Errorf("%d and %d bytes are held, more than %d", held, held2, room)
		}
		for i := range whole {
			if !bytes.Equal(whole[i], pieces[i]) {
				t.Fatalf("row %d: at once %q, in pieces %q", i, whole[i], pieces[i])
			}
		}
	})
}

// FuzzCells cuts any bytes into values: those and their lengths are all of the row,
// or it is refused.
func FuzzCells(f *testing.F) {
	f.Add([]byte("\x011\xfb\x00"), uint8(3))
	f.Add([]byte("\xfc\x02\x00ab\xfd\x01\x00\x00c\xfe\x01\x00\x00\x00\x00\x00\x00\x00d"), uint8(3))
	f.Add([]byte("\xfe\xff\xff\xff\xff\xff\xff\xff\xff"), uint8(1))
	f.Add([]byte("\xff"), uint8(1))
	f.Add([]byte(""), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, columns uint8) {
		row, err := mysql.CutCells(b, int(columns))
		if err != nil {
			return
		}
		size := 0
		for i, v := range row {
			switch v.State {
			case event.Null:
				size++
			case event.Present:
				size += len(v.Raw) + 1
			default:
				t.Errorf("value %d is absent", i)
			}
		}
		if size > len(b) {
			t.Errorf("values of %d bytes are cut out of %d", size, len(b))
		}
	})
}
