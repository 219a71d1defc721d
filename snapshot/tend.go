package snapshot

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
)

const (
	tending   = 100 * time.Millisecond // how often to see whether something is to be done
	lagEvery  = 5 * time.Second
	mostPause = 5 * time.Second
)

// Tend does what is done beside reading: it waits for transactions that views may not
// show yet, asks how far replicas are, and looks for new tables.
func (j *Join) Tend(ctx context.Context) {
	tick := time.NewTicker(tending)
	defer tick.Stop()
	var lagAt, tablesAt, again time.Time
	tablesAt = time.Now()
	pause := tending
	for {
		now := time.Now()
		err := error(nil)
		if now.After(again) {
			err = j.settleDown(ctx)
			if err == nil && j.Active() && now.Sub(lagAt) > lagEvery {
				lagAt = now
				err = j.askLag(ctx)
			}
			if err == nil && (now.Sub(tablesAt) > j.cfg.NewTables && (j.cfg.Mode == Initial || j.Active()) || j.altered()) {
				tablesAt = now
				err = j.lookForTables(ctx)
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failure.Retryable(err):
			j.mu.Lock()
			j.fail(err)
			j.mu.Unlock()
			return
		case err != nil:
			j.log.Warn("the copies wait for the server", zap.Error(err))
			again = now.Add(pause)
			pause = min(2*pause, mostPause)
		default:
			pause = tending
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// settleDown takes a mark and waits until views show all that was in the log then.
func (j *Join) settleDown(ctx context.Context) error {
	j.mu.Lock()
	needed := len(j.ledger.list) > 0 && !j.settle.settled
	number, marked, mark := j.settle.number, j.settle.marked, j.settle.mark
	j.mu.Unlock()
	if !needed {
		return nil
	}
	if !marked {
		var err error
		if mark, err = j.cfg.Copier.Mark(ctx); err != nil {
			return err
		}
		j.mu.Lock()
		if j.settle.number == number {
			j.settle.marked, j.settle.mark = true, mark
		}
		j.mu.Unlock()
	}
	waits, err := j.cfg.Copier.Settled(ctx, mark)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.settle.number != number {
		return nil // more was delivered than is remembered: from the beginning
	}
	if waits != "" && waits != j.settle.waits {
		j.log.Info("the copies wait for the end of a transaction that began before them", zap.String("waits_for", waits))
	}
	j.settle.waits, j.settle.settled = waits, waits == ""
	if j.settle.settled {
		j.notify()
		j.Look()
	}
	return nil
}

func (j *Join) askLag(ctx context.Context) error {
	lag, err := j.cfg.Copier.Lag(ctx)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pace.lag = lag
	return nil
}

// altered reports whether a table has been found to be another one than was listed.
func (j *Join) altered() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stale
}

// lookForTables sees which tables there are: those that were made since are copied where
// the stream lacks some of their first rows.
func (j *Join) lookForTables(ctx context.Context) error {
	tables, err := j.cfg.Copier.Tables(ctx)
	if err != nil {
		return err
	}
	j.copies.remember(tables)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stale = false
	first := make(map[string]bool)
	for _, c := range j.ledger.list {
		c.extent = j.copies.extent(c.table)
		if c.id == 0 {
			first[c.table] = true
		}
	}
	for _, t := range tables {
		switch {
		case j.cfg.Mode != Initial:
		case j.ledger.known[t.Table] || first[t.Table]:
		case j.cfg.CopyNew:
			j.log.Info("a new table is copied", tableField(t.Table))
			j.add(checkpoint.TableCopy{Table: t.Table}, t)
		default:
			j.ledger.know(t.Table)
		}
	}
	return nil
}
