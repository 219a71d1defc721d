package mysql

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// nested is a run of events that comes out of a compressed transaction, or of a
// prepared one that was committed.
type nested struct {
	kind   nestedKind
	feed   *feed
	source *spool // closed with it, may be nil
	offset uint64 // of the next event in a payload
	want   uint64 // bytes that a payload declares

	zstd *zstd.Decoder // made once
}

type nestedKind uint8

const (
	nestedNone nestedKind = iota
	nestedPayload
	nestedPrepared
)

// zstdWindow bounds what a decoder remembers. The server's levels up to 20 stay
// below it.
const zstdWindow = 32 << 20

func (n *nested) active() bool { return n.kind != nestedNone }

func (n *nested) open(kind nestedKind, f *feed, source *spool) {
	n.kind, n.feed, n.source, n.offset = kind, f, source, 0
}

// done ends the run.
func (n *nested) done() {
	if n.source != nil {
		n.source.close()
	}
	n.kind, n.feed, n.source = nestedNone, nil, nil
}

func (n *nested) close() {
	n.done()
	if n.zstd != nil {
		n.zstd.Close()
		n.zstd = nil
	}
}

var errPayloads = errors.New("a transaction has two compressed payloads, or one outside of a transaction")

// openPayload goes into a compressed transaction that is in memory.
func (s *stream) openPayload(body []byte) error {
	p, err := binlog.ParsePayload(body)
	if err == nil && uint64(len(p.Data)) != p.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return s.bad(err)
	}
	s.payload.Reset(p.Data)
	return s.decompress(p, &s.payload, nil)
}

// spoolPayload writes a compressed transaction that is larger than memory allows
// to disk, until its checksum has come and holds (C4.7).
func (s *stream) spoolPayload() error {
	s.spooling = newSpool(s.src.cfg.SpillDir, nil)
	s.wire.spool(s.spooling)
	return nil
}

// openSpooled goes into a compressed transaction that is on disk.
func (s *stream) openSpooled() error {
	from := s.spooling
	s.spooling = nil
	r, err := from.reader()
	if err != nil {
		from.close()
		return err
	}
	head := make([]byte, min(from.size, 256)) // its fields are a few bytes each
	if _, err := io.ReadFull(r, head); err != nil {
		from.close()
		return spillFailed(err)
	}
	p, err := binlog.ParsePayload(head)
	if err != nil {
		from.close()
		return s.bad(err)
	}
	if _, err := from.file.Seek(int64(p.HeaderLen), io.SeekStart); err != nil {
		from.close()
		return spillFailed(err)
	}
	return s.decompress(p, from.file, from)
}

// decompress begins to read the events of a payload.
func (s *stream) decompress(p binlog.Payload, from io.Reader, source *spool) (err error) {
	defer func() {
		if err != nil && source != nil {
			source.close()
		}
	}()
	if !s.group.open || s.group.payload {
		return s.bad(errPayloads)
	}
	s.group.payload = true
	switch p.Compression {
	case binlog.None:
	case binlog.Zstd:
		if s.nested.zstd == nil {
			s.nested.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
			if err != nil {
				return err
			}
		}
		if err := s.nested.zstd.Reset(from); err != nil {
			return s.bad(err)
		}
		from = s.nested.zstd
	default:
		return s.bad(fmt.Errorf("a payload is compressed in a way (%d) that is not known", p.Compression))
	}
	s.nested.open(nestedPayload, newFeed(from, s.src.cfg.MaxRow), source)
	s.nested.want = p.Uncompressed
	return nil
}

// takeNested takes the next event of the run, or ends it.
func (s *stream) takeNested(ctx context.Context, u *event.Unit) error {
	n := &s.nested
	head := binlog.HeaderLen
	if n.kind == nestedPrepared {
		head = keptHead
	}
	b, err := n.feed.peek(head)
	if errors.Is(err, io.EOF) {
		return s.endNested(u)
	}
	if err != nil {
		return s.badNested(err)
	}
	var h binlog.Header
	offset, size := n.offset, 0
	if n.kind == nestedPrepared {
		offset = binary.LittleEndian.Uint64(b)
		h.Type = binlog.EventType(b[8])
		size = int(binary.LittleEndian.Uint32(b[9:]))
	} else {
		if h, err = binlog.ParseHeader(b); err != nil {
			return s.bad(err)
		}
		size = int(h.Size) - head
		n.offset += uint64(h.Size)
	}
	if size > s.src.cfg.MaxRow {
		return s.largeNested(h, head, size)
	}
	if b, err = n.feed.peek(head + size); err != nil {
		return s.badNested(err)
	}
	n.feed.skip(head + size)
	return s.event(ctx, h, b[head:], offset, u)
}

// largeNested decides about an event that is not read whole.
func (s *stream) largeNested(h binlog.Header, head, size int) error {
	b, err := s.nested.feed.peek(head + 8)
	if err != nil {
		return s.badNested(err)
	}
	if err := s.leavesOut(h, b[head:]); err != nil {
		return err
	}
	if err := s.nested.feed.discard(head + size); err != nil {
		return s.badNested(err)
	}
	return nil
}

// endNested ends the run: of a payload everything that it declares was there,
// and its transaction has ended in it.
func (s *stream) endNested(u *event.Unit) error {
	n := &s.nested
	if n.kind == nestedPrepared {
		n.done()
		return s.commit(u)
	}
	if err := s.leavePayload(); err != nil {
		return err
	}
	if s.group.open {
		return s.bad(errors.New("a payload has no end of its transaction"))
	}
	return nil
}

// leavePayload ends the run of a payload, of which everything that it declares
// was there and nothing more.
func (s *stream) leavePayload() error {
	n := &s.nested
	switch _, err := n.feed.peek(1); {
	case n.kind != nestedPayload || err == nil:
		return s.bad(errors.New("a transaction goes on behind its end"))
	case !errors.Is(err, io.EOF):
		return s.badNested(err)
	case n.offset != n.want:
		return s.bad(fmt.Errorf("a payload declares %d bytes and has %d", n.want, n.offset))
	}
	n.done()
	return nil
}

// badNested is the error for a run that can't be read to its end.
func (s *stream) badNested(err error) error {
	if failure.Retryable(err) {
		return err
	}
	// A frame that is its own window says so by its size.
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return failure.Stop("set binlog_transaction_compression_level_zstd to 19 or lower; this transaction can be left out with --from behind it, after a new copy of its tables",
			"the compressed transaction at %s needs more than %d MiB to be decompressed", s.place.text(), zstdWindow>>20)
	}
	return s.bad(err)
}
