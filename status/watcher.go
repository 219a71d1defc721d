package status

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
)

const (
	// patience bounds one question to the server.
	patience = 5 * time.Second
	// stale is for how long an answer is shown as true.
	stale = time.Minute
	// refused is how long a server is left alone that does not want to answer:
	// each attempt may count against an account's failed logins.
	refused = 5 * time.Minute
)

// A look is what the questions to the server have brought.
type look struct {
	sight    capture.Sight
	at       time.Time // of the sight; zero: there is none yet
	err      error     // of the last question, nil if it was answered
	failedAt time.Time
	failed   uint64 // questions without an answer
}

// A watcher asks the server how far its log is, again and again.
type watcher struct {
	gauge capture.Gauge
	work  func(time.Time) Work
	every time.Duration
	log   *zap.Logger

	mu   sync.Mutex
	last look
}

func (w *watcher) look() look {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// run asks until ctx ends, one question at a time. It waits until the pipeline
// has connected once: a wrong password is not tried twice.
func (w *watcher) run(ctx context.Context) {
	defer func() { _ = w.gauge.Close() }() // a connection of questions only
	tick := time.NewTicker(min(w.every, time.Second))
	defer tick.Stop()
	var next time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if now.Before(next) {
				continue
			}
			now = time.Now()
			work := w.work(now)
			if work.Doing.Phase == pipeline.Starting || work.Doing.Phase == pipeline.Draining {
				continue
			}
			next = now.Add(w.every)
			if err := w.ask(ctx, work); err != nil && !failure.Retryable(err) {
				next = now.Add(max(w.every, refused))
			}
		}
	}
}

// ask asks once. An error is told once, until it is another one.
func (w *watcher) ask(ctx context.Context, work Work) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	sight, err := w.gauge.Look(bounded, work.State)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil && bounded.Err() != nil && !failure.Retryable(err) {
		err = failure.Retry(errors.New("the server has not answered within " + Span(patience)))
	}
	w.mu.Lock()
	before := w.last.err
	if w.last.err = err; err != nil {
		w.last.failed++
		w.last.failedAt = time.Now()
	} else {
		w.last.sight, w.last.at = sight, time.Now()
	}
	w.mu.Unlock()
	if err != nil && (before == nil || before.Error() != err.Error()) {
		w.log.Warn("the server does not tell about its log", zap.Error(err))
	}
	return err
}
