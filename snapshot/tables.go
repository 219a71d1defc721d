package snapshot

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/schema"
)

func tableField(name string) zap.Field { return zap.String("table", name) }

func rowsField(n int) zap.Field { return zap.Int("rows", n) }

// activate chooses of each table the copy that is made now. The lock is held, here and
// below.
func (j *Join) activate() {
	clear(j.active)
	j.routes = make(map[*schema.Table]*copying)
	for _, c := range j.list {
		if j.active[c.table] == nil {
			j.active[c.table] = c
		}
	}
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
	j.settle = settling{}
	j.dirty = true
	j.activate()
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
	if c.id == 0 && s == Done {
		j.know(c.table)
	}
	j.lose(c)
	j.list = slices.DeleteFunc(j.list, func(o *copying) bool { return o == c })
	j.dirty = true
	j.activate()
	if len(j.list) == 0 {
		run := j.copies.endRun()
		j.log.Info("all tables are copied", zap.Int("tables", run.done), zap.Int64("rows", run.rows), zap.Duration("took", time.Since(run.since)))
	}
	j.Look()
}

// know notes that a table needs no first copy.
func (j *Join) know(table string) {
	if !j.known[table] {
		j.known[table] = true
		j.state.Copied = append(j.state.Copied[:len(j.state.Copied):len(j.state.Copied)], table)
		j.dirty = true
	}
}

// restart begins a copy anew.
func (j *Join) restart(c *copying, why string) {
	j.log.Warn("a table is copied from the start", tableField(c.table), zap.String("why", why))
	j.lose(c)
	c.parts, c.again, c.why = []*part{{}}, nil, why
	c.after = time.Now().Add(pauseAfter)
	j.dirty = true
	j.notify()
}

// tell returns what is to be saved, nil if that is told already.
func (j *Join) tell() *checkpoint.Snapshot {
	if !j.dirty {
		return nil
	}
	j.dirty = false
	st := j.state
	for _, c := range j.list {
		st.Copies = append(st.Copies, c.state())
	}
	for _, h := range j.hidden {
		st.Hidden = append(st.Hidden, h.HiddenTable)
	}
	return &st
}
