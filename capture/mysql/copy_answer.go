package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/tailrace/tailrace/internal/failure"
)

// answerBuffer is how much of an answer is read at once.
const answerBuffer = 256 << 10

// An answer is what the server says to a SELECT, row by row as it sends them: the
// library would keep all of them, or allocate for each value. One goroutine uses
// it, one statement after another.
type answer struct {
	conn net.Conn
	max  int // longest row that is read, in bytes

	buf  []byte
	r, w int // buf[r:w] is read from the socket and not yet looked at
	long []byte

	sequence byte
	columns  int  // how many definitions of columns are still to come
	begun    bool // there was a row
	open     bool // the end was not read yet
}

// attributes is a bit of the capabilities: a query has attributes before it.
const attributes = "CLIENT_QUERY_ATTRIBUTES"

// ask sends a statement and reads what precedes its rows ("COM_QUERY", "Text
// Resultset"). The library has nothing in its buffer: it reads only to answer what
// it asked.
func (a *answer) ask(c *client.Conn, sql string) error {
	a.begin(c.Conn.Conn)
	b := command(mysql.COM_QUERY)
	if strings.Contains(c.CapabilityString(), attributes) {
		b = append(b, 0, 1) // none, in one set
	}
	c.ResetSequence()
	if err := c.WritePacket(append(b, sql...)); err != nil {
		a.open = false
		return err
	}
	return a.head()
}

// begin makes a ready for the answer that comes next.
func (a *answer) begin(conn net.Conn) {
	a.conn = conn
	a.r, a.w, a.sequence, a.columns, a.begun, a.open = 0, 0, 1, 0, false, true
	if len(a.buf) != answerBuffer {
		a.buf = make([]byte, answerBuffer) // it has grown for a large row
	}
	a.long = nil
}

// head reads what precedes the rows.
func (a *answer) head() error {
	head, err := a.packet()
	if err != nil {
		return err
	}
	if len(head) != 1 && len(head) != 3 || head[0] == 0 || head[0] > 0xfc {
		return a.foreign()
	}
	a.columns = int(head[0])
	if head[0] == 0xfc {
		if len(head) != 3 {
			return a.foreign()
		}
		a.columns = int(head[1]) | int(head[2])<<8
	}
	for ; a.columns > 0; a.columns-- {
		if _, err := a.packet(); err != nil {
			return err
		}
	}
	return nil
}

func (a *answer) foreign() error {
	a.open = false
	return errForeign
}

// next returns the packet of the next row, which is good until the next call. ok is
// false behind the last one. The error may be the server's own.
func (a *answer) next() (row []byte, ok bool, err error) {
	for a.open {
		b, err := a.packet()
		if err != nil {
			return nil, false, err
		}
		if b[0] != 0xfe || len(b) >= packetMax {
			a.begun = true
			return b, true, nil
		}
		// Before the rows an old server ends the columns with a packet of 5 bytes; the
		// end of one that does not is 7 bytes long at least ("EOF_Packet",
		// CLIENT_DEPRECATE_EOF).
		if len(b) == 5 && !a.begun {
			a.begun = true
			continue
		}
		a.open = false
	}
	return nil, false, nil
}

// packet returns the next packet, or all of those that a large row lies in. That of
// an error ends the answer.
func (a *answer) packet() ([]byte, error) {
	for {
		b := a.buf[a.r:a.w]
		if len(b) >= packetHeader {
			n := length24(b)
			if n == 0 || b[3] != a.sequence {
				return nil, a.foreign()
			}
			if n > a.max {
				return nil, a.tooLong(n)
			}
			if len(b) >= packetHeader+n {
				a.sequence++
				a.r += packetHeader + n
				b = b[packetHeader : packetHeader+n : packetHeader+n]
				if n == packetMax {
					return a.join(b)
				}
				if b[0] == 0xff {
					return nil, a.refused(b)
				}
				return b, nil
			}
			if packetHeader+n > len(a.buf) {
				a.grow(packetHeader + n)
			}
		}
		if err := a.fill(); err != nil {
			return nil, err
		}
	}
}

// join reads the packets behind a first one of the greatest length.
func (a *answer) join(first []byte) ([]byte, error) {
	a.long = append(a.long[:0], first...)
	for {
		for a.w-a.r < packetHeader {
			if err := a.fill(); err != nil {
				return nil, err
			}
		}
		b := a.buf[a.r:a.w]
		n := length24(b)
		if b[3] != a.sequence {
			return nil, a.foreign()
		}
		if len(a.long)+n > a.max {
			return nil, a.tooLong(len(a.long) + n)
		}
		a.sequence++
		a.r += packetHeader
		for rest := n; rest > 0; {
			if a.r == a.w {
				if err := a.fill(); err != nil {
					return nil, err
				}
			}
			k := min(rest, a.w-a.r)
			a.long = append(a.long, a.buf[a.r:a.r+k]...)
			a.r += k
			rest -= k
		}
		if n < packetMax {
			return a.long, nil
		}
	}
}

// A rowTooLong says that a row has at least so many bytes. The rest of the answer
// was not read.
type rowTooLong struct{ size int }

func (e *rowTooLong) Error() string { return fmt.Sprintf("a row has %d bytes", e.size) }

func (a *answer) tooLong(n int) error { return &rowTooLong{n} }

// refused reads the packet of an error.
func (a *answer) refused(b []byte) error {
	a.open = false
	if len(b) < 3 {
		return errForeign
	}
	return readError(b)
}

func (a *answer) grow(n int) {
	buf := make([]byte, n)
	a.w = copy(buf, a.buf[a.r:a.w])
	a.buf, a.r = buf, 0
}

// fill reads once from the socket. It waits as long as it takes: a condition that
// no row meets makes the server look at all of them without a word. A server that
// is gone is found out by keepalives, and the caller's context ends the wait.
func (a *answer) fill() error {
	if a.r == a.w {
		a.r, a.w = 0, 0
	} else if a.w == len(a.buf) {
		a.w = copy(a.buf, a.buf[a.r:a.w])
		a.r = 0
	}
	n, err := a.conn.Read(a.buf[a.w:])
	a.w += n
	switch {
	case n > 0 || err == nil:
		return nil
	case errors.Is(err, io.EOF):
		err = errors.New("the server closed the connection")
	}
	return failure.Retry(fmt.Errorf("read from the server: %w", err))
}

// reading calls f, which reads an answer, and ends what it waits for with ctx.
func (a *answer) reading(ctx context.Context, c *client.Conn, f func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil && ctx.Err() != nil && serverError(err) == nil {
		return ctx.Err()
	}
	return err
}
