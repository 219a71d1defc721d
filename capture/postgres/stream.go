package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// unitCost is from which cost on a unit is full: its events then take about as
// many bytes.
const unitCost = 256 << 10

// A stream reads one run of the log. It implements capture.Stream.
type stream struct {
	src       *Source
	wire      wire
	keeper    *keeper
	unwatch   func() // ends the search for new tables
	relations relations

	last  lsn   // the last place handed on
	ended error // what Next returns once what was read before it is handed on (C1.5)

	// The transaction at hand.
	inside bool
	txn    event.Txn
	rows   bool  // some of its rows were handed on
	skip   bool  // it was committed before the start that was asked for
	index  int64 // of it in the unit's Txns, -1 if it is not there yet

	at    lsn    // of the last change
	nth   uint32 // of the change among those of one LSN (C2.1)
	clock int64  // commit time or keepalive, Unix milliseconds
}

var (
	_ capture.Stream = (*stream)(nil)
	_ capture.Asker  = (*stream)(nil)
)

func newStream(src *Source, conn net.Conn, at lsn, m memory) *stream {
	s := &stream{
		src:       src,
		wire:      wire{conn: conn, pacer: src.pacer, max: src.cfg.MaxRow, buf: make([]byte, wireBuffer), lastRead: time.Now()},
		keeper:    startKeeper(conn, &src.side, at),
		relations: newRelations(src, m),
		last:      at,
		index:     -1,
		unwatch:   func() {},
	}
	if !src.cfg.Temporary {
		s.unwatch = src.watchTables(s.keeper)
	}
	return s
}

// Confirm implements capture.Stream.
func (s *stream) Confirm(p event.Position) {
	at, err := parsePosition(p)
	if err != nil {
		panic("postgres: Confirm was given a position of another source")
	}
	s.keeper.confirmed.Store(uint64(at))
	s.keeper.report()
}

// Ask implements capture.Asker: it asks the server to say where its log ends, so
// that a stream in which nothing happens reaches a place soon.
func (s *stream) Ask() { s.keeper.report() }

// Next implements capture.Stream.
func (s *stream) Next(ctx context.Context, u *event.Unit) error {
	if s.ended != nil {
		return s.ended
	}
	s.index = -1
	u.Split = splitter{}
	for {
		for u.Cost < unitCost {
			f, ok, err := s.wire.next()
			if err == nil && ok {
				err = s.handle(ctx, f, u)
			}
			if err != nil {
				s.ended = s.failed(err)
				break
			}
			if !ok {
				break
			}
		}
		if s.ended != nil && u.Empty() {
			return s.ended
		}
		if s.relations.changed {
			u.Memory = s.relations.memory.encode()
			s.relations.changed = false
		}
		if s.ended != nil || u.Cost >= unitCost || !u.Empty() && !s.wire.more() {
			return nil
		}
		if err := s.wire.fill(ctx, s.behind()); err != nil {
			return s.failed(err)
		}
	}
}

// behind reports whether the log is known to be ahead of us.
func (s *stream) behind() bool {
	return s.inside && time.Now().UnixMilli()-s.txn.Millis > 1000
}

// failed returns what ended the stream: the keeper knows better why it closed
// the connection, and rows without a place are of no use any more.
func (s *stream) failed(err error) error {
	if reason := s.keeper.reason.Load(); reason != nil && failure.Retryable(err) {
		return *reason
	}
	return err
}

// handle takes one message of the server.
func (s *stream) handle(ctx context.Context, f frame, u *event.Unit) error {
	switch f.kind {
	case 'd':
		return s.copyData(ctx, f.body, u)
	case 'E':
		return classify("read the log", serverError(f.body))
	case 'c', 'C', 'Z':
		return failure.Retry(errors.New("the server has ended the stream"))
	case 'N':
		return notice(f.body)
	}
	return nil // parameter changes
}

// copyData takes one message of the replication protocol.
func (s *stream) copyData(ctx context.Context, b []byte, u *event.Unit) error {
	if len(b) == 0 {
		return s.bad(errShort)
	}
	switch b[0] {
	case primaryKeepalive:
		k, err := parseKeepalive(b[1:])
		if err != nil {
			return s.bad(err)
		}
		if k.reply {
			s.keeper.report()
		}
		s.clock = k.millis
		// In the middle of a transaction there is no position.
		if !s.inside && k.end > s.last {
			s.reach(k.end, u)
		}
		return nil
	case xlogData:
		const header = 1 + 8 + 8 + 8 // type, start, end, clock
		if len(b) < header+1 {
			return s.bad(errShort)
		}
		c := cursor{b: b[1:]}
		return s.change(ctx, lsn(c.uint64()), b[header:], u)
	}
	return s.bad(fmt.Errorf("the message type %q is not known", b[0]))
}

// bad is the error for a message that can't be understood.
func (s *stream) bad(err error) error {
	return failure.StopFrom(err, "report this as a bug, with the server's version", "the log behind %s can't be read", s.last)
}

// change takes one message of pgoutput; at is the place of its change.
func (s *stream) change(ctx context.Context, at lsn, b []byte, u *event.Unit) error {
	kind, body := b[0], b[1:]
	switch kind {
	case msgInsert, msgUpdate, msgDelete:
		return s.row(kind, at, body, u)
	case msgBegin:
		return s.begin(body)
	case msgCommit:
		return s.commit(body, u)
	case msgRelation:
		m, err := parseRelation(body)
		if err != nil {
			return s.bad(err)
		}
		return s.relations.add(ctx, m, u)
	case msgType:
		m, err := parseType(body)
		if err != nil {
			return s.bad(err)
		}
		s.relations.name(m)
		return nil
	case msgTruncate:
		return s.truncate(at, body, u)
	case msgOrigin, msgLogical:
		return nil // where a change was made first, and what no table holds
	}
	return s.bad(fmt.Errorf("the pgoutput message %q is not one of protocol version 1", kind))
}

