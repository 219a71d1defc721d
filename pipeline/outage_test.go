package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
)

func TestDrainLimit(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		sink := &deafSink{accepted: make(chan struct{})}
		p.OpenSink = func(context.Context, checkpoint.State) (publish.Publisher, error) { return sink, nil }
		var stopped time.Time
		go func() {
			<-sink.accepted
			stopped = time.Now()
			cancel()
		}()
		err := p.Run(ctx)
		wantCode(t, err, failure.ExitDrain)
		if took := time.Since(stopped); took != p.Drain {
			t.Errorf("Run returned %s after SIGTERM, want %s", took, p.Drain)
		}
		if got := w.resume(w.saved); got != 0 {
			t.Errorf("%d rows are saved, none is published", got)
		}
	})
}

func TestStoreOutageHoldsPublishingAtTheLimit(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		var recovered atomic.Bool
		p.Store = &hookStore{Store: p.Store, save: func(n int, _ checkpoint.State) error {
			if n > 1 && !recovered.Load() {
				return errSave
			}
			return nil
		}}
		p.Source = &hookSource{Source: p.Source, next: func(ctx context.Context, _ int) error {
			return wait(ctx, 10*time.Millisecond)
		}}
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()

		if err := wait(ctx, time.Minute); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.mu.Lock()
		published, all := w.bytes(w.shelf.prefix), w.bytes(len(w.log.rows))
		if most := w.cfg.memory + int64(w.cfg.unit); published > most || all < 2*most {
			t.Errorf("%d bytes of %d were published without a save, want at most %d", published, all, most)
		}
		if w.shelf.prefix == 0 || w.confirmed != 0 {
			t.Errorf("%d rows were published and place %d confirmed, want some and 0", w.shelf.prefix, w.confirmed)
		}
		w.mu.Unlock()
		recovered.Store(true)
		wantCode(t, <-done, failure.ExitOK)
		w.finish()
	})
}

// wait takes d, or less if ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestSlowSaveAtTheDrainLimitIsRepeated(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		published := false
		p.Store = &hangingStore{Store: p.Store, hang: func(n int) bool {
			if n == 2 { // the first one of the saver
				published = true
				cancel()
			}
			return n == 2
		}}
		wantCode(t, p.Run(ctx), failure.ExitDrain)
		w.mu.Lock()
		defer w.mu.Unlock()
		if got, want := w.resume(w.saved), w.shelf.prefix; !published || got != want {
			t.Errorf("%d rows are saved, want the %d published ones", got, want)
		}
	})
}

// A hangingStore waits in some of its saves until their context ends.
type hangingStore struct {
	checkpoint.Store
	hang func(n int) bool
	n    int
}

func (s *hangingStore) Save(ctx context.Context, st checkpoint.State) error {
	if s.n++; s.hang(s.n) {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Store.Save(ctx, st)
}

func TestSinkThatCanNotBeOpenedAgainEndsRun(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		w.cfg.sinkFails, w.faults = 1, 1
		open, opened := p.OpenSink, 0
		stop := failure.Stop("", "the password was changed")
		p.OpenSink = func(ctx context.Context, st checkpoint.State) (publish.Publisher, error) {
			if opened++; opened == 2 {
				return nil, stop
			}
			return open(ctx, st)
		}
		if err := p.Run(ctx); !errors.Is(err, stop) {
			t.Errorf("Run: %v, want the sink's error", err)
		}
	})
}

func TestSinkThatFailsInTheDrainIsNoCleanEnd(t *testing.T) {
	for name, failed := range map[string]error{
		"an error that time can mend":      errSink,
		"an error without a class":         errClosed,
		"an error that says it's canceled": fmt.Errorf("produce: %w", context.Canceled),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p, _, ctx, cancel := w.start()
				defer cancel()
				sink := &failingSink{deafSink: deafSink{accepted: make(chan struct{})}, err: failed}
				p.OpenSink = func(context.Context, checkpoint.State) (publish.Publisher, error) { return sink, nil }
				go func() {
					<-sink.accepted
					cancel()
				}()
				wantCode(t, p.Run(ctx), failure.ExitStop)
			})
		})
	}
}

// A failingSink is deaf, and then fails when it is flushed.
type failingSink struct {
	deafSink
	err error
}

func (s *failingSink) Flush(ctx context.Context) error {
	if err := wait(ctx, time.Second); err != nil {
		return err
	}
	for _, done := range s.dones {
		done(s.err)
	}
	s.dones = nil
	return s.err
}

func TestASinkThatIsAwayAtTheStartIsWaitedFor(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		open, start := p.OpenSink, time.Now()
		p.OpenSink = func(ctx context.Context, st checkpoint.State) (publish.Publisher, error) {
			if time.Since(start) < 20*time.Second {
				return nil, errSink
			}
			return open(ctx, st)
		}
		wantCode(t, p.Run(ctx), failure.ExitOK)
		w.finish()
	})
}

func TestASinkThatStaysAwayAtTheStartIsAStop(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		start := time.Now()
		p.OpenSink = func(context.Context, checkpoint.State) (publish.Publisher, error) { return nil, errSink }
		err := p.Run(ctx)
		wantCode(t, err, failure.ExitStop)
		if !errors.Is(err, errSink) || failure.Retryable(err) {
			t.Errorf("Run: %v, want a Stop for the sink's error", err)
		}
		if took := time.Since(start); took < 30*time.Second || took > 45*time.Second {
			t.Errorf("Run took %s, want 30s and a last attempt", took)
		}
	})
}

func TestAStopWhileTheSinkIsAwayAtTheStartIsClean(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		p.OpenSink = func(context.Context, checkpoint.State) (publish.Publisher, error) { return nil, errSink }
		time.AfterFunc(5*time.Second, cancel)
		wantCode(t, p.Run(ctx), failure.ExitOK)
		if w.hasSaved || w.life > 0 {
			t.Error("the source was opened, or a state saved")
		}
	})
}
