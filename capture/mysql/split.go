package mysql

import (
	"errors"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// splitter cuts items, which takeRows makes: a byte that says which bitmaps
// follow, these, then rows.
type splitter struct{}

var _ event.Splitter = splitter{}

var errShortItem = errors.New("it is too short")

// Split implements event.Splitter.
func (splitter) Split(u *event.Unit, it *event.Item, c *event.Change, emit func(*event.Change) error) error {
	c.Before, c.After, c.Moved, c.Pos = nil, nil, nil, it.Pos
	if it.Op == event.Truncate {
		return emit(c)
	}
	l := it.Table.Layout.(*layout)
	r := rowsLeft{data: u.Raw[it.Start:it.End], op: it.Op, layout: l}
	if err := r.bitmaps(); err != nil {
		return malformedRow(c, err)
	}
	for row := it.Row; r.more(); {
		c.Op, c.Ver.Row = it.Op, row
		if err := r.split(c, emit); err != nil {
			return err
		}
		row += 2
	}
	return nil
}

func malformedRow(c *event.Change, err error) error {
	return failure.StopFrom(err, "report this as a bug: the server's row event does not fit its table map",
		"a row of %s can't be read at ver %s", c.Table, c.Ver)
}

// bitmaps reads what stands before the rows.
func (r *rowsLeft) bitmaps() error {
	if len(r.data) == 0 {
		return errShortItem
	}
	flags, n := r.data[0], (r.layout.columns+7)/8
	r.data = r.data[1:]
	for _, b := range []struct {
		flag byte
		to   *[]byte
	}{{someBefore, &r.before}, {someAfter, &r.after}} {
		if flags&b.flag == 0 {
			continue
		}
		if len(r.data) < n {
			return errShortItem
		}
		*b.to, r.data = r.data[:n], r.data[n:]
	}
	return nil
}

// split cuts the next row and emits it.
func (r *rowsLeft) split(c *event.Change, emit func(*event.Change) error) error {
	c.Before, c.After, c.Moved = nil, nil, nil
	var err error
	if r.op != event.Insert {
		c.Before = c.Scratch(0, r.layout.columns)
		err = r.cut(r.before, c.Before)
	}
	if r.op != event.Delete && err == nil {
		c.After = c.Scratch(1, r.layout.columns)
		err = r.cut(r.after, c.After)
	}
	if err != nil {
		return malformedRow(c, err)
	}
	if r.op == event.Update {
		return c.EmitUpdate(emit)
	}
	return emit(c)
}

func (r *rowsLeft) cut(present []byte, row event.Row) error {
	n, err := r.layout.Cut(present, r.data, row)
	if err == nil && n == 0 {
		err = errEmptyRow
	}
	if err == nil {
		r.data = r.data[n:]
	}
	return err
}
