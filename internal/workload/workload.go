package workload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Config says what to do. URL, Truth and Changes are needed.
type Config struct {
	URL     string // of the database that Setup made tables in
	Truth   string // an existing, empty folder for what was done
	Seed    uint64 // each writer's transactions and their rows follow from it
	Changes int    // how many row changes to commit at least
	Writers int    // 0: 3
	MaxRows int    // most row changes of a transaction; 0: 1000

	// Pace, if not nil, is called by each writer before each transaction and
	// before it decides a prepared one, with the number of row changes that all
	// have committed. It may wait; its error ends the workload.
	Pace func(ctx context.Context, committed int) error

	// Left, if not nil, is called by each writer when it has ended.
	Left func()
}

// A Report counts what was done. Changes are those of rows: a key change is
// one, though it becomes two events. Swaps are of the keys of two rows, Singled
// are changes of one of several equal rows, and Prepared are XA transactions.
type Report struct {
	Changes, Transactions                             int
	Inserts, Copied, Updates, KeyChanges, Deletes     int
	Truncates, RolledBack, Savepoints, Largest, Empty int
	Swaps, Singled, Prepared                          int
}

func (r *Report) add(o Report) {
	r.Changes += o.Changes
	r.Transactions += o.Transactions
	r.Inserts += o.Inserts
	r.Copied += o.Copied
	r.Updates += o.Updates
	r.KeyChanges += o.KeyChanges
	r.Deletes += o.Deletes
	r.Truncates += o.Truncates
	r.RolledBack += o.RolledBack
	r.Savepoints += o.Savepoints
	r.Empty += o.Empty
	r.Swaps += o.Swaps
	r.Singled += o.Singled
	r.Prepared += o.Prepared
	r.Largest = max(r.Largest, o.Largest)
}

// Run changes rows until cfg.Changes are committed, and writes the truth. It
// returns after all its writers have ended; the first error ends them all.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if cfg.Writers == 0 {
		cfg.Writers = 3
	}
	if cfg.MaxRows == 0 {
		cfg.MaxRows = 1000
	}
	kind, schema, err := KindOf(cfg.URL)
	if err != nil {
		return Report{}, err
	}
	ledger, err := openLedger(cfg.Truth)
	if err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var committed atomic.Int64
	var wg sync.WaitGroup
	reports := make([]Report, cfg.Writers)
	for i := range cfg.Writers {
		wg.Go(func() {
			w := newWriter(i, kind, schema, cfg, ledger, &committed)
			if err := w.run(ctx); err != nil {
				cancel(fmt.Errorf("writer %d: %w", i, err))
			}
			reports[i] = w.report
			if cfg.Left != nil {
				cfg.Left()
			}
		})
	}
	wg.Wait()
	var sum Report
	for _, r := range reports {
		sum.add(r)
	}
	return sum, errors.Join(context.Cause(ctx), ledger.close())
}
