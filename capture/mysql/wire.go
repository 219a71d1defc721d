package mysql

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"time"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/failure"
)

const (
	wireBuffer = 1 << 20

	// A packet is a length of three bytes, a running number of one, and that
	// many bytes. One of the greatest length is continued by the next ("MySQL
	// Packets"). The first byte of an answer says what it is: 0 an event.
	packetHeader = 4
	packetMax    = 1<<24 - 1
	marker       = 1
	checksumSize = 4
	// algorithmCRC32 is how a format description says that events have sums.
	algorithmCRC32 = 1
	// errorMax is how long the packet of an error may be; the buffer is never
	// smaller.
	errorMax = 64 << 10
)

// wire cuts the server's bytes into whole events and verifies them. One
// goroutine uses it.
type wire struct {
	conn    net.Conn
	max     int           // longest event that is read whole, in bytes
	silence time.Duration // how long the server may say nothing

	buf  []byte
	r, w int // buf[r:w] is read from the socket and not yet looked at

	sequence byte          // number of the next packet
	checksum bool          // events end with a CRC32
	format   binlog.Format // of the file that events come from
	giant    giant         // the event above max that is at hand
}

// newWire reads the answer to a dump. Until the first format description comes
// the server goes by what was asked for: checksums.
func newWire(conn net.Conn, max int, silence time.Duration) *wire {
	return &wire{conn: conn, max: max, silence: silence, buf: make([]byte, wireBuffer), sequence: 1, checksum: true}
}

// A frame is one event. Its checksum was verified, if the log has checksums.
type frame struct {
	header binlog.Header
	// body is what lies between header and checksum, valid until the next call
	// of fill. That of a format description is all behind the header, as
	// binlog.ParseFormat takes it.
	body []byte
	crc  uint32 // CRC32 of header and body, also where the log has no checksums
	// large says that the event is longer than max. body is its beginning, at
	// least 512 bytes of it if it has so many, and neither verified nor in crc.
	// Before the next call of next there must be one of discard or spool.
	large bool
	// spooled says that a large event has passed whole and was verified; body
	// is nil.
	spooled bool
}

// errEnd is the end of a dump that does not wait for more. For one that waits it
// is a loss of the connection.
var errEnd = failure.Retry(errors.New("the server ended the log"))

// damaged is for bytes that no server sends: some were altered on the way, or
// something else speaks. Nothing of them is handed on.
func damaged(format string, args ...any) error {
	return failure.Retry(fmt.Errorf("%w: "+format, append([]any{errDamaged}, args...)...))
}

var errDamaged = errors.New("the log arrived damaged")

// next returns an event if a whole one is buffered, or the beginning of one
// above max. ok is false when fill has to be called.
func (w *wire) next() (f frame, ok bool, err error) {
	if w.giant.state != noGiant {
		if f, ok, err = w.passGiant(); ok || err != nil || w.giant.state != noGiant {
			return f, ok, err
		}
	}
	b := w.buf[w.r:w.w]
	if len(b) < packetHeader+marker {
		return frame{}, false, nil
	}
	n := length24(b)
	if n == 0 {
		return frame{}, false, damaged("an empty packet")
	}
	if b[3] != w.sequence {
		return frame{}, false, damaged("packet %d came instead of %d", b[3], w.sequence)
	}
	if b[packetHeader] != 0 {
		return frame{}, false, w.last(b, n)
	}
	if len(b) < packetHeader+marker+binlog.HeaderLen {
		return frame{}, false, nil
	}
	h, err := binlog.ParseHeader(b[packetHeader+marker:])
	if err != nil {
		return frame{}, false, damaged("%w", err)
	}
	size := int64(h.Size)
	if min(size+marker, packetMax) != int64(n) {
		return frame{}, false, damaged("an event of %d bytes in a packet of %d", size, n)
	}
	if size < binlog.HeaderLen+w.trailer(h) {
		return frame{}, false, damaged("an event of %d bytes has no room for its checksum", size)
	}
	if size > int64(w.max) {
		return w.announce(h)
	}
	packets := int(size+marker)/packetMax + 1
	whole := packets*packetHeader + marker + int(size)
	if len(b) < whole {
		if len(b) == len(w.buf) {
			w.grow(whole)
		}
		return frame{}, false, nil
	}
	if err := w.join(b[:whole]); err != nil {
		return frame{}, false, err
	}
	w.r += whole
	f, err = w.verify(h, b[packetHeader+marker:][:size])
	return f, err == nil, err
}

func length24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// trailer returns how many bytes at the end of an event are no body.
func (w *wire) trailer(h binlog.Header) int64 {
	if w.checksum && h.Type != binlog.FormatDescription {
		return checksumSize
	}
	return 0
}

