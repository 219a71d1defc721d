package mysql

import (
	"bytes"
	"context"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

const (
	// unitCost is from which cost on a unit is full: its events then take about
	// as many bytes.
	unitCost = 256 << 10
	// patience is how many bytes of the log may go by while a unit waits for
	// the end of a transaction that might yet be rolled back.
	patience = 8 << 20
	// endCost is what an END marker takes.
	endCost = 256
)

// A stream reads one run of the log. It implements capture.Stream.
type stream struct {
	src      *Source
	wire     *wire
	versions versions
	memory   memory
	// remember says that memory has changed since it was last handed on.
	remember bool

	ended error // what Next returns once what was read before it is handed on (C1.5)

	idle  idleness
	place place    // where in the log the last event was
	at    position // of the last transaction end; its sets are the stream's own and grow
	last  uint64   // the place of at, as in a ver: positions only rise
	// settled is the position that the unit at hand gets, nil if no transaction
	// has ended in it. Its text is not made for each.
	settled *position
	// unplaced says that the start was given by GTIDs alone, and no transaction
	// has ended since.
	unplaced bool
	read     uint64 // up to where an earlier life has read: only prepared transactions count again

	group   group
	xa      xaSet
	origins origins

	// What is yet to be read before the connection's next event.
	nested   nested
	rows     rowsLeft
	payload  bytes.Reader // of a compressed transaction in memory
	spooling *spool       // of one that is being written to disk

	unit  unitStart
	clock int64 // commit time of the last transaction, or when the file was begun, Unix milliseconds
	spent int   // bytes of the log since the last unit
}

// unitStart is where the transaction at hand stands in the unit at hand.
type unitStart struct {
	number uint64 // of the unit in the stream
	index  int64  // of the transaction in the unit's Txns, -1 if it is not there yet
}

var _ capture.Stream = (*stream)(nil)

// newStream reads what w brings, which begins at from, as the log behind at.
func newStream(src *Source, w *wire, at position, m memory) *stream {
	s := &stream{src: src, wire: w, at: at.clone(), memory: m}
	s.versions = newVersions(src)
	s.place.begin(at, m.Prepared)
	s.memory.choose(src.sel.hash())
	s.xa.begin(src, at, s.memory.Prepared)
	s.unit.index = -1
	s.at.read = 0
	s.unplaced = at.byGTID && at.file == ""
	s.last, s.read = max(at.commit(), at.read), at.read
	return s
}

// Confirm implements capture.Stream: the server keeps its log by its own rules.
func (s *stream) Confirm(event.Position) {}

// Close implements capture.Stream.
func (s *stream) Close() error {
	s.nested.close()
	if s.spooling != nil {
		s.spooling.close()
	}
	if h := s.group.preparing; h != nil {
		h.spool.close()
	}
	s.xa.close()
	err := s.wire.close()
	s.src.release()
	return err
}

// Next implements capture.Stream.
func (s *stream) Next(ctx context.Context, u *event.Unit) error {
	if s.ended != nil {
		return s.ended
	}
	u.Split = splitter{}
	s.unit.number++
	s.unit.index = -1
	s.spent = 0
	for {
		for u.Cost < unitCost {
			ok, err := s.step(ctx, u)
			if err != nil {
				s.ended = err
				break
			}
			if !ok {
				break
			}
		}
		if s.settled != nil {
			u.Position, s.settled = s.settled.text(), nil
		}
		if s.remember {
			u.Memory, s.remember = s.memory.encode(), false
		}
		if s.ended != nil {
			if u.Empty() || failure.Retryable(s.ended) && s.group.open {
				u.Reset()
				return s.ended // a transaction that did not end here comes again whole
			}
			return nil
		}
		if u.Cost >= unitCost || s.handsOn(u) {
			s.group.handOn()
			return nil
		}
		err := s.idle.look(ctx, s)
		if err == nil {
			err = s.wire.fill(ctx)
		}
		if err != nil {
			u.Reset()
			return err
		}
	}
}

// handsOn reports whether u should not wait for what the next read brings
// (C1.2). While a transaction is open that has rows in u it waits a little: if
// it ends in ROLLBACK, they can still be taken back.
func (s *stream) handsOn(u *event.Unit) bool {
	if u.Empty() {
		return false
	}
	return !s.group.open || s.unit.index < 0 || s.spent >= patience
}

// step reads the next piece of the log into u: what is left of a rows event, an
// event out of a compressed or prepared transaction, or one of the connection.
// ok is false when the connection has to be read.
func (s *stream) step(ctx context.Context, u *event.Unit) (ok bool, err error) {
	switch {
	case s.rows.more():
		return true, s.takeRows(u)
	case s.nested.active():
		return true, s.takeNested(ctx, u)
	}
	f, ok, err := s.wire.next()
	if err != nil || !ok {
		return false, err
	}
	s.spent += int(f.header.Size)
	return true, s.handle(ctx, f, u)
}

// settle gives the unit the present place as its position. In the log of the
// same server a place never lies before one that was handed on: such a one is
// met when the server begins earlier for the sake of a hole in the GTIDs.
func (s *stream) settle(u *event.Unit) {
	here := s.place.now()
	if here >= s.last || s.settled == nil {
		s.stand()
	}
	if here < s.last {
		return
	}
	s.last = here
	at := &s.at
	if held := s.xa.oldest(); held != nil && !s.holes() {
		at = &held.before // C4.2
		at.read = here
	}
	s.settled, u.Bound, u.Millis = at, here, s.clock
}

// passHead takes one of the events between transactions, most of them at a file's
// start: a file that was left behind may be purged. A server that was asked by
// GTIDs alone begins at the start of a file and leaves out what is known, which
// may lie behind: until a transaction has ended no position says such a place.
func (s *stream) passHead(h binlog.Header, u *event.Unit) {
	switch {
	case s.group.open:
	case s.unplaced:
		s.stand() // where a position is held back to (C4.2)
	default:
		s.clock = max(s.clock, int64(h.Timestamp)*1000)
		s.settle(u)
	}
}

// stand notes the present place as that of the position.
func (s *stream) stand() {
	s.at.file, s.at.offset, s.at.mark = s.place.file, s.place.end, s.place.mark()
}

// hear takes a heartbeat, which says up to where the server has sent or left out what
// there is. Only a start by GTIDs alone needs to hear it: on a still server nothing else
// says at which place of which file that is, and copies of tables wait for a place. It
// has no mark, so that a later start goes by the GTIDs.
func (s *stream) hear(h binlog.Header, u *event.Unit) {
	if !s.unplaced || s.group.open || s.place.file == "" || h.NextPos <= firstOffset {
		return
	}
	here, ok := event.BinlogPlace(s.place.number, uint64(h.NextPos))
	if !ok || here <= s.last || s.xa.oldest() != nil {
		return
	}
	s.at.file, s.at.offset, s.at.mark = s.place.file, uint64(h.NextPos), mark{}
	s.clock = max(s.clock, int64(s.place.created)*1000)
	s.last, s.settled, u.Bound, u.Millis = here, &s.at, here, s.clock
}

// holes reports whether a position can leave out a transaction in the middle: a
// set of MySQL's GTIDs can.
func (s *stream) holes() bool { return s.at.byGTID && !s.src.server.MariaDB }
