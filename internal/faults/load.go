package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/tailrace/tailrace/internal/workload"
)

// A load is a workload that goes on at a steady rate until it may hurry.
type load struct {
	rate      int
	begin     time.Time
	committed atomic.Int64 // row changes
	hurry     atomic.Bool
	report    workload.Report
	ended     chan struct{} // closed when it has ended
	err       error         // set before
}

// startLoad begins to change rows, and goes on for so long.
func startLoad(ctx context.Context, cfg workload.Config, rate int, lasts time.Duration) *load {
	l := &load{rate: rate, begin: time.Now(), ended: make(chan struct{})}
	cfg.Changes, cfg.MaxRows, cfg.Pace = int(lasts.Seconds())*rate, 100, l.pace
	go func() {
		defer close(l.ended)
		l.report, l.err = workload.Run(ctx, cfg)
	}()
	return l
}

// pace is the workload's: it waits until the rate allows another transaction.
func (l *load) pace(ctx context.Context, committed int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if n := int64(committed); n > l.committed.Load() {
			l.committed.Store(n)
		}
		if l.hurry.Load() || float64(committed) < time.Since(l.begin).Seconds()*float64(l.rate) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
