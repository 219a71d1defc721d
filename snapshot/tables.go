package snapshot

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
)

func tableField(name string) zap.Field { return zap.String("table", name) }

func rowsField(n int) zap.Field { return zap.Int("rows", n) }

// add begins a copy. The lock is held, here and below.
func (j *Join) add(t checkpoint.TableCopy, e capture.Extent) *copying {
	c := j.ledger.enter(t, e)
	// Of what was in the log before, the stream may have brought what no view shows.
	j.settle.reset()
	j.notify()
	j.Look()
	return c
}

// finish ends a copy.
func (j *Join) finish(c *copying, s Status, why string) {
	if !slices.Contains(j.ledger.list, c) {
		return // it was cancelled meanwhile
	}
	e := j.entry(c)
	e.Status, e.Why = s, why
	j.copies.end(e)
	switch {
	case c.id == 0 && s == Done:
		j.ledger.know(c.table)
	case s == Done:
		j.log.Info("a table that was asked for is copied", zap.Uint64("copy", c.id), tableField(c.table), zap.Uint64("rows", c.rows))
	}
	j.tracker.lose(c)
	j.ledger.end(c)
	j.notify()
	if len(j.ledger.list) == 0 {
		j.pool.drain()
		run := j.copies.endRun()
		j.log.Info("all tables are copied", zap.Int("tables_done", run.done), zap.Int64("rows", run.rows), zap.Duration("took", run.took()))
	}
	j.Look()
}

// restart begins a copy anew.
func (j *Join) restart(c *copying, why string) {
	j.log.Warn("a table is copied from the start", tableField(c.table), zap.String("why", why))
	j.tracker.lose(c)
	c.parts, c.again, c.isAgain, c.rows, c.why = []*part{{}}, nil, nil, 0, why
	c.after = time.Now().Add(pauseAfter)
	j.ledger.dirty = true
	j.notify()
}