// join takes the headers out of the packets that make up one event.
func (w *wire) join(b []byte) error {
	at := 0
	for rest := b; len(rest) > 0; {
		n := length24(rest)
		if rest[3] != w.sequence {
			return damaged("packet %d came instead of %d", rest[3], w.sequence)
		}
		w.sequence++
		rest = rest[packetHeader:]
		if n != min(len(rest), packetMax) {
			return damaged("a packet of %d bytes inside an event", n)
		}
		if at == 0 {
			at = packetHeader + n
		} else {
			at += copy(b[at:], rest[:n])
		}
		rest = rest[n:]
		if n == packetMax && len(rest) < packetHeader {
			return damaged("an event without its last packet")
		}
	}
	return nil
}

// verify makes a frame of a whole event.
func (w *wire) verify(h binlog.Header, b []byte) (frame, error) {
	if h.Type == binlog.FormatDescription {
		return w.describe(h, b)
	}
	end := len(b) - int(w.trailer(h))
	crc := crc32.ChecksumIEEE(b[:end])
	if end < len(b) && crc != binary.LittleEndian.Uint32(b[end:]) {
		return frame{}, wrongSum(h)
	}
	return frame{header: h, body: b[binlog.HeaderLen:end:end], crc: crc}, nil
}

// describe takes what a format description says of the events after it. Its own
// sum is always there. Where the log has none, the server may have changed the
// event and left the sum as it was.
func (w *wire) describe(h binlog.Header, b []byte) (frame, error) {
	end := len(b) - checksumSize
	if end < binlog.HeaderLen+1 {
		return frame{}, damaged("a format description of %d bytes", len(b))
	}
	crc, said := crc32.ChecksumIEEE(b[:end]), binary.LittleEndian.Uint32(b[end:])
	format, err := binlog.ParseFormat(b[binlog.HeaderLen:])
	switch {
	case err != nil && crc == said:
		return frame{}, failure.StopFrom(err, "MySQL 8.0 and MariaDB 10.5 are the oldest that are read", "the server's binlog has a format that is not known")
	case err != nil:
		return frame{}, damaged("%w", err)
	case format.Checksum && crc != said:
		return frame{}, wrongSum(h)
	case !format.Checksum && sumWith(b[:end], algorithmCRC32) == said:
		return frame{}, damaged("the log has checksums, and it came that it has none")
	}
	w.format, w.checksum = format, format.Checksum
	return frame{header: h, body: b[binlog.HeaderLen:], crc: crc}, nil
}

// sumWith is the sum of a format description if its last byte were another.
func sumWith(b []byte, last byte) uint32 {
	crc := crc32.ChecksumIEEE(b[:len(b)-1])
	return crc32.Update(crc, crc32.IEEETable, []byte{last})
}

func wrongSum(h binlog.Header) error {
	return damaged("the checksum of the %s that ends at %d is wrong", h.Type, h.NextPos)
}

// last reads the packet that ends a dump: an error, or an end of file
// ("ERR_Packet", "EOF_Packet").
func (w *wire) last(b []byte, n int) error {
	if n > errorMax {
		return damaged("an error of %d bytes", n)
	}
	if len(b) < packetHeader+n {
		return nil
	}
	b = b[packetHeader:][:n]
	switch {
	case b[0] == 0xfe && n < binlog.HeaderLen:
		return errEnd
	case b[0] == 0xff && n >= 3:
		return classify("read the log", readError(b))
	}
	return damaged("an answer of kind %d", b[0])
}

// grow makes room for more of an event of n bytes, by as much as has come.
func (w *wire) grow(n int) {
	buf := make([]byte, min(2*len(w.buf), n))
	w.w = copy(buf, w.buf[w.r:w.w])
	w.buf, w.r = buf, 0
}

// fill reads once from the socket, or ends with ctx. Before, next has returned
// false.
func (w *wire) fill(ctx context.Context) error {
	if w.r == w.w {
		w.r, w.w = 0, 0
		if len(w.buf) > wireBuffer {
			w.buf = make([]byte, wireBuffer) // a large event has passed
		}
	} else if w.r > 0 && len(w.buf)-w.w < len(w.buf)/2 {
		w.w = copy(w.buf, w.buf[w.r:w.w])
		w.r = 0
	}
	if w.w == len(w.buf) {
		panic("mysql: a read without room for it")
	}
	if err := w.conn.SetReadDeadline(time.Now().Add(w.silence)); err != nil {
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
		return failure.Retry(fmt.Errorf("the server has said nothing for %s", w.silence))
	case errors.Is(err, io.EOF):
		return failure.Retry(errors.New("read from the server: it closed the connection"))
	}
	return failure.Retry(fmt.Errorf("read from the server: %w", err))
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func (w *wire) close() error { return w.conn.Close() }
