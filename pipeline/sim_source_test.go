package pipeline_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

var errCut = failure.Retry(errors.New("the connection was cut"))

// A simSource is the world's database as one process sees it.
type simSource struct {
	w    *world
	proc *proc
	r    *rand.Rand
}

var _ capture.Source = (*simSource)(nil)

func (s *simSource) Check(context.Context) error { return s.proc.err() }

func (s *simSource) Locate(_ context.Context, st checkpoint.State, from string) (checkpoint.State, error) {
	if err := s.proc.err(); err != nil {
		return st, err
	}
	if from != "" {
		if from == event.Earliest {
			from = string(position(0))
		}
		st.Position, st.Bound = event.Position(from), 0
		if at := passed(st.Position); at > 0 {
			st.Bound = s.w.log.entries[at-1].bound
		}
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if at := passed(st.Position); at < s.w.confirmed {
		s.w.violate("resumed at place %d although %d was confirmed: the server has forgotten it", at, s.w.confirmed)
	}
	st.Source = checkpoint.Identity{Connector: "postgresql", System: "1"}
	return st, nil
}

func (s *simSource) Open(ctx context.Context, st checkpoint.State) (capture.Stream, error) {
	if err := s.proc.pause(ctx, s.r, s.w.cfg.pace); err != nil {
		return nil, err
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.act()
	if got := s.w.saved; got.Position != st.Position || got.Ver != st.Ver {
		s.w.violate("opened at %s %s, saved is %s %s (C1.3)", st.Position, st.Ver, got.Position, got.Ver)
	}
	if s.w.chance(s.r, s.w.cfg.cut) {
		return nil, errCut
	}
	s.w.begin(st)
	return &simStream{simSource: s, entry: passed(st.Position), row: s.w.log.rowsBefore(passed(st.Position)), seen: map[int]*schema.Table{}}, nil
}

func (s *simSource) Range(context.Context) (oldest, newest event.Position, err error) {
	return position(0), position(len(s.w.log.entries)), s.proc.err()
}

func (s *simSource) Reached(at, target event.Position) bool { return passed(at) >= passed(target) }

func (s *simSource) Describe() capture.Description { return capture.Description{} }

func (s *simSource) Close() error { return nil }

// A simStream reads the log from one place on, until it is cut.
type simStream struct {
	*simSource
	entry, row int // the next to read
	seen       map[int]*schema.Table
	confirmed  int
	closed     bool
}

var _ capture.Stream = (*simStream)(nil)

func (s *simStream) Next(ctx context.Context, u *event.Unit) error {
	if !u.Empty() {
		s.w.report("Next was given a unit that is not empty")
	}
	if err := s.proc.pause(ctx, s.r, s.w.cfg.pace); err != nil {
		return err
	}
	s.w.mu.Lock()
	s.w.act()
	cut := s.w.chance(s.r, s.w.cfg.cut)
	s.w.mu.Unlock()
	if cut {
		return errCut
	}
	if s.entry == len(s.w.log.entries) {
		return s.proc.wait(ctx)
	}
	room := 1 + s.r.IntN(s.w.cfg.unit)
	first := s.row
	u.Split = splitter{}
	for s.entry < len(s.w.log.entries) && u.Cost < room {
		s.fill(u, room)
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.handOut(first, s.row, u)
	return nil
}

// fill puts what fits of the current entry into u.
func (s *simStream) fill(u *event.Unit, room int) {
	e := &s.w.log.entries[s.entry]
	if s.row < e.last || e.marked {
		u.Txns = append(u.Txns, e.txn)
	}
	txn := uint32(len(u.Txns) - 1)
	for s.row < e.last {
		if u.Cost >= room {
			return
		}
		u.Items = append(u.Items, s.item(u, e, txn))
	}
	if u.Cost >= room && s.r.IntN(2) == 0 {
		return // the end comes in a unit of its own
	}
	if e.marked || e.last > e.first {
		if len(u.Txns) == 0 || u.Txns[len(u.Txns)-1] != e.txn {
			u.Txns = append(u.Txns, e.txn)
			txn = uint32(len(u.Txns) - 1)
		}
		u.Items = append(u.Items, event.Item{Op: event.End, Txn: txn})
	}
	s.entry++
	u.Cost += 8
	u.Position, u.Bound = position(s.entry), e.bound
	if e.txn.Millis != 0 {
		u.Millis = e.txn.Millis
	}
}

// item appends the rows of the next item to u's bytes.
func (s *simStream) item(u *event.Unit, e *simEntry, txn uint32) event.Item {
	row := &s.w.log.rows[s.row]
	t := s.seen[row.table]
	if t == nil {
		version := *s.w.log.tables[row.table]
		t = &version
		s.seen[row.table] = t
		u.Tables = append(u.Tables, t)
	}
	it := event.Item{
		Op: event.Insert, Table: t, Txn: txn, Start: uint32(len(u.Raw)),
		Event: row.ver.Event, Row: row.ver.Row,
	}
	for {
		row = &s.w.log.rows[s.row]
		u.Raw = binary.BigEndian.AppendUint16(u.Raw, uint16(len(row.payload)))
		u.Raw = append(u.Raw, row.payload...)
		u.Cost += len(row.payload) + rowCost
		s.row++
		if s.row == e.last || s.w.log.rows[s.row].starts {
			break
		}
	}
	it.End = uint32(len(u.Raw))
	return it
}

func (s *simStream) Confirm(p event.Position) {
	if s.proc.err() != nil {
		return
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.act()
	at, saved := passed(p), passed(s.w.saved.Position)
	s.w.trace("place %d is confirmed", at)
	if at > saved {
		s.w.violate("place %d was confirmed, but only %d is saved", at, saved)
	}
	if at < s.confirmed {
		s.w.violate("place %d was confirmed after %d", at, s.confirmed)
	}
	if s.closed {
		s.w.violate("Confirm after Close")
	}
	s.confirmed = at
	s.w.confirmed = max(s.w.confirmed, at)
}

func (s *simStream) Close() error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.closed {
		s.w.violate("a stream was closed twice")
	}
	s.closed = true
	return nil
}

// A proc is one process of the daemon. Once it is dead none of its calls has
// an effect, and each ends it.
type proc struct{ dead chan struct{} }

var errCrash = &failure.StopError{Sentence: "the process was killed", Code: 137}

func (p *proc) err() error {
	select {
	case <-p.dead:
		return errCrash
	default:
		return nil
	}
}

// pause takes up to most, and returns early with an error when ctx or p ends.
func (p *proc) pause(ctx context.Context, r *rand.Rand, most time.Duration) error {
	if err := p.err(); err != nil {
		return err
	}
	if most == 0 || r.IntN(3) > 0 {
		return ctx.Err()
	}
	t := time.NewTimer(time.Duration(r.Int64N(int64(most))))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.dead:
		return errCrash
	}
}

// wait returns when ctx or p ends.
func (p *proc) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.dead:
		return errCrash
	}
}
