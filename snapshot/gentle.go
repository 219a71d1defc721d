package snapshot

import (
	"context"
	"runtime"
	"time"
)

const (
	// mostWait is for how long rows give way to changes that come all the time.
	mostWait = 20 * time.Millisecond
	// unitWork is about what a processor needs to read a unit of rows.
	unitWork = 2 * time.Millisecond
	// needs is how many processors one connection keeps busy at full speed, those that
	// encode and write its rows included, and the server if it is on the same machine.
	needs = 4
)

// Tests have others of these.
var (
	// lively is how long after its last change the stream counts as one with readers who
	// wait: a copy then gives way.
	lively = time.Second
	// cores is how many processors there are.
	cores = runtime.GOMAXPROCS(0)
)

// roomy reports whether rows may be handed on now. Beside a lively stream next to nothing
// may be on its way, or its changes would wait behind it.
func (j *Join) roomy() bool {
	now := time.Now()
	return j.room(j.place.lively(now) && now.Sub(j.outbox.rowsAt) < mostWait)
}

// atOnce is how many units are handed on at one place: behind them the stream's own
// have their turn.
func (j *Join) atOnce() int {
	if j.place.lively(time.Now()) {
		return 1
	}
	return 4
}

// sparing is how many connections read beside a lively stream.
func (j *Join) sparing() int { return min(j.cfg.Connections, max(1, cores/needs)) }

// breathe leaves the processors to a lively stream for a while after a unit of rows that
// took so long to read, where there are too few of them for both.
func (w *worker) breathe(ctx context.Context, took time.Duration) error {
	w.mu.Lock()
	gives := w.place.lively(time.Now())
	w.mu.Unlock()
	short := needs - cores/w.sparing()
	if !gives || short <= 0 {
		return ctx.Err()
	}
	return nap(ctx, min(took, unitWork)*time.Duration(short))
}

// nap returns after d, or with ctx's error.
func nap(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
