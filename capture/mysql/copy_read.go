package mysql

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// Read implements capture.CopySession.
func (s *copySession) Read(ctx context.Context, c *capture.Chunk, p capture.Part, l capture.Limits, next func() (*event.Unit, error)) error {
	if !s.viewing || s.table == nil || c.Table != s.table {
		panic("mysql: a part was read without a view of its table")
	}
	layout := s.table.Layout.(*copyLayout)
	sql, err := layout.read(s.name, &p, l.Rows)
	if err != nil {
		return unfit(s.name, err)
	}
	into := copyInto{chunk: c, table: s.table, limits: l, next: next}
	if err := s.each(ctx, sql, into.add); err != nil {
		return err
	}
	c.Rows, c.Last = into.rows, nil
	c.Done = !into.cut && (l.Rows == 0 || p.Whole || p.Keys != nil || into.rows < l.Rows)
	if into.rows > 0 && !p.Whole {
		c.Last, err = layout.keyIn(into.last(), s.table)
	}
	return err
}

// unfit is the error for a part that can't be read.
func unfit(t tableName, err error) error {
	return fmt.Errorf("%w: %s: %w", capture.ErrParts, t, err)
}

// copyInto puts rows into units.
type copyInto struct {
	chunk  *capture.Chunk
	table  *schema.Table
	limits capture.Limits
	next   func() (*event.Unit, error)

	unit  *event.Unit
	rows  int
	bytes int
	cut   bool // there were more rows than the limit lets in
}

// errEnough ends an answer whose rest is not wanted.
var errEnough = errors.New("the rest is not wanted")

func (i *copyInto) add(packet []byte) error {
	if i.limits.Bytes > 0 && i.bytes >= i.limits.Bytes {
		i.cut = true
		return errEnough
	}
	u := i.unit
	if u == nil || u.Cost >= unitCost {
		var err error
		if u, err = i.next(); err != nil {
			return err
		}
		u.Split = copySplitter{}
		i.unit = u
	}
	start := len(u.Raw)
	u.Raw = append(u.Raw, packet...)
	u.Items = append(u.Items, event.Item{Op: event.Read, Table: i.table, Start: uint32(start), End: uint32(len(u.Raw)), Row: uint32(i.rows)})
	u.Cost += len(packet) + i.table.RowCost
	i.rows++
	i.bytes += len(packet)
	return nil
}

// last returns the last row that was added.
func (i *copyInto) last() []byte {
	it := i.unit.Items[len(i.unit.Items)-1]
	return i.unit.Raw[it.Start:it.End]
}

// each runs a SELECT and calls f for each row. When f says errEnough the rest is
// passed over. The statement holds keys, so that of an error of the server the
// number alone is repeated: its text has pieces of the statement.
func (s *copySession) each(ctx context.Context, sql string, f func(packet []byte) error) error {
	const doing = "read a table"
	if s.conn == nil {
		return failure.Retry(fmt.Errorf("%s: the connection broke", doing))
	}
	var theirs error // of f
	err := s.rows.reading(ctx, s.conn, func() error {
		if err := s.rows.ask(s.conn, sql); err != nil {
			return err
		}
		for {
			row, ok, err := s.rows.next()
			if err != nil || !ok {
				return err
			}
			if theirs = f(row); theirs != nil {
				return theirs
			}
		}
	})
	switch my := serverError(err); {
	case err == nil:
		return nil
	case theirs != nil && errors.Is(err, errEnough):
		return s.pass(ctx)
	case theirs != nil:
		s.drop() // with the rest of the answer
		return theirs
	case my != nil && s.asks && aboutCondition(my.Code):
		return failure.Usage("", "the server refused the condition: %v", saidError{my})
	case my != nil:
		return s.sort(doing, &mysql.MyError{Code: my.Code, State: my.State, Message: "the server refused to read a part of " + s.name.String()})
	}
	var long *rowTooLong
	if errors.As(err, &long) {
		s.drop()
		return failure.Stop("raise --memory to at least eight times that, or exclude the table",
			"a row of %s has %d bytes or more, and at most %d are read at --memory's size", s.name, long.size, s.rows.max)
	}
	return s.sort(doing, err)
}

// passMax is how much of an answer is passed over before the server is asked to end
// it: to ask takes as long as that.
const passMax = 1 << 20

// pass passes over the rest of an answer. If there is much of it the statement is
// killed on another connection, which leaves the view as it is.
func (s *copySession) pass(ctx context.Context) error {
	passed, killed := 0, false
	err := s.rows.reading(ctx, s.conn, func() error {
		for {
			if passed > passMax && !killed {
				if err := s.kill(ctx); err != nil {
					return err
				}
				killed = true
			}
			row, ok, err := s.rows.next()
			if my := serverError(err); my != nil && my.Code == errInterrupted {
				return nil
			}
			if err != nil || !ok {
				return err
			}
			passed += len(row)
		}
	})
	if err != nil || !killed {
		return s.sort("read a table", err)
	}
	// If the answer had ended by itself the kill may meet the next statement.
	return s.use(ctx, "read a table", func() error {
		err := execute(s.conn, "DO 0")
		if my := serverError(err); my != nil && my.Code == errInterrupted {
			err = nil
		}
		return err
	})
}

// kill ends the statement that the session's connection is at.
func (s *copySession) kill(ctx context.Context) error {
	return s.c.src.ask(ctx, "end a statement", func(conn *client.Conn) error {
		return execute(conn, fmt.Sprintf("KILL QUERY %d", s.conn.GetConnectionID()))
	})
}

// keyIn returns the key of a row that a SELECT answered.
func (l *copyLayout) keyIn(packet []byte, table *schema.Table) (capture.Key, error) {
	row := make(event.Row, l.columns)
	if err := cutCells(packet, row); err != nil {
		return nil, unreadable(table, err)
	}
	values := make(event.Row, len(l.key))
	for i := range l.key {
		values[i] = row[l.key[i].index]
	}
	return l.keyOf(values, table)
}

// keyAlone returns the key in an answer of nothing else.
func (l *copyLayout) keyAlone(packet []byte, table *schema.Table) (capture.Key, error) {
	values := make(event.Row, len(l.key))
	if err := cutCells(packet, values); err != nil {
		return nil, unreadable(table, err)
	}
	return l.keyOf(values, table)
}

func (l *copyLayout) keyOf(values event.Row, table *schema.Table) (capture.Key, error) {
	key := make(capture.Key, len(values))
	for i, v := range values {
		var err error
		if key[i], err = keyTextOf(&table.Columns[l.key[i].index], v); err != nil {
			return nil, unreadable(table, err)
		}
	}
	return key, nil
}

// unreadable is the error for a row that a SELECT answered.
func unreadable(table *schema.Table, err error) error {
	return failure.StopFrom(err, "report this as a bug, with the server's version", "a row of %s that a SELECT answered can't be read", table)
}
