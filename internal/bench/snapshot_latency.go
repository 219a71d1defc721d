package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tailrace/tailrace/internal/bench/copied"
)

// mostLatency is the target: how many times as long a commit may take to arrive, at
// the 99th percentile, while tables are copied.
const mostLatency = 2

// latency measures how long commits of one row take to arrive in a file, in turn
// without a copy and while orders is copied.
func (b *bench) latency(ctx context.Context, r *report, s filled) error {
	l := latencies{quiet: b.quiet, rows: b.copied}
	for i := range b.pairs {
		for _, copying := range []bool{false, true} {
			a, err := calmly(func() (arrived, error) { return b.arrivals(ctx, s, copying) })
			if err != nil {
				return fmt.Errorf("latency, copying %v: %w", copying, err)
			}
			if copying {
				l.copying = append(l.copying, a)
			} else {
				l.alone = append(l.alone, a)
			}
			fmt.Printf("latency, %d of %d, copying %v: %s\n", i+1, b.pairs, copying, a)
		}
	}
	r.latencies = append(r.latencies, l)
	return nil
}

// arrivals runs tailrace beside a writer, and a copy if there is to be one.
func (b *bench) arrivals(ctx context.Context, s filled, copying bool) (arrived, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dir, err := os.MkdirTemp(b.dir, "latency-")
	if err != nil {
		return arrived{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it holds gigabytes
	if err := s.empty(ctx); err != nil {
		return arrived{}, err
	}
	mode, args := "never", []string{"--from", "now"}
	if copying {
		mode, args = "initial", nil
	}
	d, err := b.begin(ctx, dir, copyConfig(s, mode, "file://"+dir, dir, "", "orders", "ticks"), args...)
	if err != nil {
		return arrived{}, err
	}
	defer d.kill()
	go func() {
		<-d.gone
		cancel(errors.New("tailrace has ended"))
	}()
	w := newTicks()
	tail := follow(topicFile(dir, s, "ticks"), w)
	defer tail.stop()
	writing, err := w.write(ctx, cancel, s.writer)
	if err != nil {
		return arrived{}, err
	}
	defer writing.stop()

	from, to, err := b.window(ctx, w, topicFile(dir, s, "orders"), copying)
	if err == nil {
		writing.stop()
		err = w.wait(ctx, from, to)
	}
	if err != nil {
		return arrived{}, fmt.Errorf("%w: %s", err, d.words())
	}
	tail.stop()
	u, err := d.stop(0)
	if err := errors.Join(err, s.forget(context.WithoutCancel(ctx))); err != nil {
		return arrived{}, err
	}
	return w.between(from, to, u)
}

// window returns what time counts: all of the copy, or some time of following
// alone.
func (b *bench) window(ctx context.Context, w *ticks, file string, copying bool) (from, to time.Time, err error) {
	if copying {
		return copied.Grown(ctx, file, b.copied)
	}
	select {
	case <-w.first:
	case <-ctx.Done():
		return from, to, context.Cause(ctx)
	}
	from = time.Now().Add(time.Second) // what was committed before has come
	to = from.Add(b.quiet)
	enough := time.NewTimer(time.Until(to))
	defer enough.Stop()
	select {
	case <-enough.C:
		return from, to, nil
	case <-ctx.Done():
		return from, to, context.Cause(ctx)
	}
}
