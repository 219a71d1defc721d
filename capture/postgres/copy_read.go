package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

const (
	copyBuffer = 256 << 10
	// spare is how many bytes behind those that are wanted are read and thrown away.
	// Beyond that a new connection costs less.
	spare = 4 << 20
)

// Read implements capture.CopySession.
func (s *copySession) Read(ctx context.Context, c *capture.Chunk, p capture.Part, l capture.Limits, next func() (*event.Unit, error)) error {
	t := s.table
	if t == nil {
		return fmt.Errorf("%w: the view of table %s is closed", capture.ErrAgain, p.Table)
	}
	if !p.Whole && !t.keyed(append([]capture.Key{p.After, p.UpTo}, p.Keys...)...) {
		return errOtherKey(p.Table)
	}
	r := reading{table: t, limits: l, next: next}
	if p.Keys == nil || len(p.Keys) > 0 {
		if err := s.receive(ctx, &r, p); err != nil {
			return err
		}
	}
	c.Rows, c.Done, c.Last = int(r.rows), r.done(), nil
	if p.Whole || p.Keys != nil || r.rows == 0 {
		return nil
	}
	last, err := r.last()
	c.Last = last
	return err
}

// receive copies a part and hands its rows to r.
func (s *copySession) receive(ctx context.Context, r *reading, p capture.Part) error {
	conn := s.conn.Conn()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	sql := r.table.copySQL(p, r.limits.Rows)
	if !s.finds {
		sql, s.finds = r.table.searching()+sql, true
	}
	refused, err := s.copy(r, sql)
	if !stop() {
		err = ctx.Err() // the deadline may be set by now, and would end what comes next
	}
	switch {
	case err != nil:
		s.drop()
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	case refused != nil:
		return s.refused("read table "+p.Table, p, refused)
	}
	return nil
}

// copy sends statements of which the last is a COPY, and reads the answer. What the
// server refuses leaves the connection in order. pgconn's own way looks at its
// contexts and deadlines for each row.
func (s *copySession) copy(r *reading, sql string) (refused, err error) {
	frontend := s.conn.Frontend()
	frontend.Send(&pgproto3.Query{String: sql})
	if err := frontend.Flush(); err != nil {
		return nil, failure.Retry(fmt.Errorf("read table %s: %w", r.table.version, err))
	}
	ready := false
	for !ready || s.wire.r < s.wire.w {
		f, ok, err := s.wire.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			if err := s.fill(); err != nil {
				return nil, failure.Retry(fmt.Errorf("read table %s: %w", r.table.version, err))
			}
			continue
		}
		switch f.kind {
		case 'd':
			if err := r.row(f.body); err != nil {
				return nil, err
			}
		case 'E':
			refused = serverError(f.body)
		case 'Z':
			ready = true
		}
	}
	return refused, nil
}

// fill reads once from the server. How long the first row takes is for the server to
// say, as Where may have it look at many.
func (s *copySession) fill() error {
	w := &s.wire
	if w.r == w.w {
		w.r, w.w = 0, 0
		if len(w.buf) > copyBuffer {
			w.buf = make([]byte, copyBuffer) // a giant row has passed
		}
	} else if w.r > 0 {
		w.w = copy(w.buf, w.buf[w.r:w.w])
		w.r = 0
	}
	n, err := s.reader.Read(w.buf[w.w:])
	w.w += n
	if n > 0 {
		return nil
	}
	return err
}

// errEnough ends a COPY of which more is left than is worth reading.
var errEnough = errors.New("the chunk is full")

// A reading is one COPY as it comes in.
type reading struct {
	table  *copyTable
	limits capture.Limits
	next   func() (*event.Unit, error)

	unit   *event.Unit
	rows   int64
	bytes  int // of rows
	thrown int // bytes of rows behind them
}

// row takes a line. The server sends one per message.
func (r *reading) row(line []byte) error {
	if r.limits.Bytes > 0 && r.bytes >= r.limits.Bytes {
		if r.thrown += len(line); r.thrown > spare {
			return errEnough
		}
		return nil
	}
	if r.rows > math.MaxUint32 {
		return failure.Stop("give it a primary key, or exclude it", "table %s has no key and too many rows to number", r.table.version)
	}
	if r.unit == nil || r.unit.Cost >= unitCost {
		var err error
		if r.unit, err = r.next(); err != nil {
			return err
		}
		r.unit.Split = readSplitter{}
	}
	u, version := r.unit, r.table.version
	if n := len(line) - 1; n >= 0 && line[n] == '\n' {
		line = line[:n]
	}
	start := len(u.Raw)
	u.Raw = append(u.Raw, line...)
	u.Items = append(u.Items, event.Item{
		Op: event.Read, Table: version, Start: uint32(start), End: uint32(len(u.Raw)), Row: uint32(r.rows),
	})
	u.Cost += len(line) + version.RowCost
	if len(line) > event.RoomKept && bytes.IndexByte(line, '\\') >= 0 {
		u.Cost += len(line) // cutLine takes it once more
	}
	r.bytes += len(line)
	r.rows++
	return nil
}

// done reports whether all that was asked for has come.
func (r *reading) done() bool {
	return r.thrown == 0 && (r.limits.Rows == 0 || r.rows < int64(r.limits.Rows))
}

// last returns the key of the last row, which the unit at hand holds.
func (r *reading) last() (capture.Key, error) {
	it := r.unit.Items[len(r.unit.Items)-1]
	c := event.Change{Table: r.table.version}
	row := c.Scratch(0, len(c.Table.Columns))
	if err := cutLine(r.unit.Raw[it.Start:it.End], &c, row); err != nil {
		return nil, malformedRow(&c, err)
	}
	return (*Copier)(nil).KeyOf(r.table.version, row)
}
