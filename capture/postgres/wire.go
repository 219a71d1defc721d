package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tailrace/tailrace/internal/failure"
)

const (
	wireBuffer = 1 << 20
	// frameHeader is the type byte and the length that counts itself
	// ("Message Formats").
	frameHeader = 5

	// pause is how long to wait before a read while catching up, after a read
	// that took all there was. The server sends one packet per row, and a
	// reader that is woken for each slows the sender down more than itself:
	// with pauses both move twice as much. It is too short for the receive
	// window to fill.
	pause = 600 * time.Microsecond
	// busyRate is the number of messages per second from which on a stream
	// counts as catching up.
	busyRate = 20_000
)

// wire cuts the server's bytes into messages.
type wire struct {
	conn  net.Conn
	pacer pacer // nil where reads can't be paced
	max   int   // longest message that is read

	buf  []byte
	r, w int // buf[r:w] is read from the socket and not yet looked at

	messages int // since lastRead
	lastRead time.Time
}

// A frame is one message of the server: its type byte and body, valid until
// the next call of fill.
type frame struct {
	kind byte
	body []byte
}

// next returns a message if a whole one is buffered. A message longer than max
// is a Stop of the class that names the limit; the frame then holds what is
// known of it.
func (w *wire) next() (f frame, ok bool, err error) {
	b := w.buf[w.r:w.w]
	if len(b) < frameHeader {
		return frame{}, false, nil
	}
	n := int(binary.BigEndian.Uint32(b[1:])) + 1
	if n < frameHeader {
		return frame{}, false, failure.Stop("see whether the host and port are those of a Postgres server", "the server sent a message of length %d", n-1)
	}
	if n > w.max {
		return frame{}, false, failure.Stop("raise --memory to at least eight times that, or exclude the table",
			"the server sends a row of %d bytes, and at most %d are read at --memory's size", n, w.max)
	}
	if len(b) < n {
		if n > len(w.buf) {
			w.grow(n)
		}
		return frame{}, false, nil
	}
	w.r += n
	w.messages++
	return frame{b[0], b[frameHeader:n:n]}, true, nil
}

// grow makes room for a message longer than the buffer.
func (w *wire) grow(n int) {
	buf := make([]byte, n)
	w.w = copy(buf, w.buf[w.r:w.w])
	w.buf, w.r = buf, 0
}

// more reports whether fill would return at once, where that is worth a
// moment's wait: while catching up.
func (w *wire) more() bool { return w.pacer != nil && w.pacer.more() }

// fill reads once from the socket, or ends with ctx. behind says that the log
// is known to be ahead.
func (w *wire) fill(ctx context.Context, behind bool) error {
	if w.r == w.w {
		w.r, w.w = 0, 0
		if len(w.buf) > wireBuffer {
			w.buf = make([]byte, wireBuffer) // a giant row has passed
		}
	} else if w.r > 0 && len(w.buf)-w.w < len(w.buf)/2 {
		w.w = copy(w.buf, w.buf[w.r:w.w])
		w.r = 0
	}
	now := time.Now()
	busy := behind || float64(w.messages) > busyRate*now.Sub(w.lastRead).Seconds()
	w.messages, w.lastRead = 0, now
	if w.pacer != nil {
		w.pacer.pace(busy)
	}
	if err := w.conn.SetReadDeadline(now.Add(silence)); err != nil {
		return failure.Retry(fmt.Errorf("read from the server: %w", err))
	}
	stop := context.AfterFunc(ctx, func() { _ = w.conn.SetReadDeadline(time.Unix(1, 0)) })
	n, err := w.conn.Read(w.buf[w.w:])
	stop()
	w.w += n
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil || n > 0:
		return nil
	case isTimeout(err):
		return failure.Retry(fmt.Errorf("the server has said nothing for %s", silence))
	}
	return failure.Retry(fmt.Errorf("read from the server: %w", err))
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// notice ends the stream if it says that changes are left out: from version 18
// on the server goes on without a publication that was dropped, with a warning.
func notice(body []byte) error {
	var m pgproto3.NoticeResponse
	if err := m.Decode(body); err != nil {
		return failure.Retry(errors.New("the server sent a notice that can't be read"))
	}
	if m.Routine == "LoadPublications" {
		return lost("read the log: the publication was dropped: %s", m.Message)
	}
	return nil
}

// serverError reads an ErrorResponse.
func serverError(body []byte) error {
	var m pgproto3.ErrorResponse
	if err := m.Decode(body); err != nil {
		return failure.Retry(errors.New("the server ended the stream with an error that can't be read"))
	}
	return pgconn.ErrorResponseToPgError(&m)
}
