package mysql

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/failure"
)

// firstBytes is how much of a large event is had before the caller decides.
const firstBytes = 512

// A giant is an event above the wire's max. It goes by piece by piece and is
// never held.
type giant struct {
	state  giantState
	header binlog.Header
	dst    io.Writer // nil: discarded

	packet  int   // bytes that the packet at hand yet has
	full    bool  // that packet is of the greatest length
	at      int64 // of the event, what has gone by
	sum     uint32
	trailer [checksumSize]byte
}

type giantState int

const (
	noGiant   giantState = iota
	announced            // next has returned its beginning
	passing              // discard or spool was called
)

// announce returns the beginning of an event above max, once enough is there.
func (w *wire) announce(h binlog.Header) (frame, bool, error) {
	if h.Type == binlog.FormatDescription {
		return frame{}, false, damaged("a format description of %d bytes", h.Size)
	}
	end := int64(h.Size) - w.trailer(h)
	b := w.buf[w.r+packetHeader+marker : w.w]
	b = b[:min(int64(len(b)), end, packetMax-marker)]
	if int64(len(b)) < min(firstBytes+binlog.HeaderLen, end) {
		return frame{}, false, nil
	}
	w.giant = giant{state: announced, header: h}
	return frame{header: h, body: b[binlog.HeaderLen:], large: true}, true, nil
}

// discard lets the large event at hand go by.
func (w *wire) discard() { w.pass(nil) }

// spool writes the body of the large event at hand to dst as it comes; next
// returns its frame again when all of it is there and its checksum holds. Only
// then what dst got may be used. An error of dst ends next with one of the
// class Retry, unless it is a Stop.
func (w *wire) spool(dst io.Writer) { w.pass(dst) }

func (w *wire) pass(dst io.Writer) {
	if w.giant.state != announced {
		panic("mysql: no large event is at hand")
	}
	w.giant.state, w.giant.dst = passing, dst
	// The first packet's header was looked at; it has the marker besides.
	n := length24(w.buf[w.r:])
	w.giant.packet, w.giant.full = n-marker, n == packetMax
	w.sequence++
	w.r += packetHeader + marker
}

// passGiant lets go by what is buffered of the large event at hand.
func (w *wire) passGiant() (frame, bool, error) {
	g := &w.giant
	if g.state == announced {
		panic("mysql: a large event was neither discarded nor spooled")
	}
	for {
		left := int64(g.header.Size) - g.at
		if g.packet == 0 && (left > 0 || g.full) {
			b := w.buf[w.r:w.w]
			if len(b) < packetHeader {
				return frame{}, false, nil
			}
			n := length24(b)
			if b[3] != w.sequence {
				return frame{}, false, damaged("packet %d came instead of %d", b[3], w.sequence)
			}
			if int64(n) != min(left, packetMax) {
				return frame{}, false, damaged("a packet of %d bytes inside an event", n)
			}
			w.sequence++
			w.r += packetHeader
			g.packet, g.full = n, n == packetMax
			continue
		}
		if left == 0 {
			return w.endGiant()
		}
		n := min(g.packet, w.w-w.r)
		if n == 0 {
			return frame{}, false, nil
		}
		if err := w.take(w.buf[w.r:][:n]); err != nil {
			return frame{}, false, err
		}
		w.r += n
		g.packet -= n
	}
}

// take goes over a piece of the event: header, body, checksum.
func (w *wire) take(b []byte) error {
	g := &w.giant
	end := int64(g.header.Size) - w.trailer(g.header)
	if covered := b[:max(0, min(int64(len(b)), end-g.at))]; len(covered) > 0 {
		g.sum = crc32.Update(g.sum, crc32.IEEETable, covered)
		if body := covered[min(len(covered), int(max(0, binlog.HeaderLen-g.at))):]; g.dst != nil && len(body) > 0 {
			if _, err := g.dst.Write(body); err != nil {
				return failure.Retry(fmt.Errorf("spool a large event: %w", err))
			}
		}
		g.at += int64(len(covered))
		b = b[len(covered):]
	}
	if len(b) > 0 {
		g.at += int64(copy(g.trailer[g.at-end:], b))
	}
	return nil
}

func (w *wire) endGiant() (frame, bool, error) {
	g := w.giant
	w.giant = giant{}
	if w.trailer(g.header) > 0 && g.sum != binary.LittleEndian.Uint32(g.trailer[:]) {
		return frame{}, false, wrongSum(g.header)
	}
	if g.dst == nil {
		return frame{}, false, nil
	}
	return frame{header: g.header, crc: g.sum, large: true, spooled: true}, true, nil
}
