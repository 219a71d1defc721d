package pipeline_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/publish"
)

// inWorld runs f in a bubble, in a world in which nothing fails unasked, and
// then tells what was violated.
func inWorld(t *testing.T, f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, seed: 1, r: rand.New(rand.NewPCG(1, 1))}
		w.cfg = config{memory: 2000, unit: 500, workers: 2, interval: 50 * time.Millisecond, drain: 10 * time.Second}
		w.log = newLog(rand.New(rand.NewPCG(1, 2)), w.cfg.memory)
		if got := len(w.log.rows); got < 100 {
			t.Fatalf("the log has %d rows, want 100 at least", got)
		}
		w.shelf.init(w)
		f(t, w)
		for _, v := range w.violations {
			t.Error(v)
		}
	})
}

// start returns a pipeline of a new process, the process, and its context.
func (w *world) start() (*pipeline.Pipeline, *proc, context.Context, context.CancelFunc) {
	p := &proc{dead: make(chan struct{})}
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Hour)
	w.fuse, w.fire = -1, cancel
	return w.pipeline(p, encoder{}), p, ctx, cancel
}

// bytes is how much the first n rows are as events.
func (w *world) bytes(n int) int64 {
	size := 0
	for _, row := range w.log.rows[:n] {
		size += len(row.value)
	}
	return int64(size)
}

func wantCode(t *testing.T, err error, want int) {
	t.Helper()
	if got := failure.ExitCode(err); got != want {
		t.Errorf("Run: exit code %d, want %d: %v", got, want, err)
	}
}

// A hookSource calls a test before it passes on a call.
type hookSource struct {
	capture.Source
	locate func(from string)
	open   func()
	next   func(ctx context.Context, n int) error // n counts from 1 in each stream
}

func (s *hookSource) Locate(ctx context.Context, st checkpoint.State, from string) (checkpoint.State, error) {
	if s.locate != nil {
		s.locate(from)
	}
	return s.Source.Locate(ctx, st, from)
}

func (s *hookSource) Open(ctx context.Context, st checkpoint.State) (capture.Stream, error) {
	if s.open != nil {
		s.open()
	}
	stream, err := s.Source.Open(ctx, st)
	return &hookStream{Stream: stream, s: s}, err
}

type hookStream struct {
	capture.Stream
	s *hookSource
	n int
}

func (s *hookStream) Next(ctx context.Context, u *event.Unit) error {
	s.n++
	if s.s.next != nil {
		if err := s.s.next(ctx, s.n); err != nil {
			return err
		}
	}
	return s.Stream.Next(ctx, u)
}

// A hookStore asks a test for the outcome of a save; nil goes on to the store.
type hookStore struct {
	checkpoint.Store
	save func(n int, st checkpoint.State) error // n counts from 1
	n    int
}

func (s *hookStore) Save(ctx context.Context, st checkpoint.State) error {
	s.n++
	if err := s.save(s.n, st); err != nil {
		return err
	}
	return s.Store.Save(ctx, st)
}

// A deafSink accepts everything and stores nothing.
type deafSink struct {
	accepted chan struct{} // closed with the first batch
	dones    []func(error)
}

var _ publish.Publisher = (*deafSink)(nil)

func (s *deafSink) Publish(_ context.Context, _ *publish.Batch, done func(error)) error {
	if s.dones = append(s.dones, done); len(s.dones) == 1 {
		close(s.accepted)
	}
	return nil
}

func (s *deafSink) Flush(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s *deafSink) Close() error {
	for _, done := range s.dones {
		done(errClosed)
	}
	return nil
}