func (s *stream) begin(body []byte) error {
	m, err := parseBegin(body)
	if err == nil && s.inside {
		err = errors.New("a transaction begins inside another")
	}
	if err != nil {
		return s.bad(err)
	}
	s.inside, s.rows, s.index = true, false, -1
	s.txn = event.Txn{Commit: uint64(m.commit), Millis: m.millis, XID: uint64(m.xid)}
	s.skip = m.millis < s.relations.memory.Since
	return nil
}

func (s *stream) commit(body []byte, u *event.Unit) error {
	m, err := parseCommit(body)
	if err == nil && (!s.inside || uint64(m.commit) != s.txn.Commit) {
		err = errors.New("a commit does not end the transaction that began")
	}
	if err != nil {
		return s.bad(err)
	}
	if s.rows {
		u.Items = append(u.Items, event.Item{Op: event.End, Txn: s.transaction(u)})
		u.Cost += endCost
	}
	if s.relations.memory.Since != 0 && !s.skip {
		s.relations.memory.Since = 0
		s.relations.changed = true
	}
	s.inside, s.clock = false, s.txn.Millis
	s.reach(m.end, u)
	return nil
}

// endCost is what an END marker takes.
const endCost = 256

// reach gives the unit a place.
func (s *stream) reach(at lsn, u *event.Unit) {
	s.last = at
	u.Position, u.Bound, u.Millis = at.position(), uint64(at), s.clock
}

// transaction returns the index of the transaction at hand in the unit.
func (s *stream) transaction(u *event.Unit) uint32 {
	if s.index < 0 {
		s.index = int64(len(u.Txns))
		u.Txns = append(u.Txns, s.txn)
	}
	return uint32(s.index)
}

// row puts an Insert, Update or Delete into the unit as it is.
func (s *stream) row(kind byte, at lsn, body []byte, u *event.Unit) error {
	c := cursor{b: body}
	id := c.uint32()
	if c.err == nil && !s.inside {
		c.err = errOutside
	}
	if c.err != nil {
		return s.bad(c.err)
	}
	nth := s.count(at)
	table, ok := s.relations.table(id)
	if !ok {
		return s.bad(fmt.Errorf("a row names relation %d, which was not described", id))
	}
	if table == nil || s.skip {
		return nil
	}
	start := len(u.Raw)
	u.Raw = append(u.Raw, c.b...)
	it := event.Item{
		Table: table, Start: uint32(start), End: uint32(len(u.Raw)), Txn: s.transaction(u),
		Event: uint64(at), Row: 2 * nth,
	}
	u.Cost += len(c.b) + table.RowCost
	switch kind {
	case msgInsert:
		it.Op = event.Insert
	case msgUpdate:
		it.Op = event.Update
		u.Cost += table.RowCost // the old row's names, or a key change's second event
	case msgDelete:
		it.Op = event.Delete
	}
	u.Items = append(u.Items, it)
	s.rows = true
	return nil
}

func (s *stream) truncate(at lsn, body []byte, u *event.Unit) error {
	m, err := parseTruncate(body)
	if err == nil && !s.inside {
		err = errOutside
	}
	if err != nil {
		return s.bad(err)
	}
	for _, id := range m.relations {
		nth := s.count(at)
		table, ok := s.relations.table(id)
		if !ok {
			return s.bad(fmt.Errorf("a truncate names relation %d, which was not described", id))
		}
		if table == nil || s.skip {
			continue
		}
		u.Items = append(u.Items, event.Item{Op: event.Truncate, Table: table, Txn: s.transaction(u), Event: uint64(at), Row: 2 * nth})
		u.Cost += table.RowCost
		s.rows = true
	}
	return nil
}

// count returns how many changes of the same LSN came before: COPY and inserts
// of many rows share one (C2.1). Tables that are not captured count too, so
// that a ver does not depend on what is captured.
func (s *stream) count(at lsn) uint32 {
	if at != s.at {
		s.at, s.nth = at, 0
		return 0
	}
	s.nth++
	return s.nth
}

// Close implements capture.Stream.
func (s *stream) Close() error {
	s.unwatch()
	s.keeper.close()
	if s.keeper.reason.Load() != nil {
		return nil // the connection is closed, and why was told by Next
	}
	defer func() { _ = s.wire.conn.Close() }()
	// The last report counts only once the server has read it. Closing while
	// unread bytes lie in our buffer would reset the connection under it, so
	// the server is asked to end the stream and everything is read until it has.
	if err := s.wire.conn.SetDeadline(time.Now().Add(farewell)); err != nil {
		return nil // the connection is gone: the next start finds the slot where it was
	}
	bye := append(statusUpdate(lsn(s.keeper.confirmed.Load())), 'c', 0, 0, 0, 4)
	if _, err := s.wire.conn.Write(append(bye, 'X', 0, 0, 0, 4)); err != nil {
		return nil // as above
	}
	_, _ = io.Copy(io.Discard, s.wire.conn)
	return nil
}

// farewell is how long the end of a stream may take.
const farewell = time.Second
