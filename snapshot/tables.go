package snapshot

import (
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/schema"
)

func tableField(name string) zap.Field { return zap.String("table", name) }

func rowsField(n int) zap.Field { return zap.Int("rows", n) }

// activate chooses of a table the copy that is made now: the first of those there are.
// The lock is held, here and below.
func (j *Join) activate(table string) {
	delete(j.active, table)
	for _, c := range j.list {
		if c.table == table {
			j.active[table] = c
			break
		}
	}
	maps.DeleteFunc(j.routes, func(t *schema.Table, _ *copying) bool { return t.String() == table })
	j.notify()
}

// add begins a copy.
func (j *Join) add(t checkpoint.TableCopy, e capture.Extent) *copying {
	if !j.living {
		j.state.Life++
		j.living = true
	}
	t.Since = j.state.Life
	c := newCopying(t, e)
	j.list = append(j.list, c)
	// Of what was in the log before, the stream may have brought what no view shows.
	j.settle.reset()
	j.dirty = true
	j.activate(c.table)
	j.Look()
	return c
}

// finish ends a copy.
func (j *Join) finish(c *copying, s Status, why string) {
	if !slices.Contains(j.list, c) {
		return // it was cancelled meanwhile
	}
	e := j.entry(c)
	e.Status, e.Why = s, why
	j.copies.end(e)
	switch {
	case c.id == 0 && s == Done:
		j.know(c.table)
	case s == Done:
		j.log.Info("a table that was asked for is copied", zap.Uint64("copy", c.id), tableField(c.table), zap.Uint64("rows", c.rows))
	}
	j.lose(c)
	j.list = slices.DeleteFunc(j.list, func(o *copying) bool { return o == c })
	j.late = true
	j.activate(c.table)
	if len(j.list) == 0 {
		j.dirty = true
		run := j.copies.endRun()
		j.log.Info("all tables are copied", zap.Int("tables_done", run.done), zap.Int64("rows", run.rows), zap.Duration("took", run.took()))
	}
	j.Look()
}

// know notes that a table needs no first copy.
func (j *Join) know(table string) {
	if !j.known[table] {
		j.known[table] = true
		j.state.Copied = append(j.state.Copied, table) // those who have it know a shorter one
		j.late = true
	}
}

// restart begins a copy anew.
func (j *Join) restart(c *copying, why string) {
	j.log.Warn("a table is copied from the start", tableField(c.table), zap.String("why", why))
	j.lose(c)
	c.parts, c.again, c.isAgain, c.rows, c.why = []*part{{}}, nil, nil, 0, why
	c.after = time.Now().Add(pauseAfter)
	j.dirty = true
	j.notify()
}

// seldom is how far apart states are told that only say that more is done: with ten
// thousand tables each is a megabyte.
const seldom = 50 * time.Millisecond

// ripe reports whether it is time to tell of what is done.
func (j *Join) ripe() bool { return j.late && time.Since(j.tells) > seldom }

// tell returns what is to be saved, nil if that is told already.
func (j *Join) tell() *checkpoint.Snapshot {
	if !j.dirty && !j.ripe() {
		return nil
	}
	j.dirty, j.late, j.tells = false, false, time.Now()
	st := j.state
	st.Copies = slices.Clone(j.parked)
	for _, c := range j.list {
		st.Copies = append(st.Copies, c.state())
	}
	for _, h := range j.hidden {
		st.Hidden = append(st.Hidden, h.HiddenTable)
	}
	return &st
}
