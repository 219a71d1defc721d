package mysql

import (
	"errors"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

// rowsLeft is what was not yet put into a unit of a rows event: images one after
// another, of an update in pairs.
type rowsLeft struct {
	data          []byte
	op            event.Op
	before, after []byte // which columns the images have
	table         *schema.Table
	layout        *layout
	event         uint64 // ver's event
	next          uint32 // number of the next row in the event
	pos           uint64 // of the event in the file

	inflated []byte // of MariaDB's compressed events, used again
}

func (r *rowsLeft) more() bool { return len(r.data) > 0 }

var errColumns = errors.New("a row event has another number of columns than its table map")

// rowsEvent takes the rows of a captured table.
func (s *stream) rowsEvent(h binlog.Header, op event.Op, body []byte, offset uint64) error {
	r, err := binlog.ParseRows(&s.wire.format, h, body)
	if err != nil {
		return s.bad(err)
	}
	if r.TableID == dummyID && len(r.Data) == 0 {
		return nil
	}
	m, err := s.rowsOf(r.TableID)
	if err == nil && !s.group.open {
		err = errOutside
	}
	if err != nil {
		return s.bad(err)
	}
	if m == nil {
		return nil
	}
	if s.group.preparing != nil { // when it is committed is not known yet
		return s.keepRows(h, body, offset)
	}
	table := m.table
	l := table.Layout.(*layout)
	if r.Columns != l.columns {
		return s.bad(errColumns)
	}
	if r.Compressed {
		s.rows.inflated, err = binlog.Inflate(s.rows.inflated[:0], r.Data, s.src.cfg.MaxRow)
		if errors.Is(err, binlog.ErrTooLarge) {
			return s.tooLarge(h, table.String())
		}
		if err != nil {
			return s.bad(err)
		}
		r.Data = s.rows.inflated
	}
	s.rows = rowsLeft{
		data: r.Data, op: op, before: r.Before, after: r.After, table: table, layout: l,
		event: offset, pos: s.place.start, inflated: s.rows.inflated,
	}
	return nil
}

// The first byte of an item says which bitmaps of columns follow before the
// images.
const (
	someBefore = 1 << iota
	someAfter
)

// takeRows puts as many rows into the unit as it has room for, as one item.
func (s *stream) takeRows(u *event.Unit) error {
	r := &s.rows
	size, rows, cost := 0, uint32(0), 0
	for size < len(r.data) && u.Cost+cost < unitCost {
		n, err := r.length(r.data[size:])
		if err != nil {
			return s.bad(err)
		}
		size += n
		rows++
		cost += n + r.table.RowCost
		if r.op == event.Update {
			cost += r.table.RowCost // the old row's names, or a key change's second event
		}
	}
	start := len(u.Raw)
	u.Raw = append(u.Raw, 0)
	if r.before != nil {
		u.Raw[start] |= someBefore
		u.Raw = append(u.Raw, r.before...)
	}
	if r.after != nil {
		u.Raw[start] |= someAfter
		u.Raw = append(u.Raw, r.after...)
	}
	u.Raw = append(u.Raw, r.data[:size]...)
	u.Items = append(u.Items, event.Item{
		Op: r.op, Table: r.table, Start: uint32(start), End: uint32(len(u.Raw)), Txn: s.transaction(u),
		Event: r.event, Row: 2 * r.next, Pos: r.pos,
	})
	u.Cost += cost
	s.group.items++
	r.data = r.data[size:]
	r.next += rows
	return nil
}

// length returns the length of the row at the start of data.
func (r *rowsLeft) length(data []byte) (n int, err error) {
	if r.op != event.Insert {
		if n, err = r.layout.Skip(r.before, data); err != nil {
			return 0, err
		}
	}
	if r.op != event.Delete {
		k, err := r.layout.Skip(r.after, data[n:])
		if err != nil {
			return 0, err
		}
		n += k
	}
	if n == 0 {
		return 0, errEmptyRow
	}
	return n, nil
}

var errEmptyRow = errors.New("a row has no bytes")
