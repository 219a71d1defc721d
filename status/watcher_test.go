package status_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/status"
)

func TestTheServerIsAskedSoOften(t *testing.T) {
	for _, c := range []struct {
		name  string
		phase pipeline.Phase
		err   error
		want  int // questions in ten minutes
	}{
		{"while the pipeline has not connected", pipeline.Starting, nil, 0},
		{"while it follows", pipeline.Following, nil, 60},
		{"while it waits", pipeline.Waiting, nil, 60},
		{"while the server is away", pipeline.Waiting, failure.Retry(errors.New("connection refused")), 60},
		{"while the server refuses", pipeline.Following, failure.Stop("", "password authentication failed"), 2},
		{"while it drains", pipeline.Draining, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gauge{sight: unknown(), err: c.err}
				w := following()
				w.Doing.Phase = c.phase
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				status.Watch(ctx, g, func(time.Time) status.Work { return w }, 10*time.Second)
				<-ctx.Done()
				synctest.Wait()
				if g.asked != c.want {
					t.Errorf("asked: got %d times in ten minutes, want %d", g.asked, c.want)
				}
				if g.closed != 1 {
					t.Errorf("closed: got %d times, want once", g.closed)
				}
			})
		})
	}
}

// A frozen gauge answers once, and then not until its question is given up.
type frozen struct {
	gauge
	longest time.Duration
}

func (f *frozen) Look(ctx context.Context, st checkpoint.State) (capture.Sight, error) {
	if f.asked == 0 {
		return f.gauge.Look(ctx, st)
	}
	begin := time.Now()
	<-ctx.Done()
	f.longest = max(f.longest, time.Since(begin))
	f.asked++
	return capture.Sight{}, ctx.Err()
}

func TestAnAnswerIsShownForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &frozen{gauge: gauge{sight: unknown()}}
		ctx, cancel := context.WithCancel(t.Context())
		known := status.Watch(ctx, f, func(time.Time) status.Work { return following() }, 10*time.Second)
		if known() {
			t.Error("an answer is shown before there is one")
		}
		time.Sleep(2 * time.Second)
		if !known() {
			t.Error("an answer of now is not shown")
		}
		time.Sleep(58 * time.Second)
		if !known() {
			t.Error("an answer of less than a minute ago is not shown")
		}
		time.Sleep(2 * time.Second)
		if known() {
			t.Error("an answer of more than a minute ago is shown")
		}
		if got, want := f.longest, 5*time.Second; got != want {
			t.Errorf("a question lasts: got %v, want %v", got, want)
		}
		if f.asked < 6 {
			t.Errorf("asked: got %d times, want it to go on", f.asked)
		}
		cancel()
		synctest.Wait()
	})
}
