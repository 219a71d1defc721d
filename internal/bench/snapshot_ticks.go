package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/tailrace/tailrace/internal/bench/copied"
)

// Commits a second, and connections that they come over: one could not keep the
// pace if a commit took long.
const (
	tickRate  = 500
	tickConns = 4
)

// ticks are commits of one row, and when each arrived.
type ticks struct {
	first chan struct{} // closed when something has arrived

	mu  sync.Mutex
	all []commit // by id, from 1 on
}

type commit struct{ sent, acked, arrived time.Time }

func newTicks() *ticks { return &ticks{first: make(chan struct{}), all: make([]commit, 1)} }

// A stoppable works until it is stopped, once or more often.
type stoppable struct {
	once sync.Once
	end  func()
}

func (s *stoppable) stop() { s.once.Do(s.end) }

// write commits rows in an even pace until it is stopped. It cancels with what went
// wrong.
func (w *ticks) write(ctx context.Context, cancel context.CancelCauseFunc, writer func(context.Context) (func(int) error, func(), error)) (*stoppable, error) {
	var group sync.WaitGroup
	ids, stop := make(chan int), make(chan struct{})
	s := &stoppable{end: func() {
		close(stop)
		group.Wait()
	}}
	for range tickConns {
		tick, end, err := writer(ctx)
		if err != nil {
			close(ids)
			group.Wait()
			return nil, err
		}
		group.Go(func() {
			defer end()
			for id := range ids {
				sent := time.Now()
				err := tick(id)
				acked := time.Now()
				if err != nil {
					cancel(fmt.Errorf("commit a row: %w", err))
					continue
				}
				w.mu.Lock()
				w.all[id].sent, w.all[id].acked = sent, acked
				w.mu.Unlock()
			}
		})
	}
	group.Go(func() {
		defer close(ids)
		pace := time.NewTicker(time.Second / tickRate)
		defer pace.Stop()
		for id := 1; ; id++ {
			select {
			case <-pace.C:
			case <-stop:
				return
			}
			w.mu.Lock()
			w.all = append(w.all, commit{})
			w.mu.Unlock()
			select {
			case ids <- id:
			case <-stop:
				return
			}
		}
	})
	return s, nil
}

// follow reads a topic's file as it grows and notes when each row was there.
func follow(file string, w *ticks) *stoppable {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		look := time.NewTicker(500 * time.Microsecond)
		defer look.Stop()
		var f *os.File
		var rest []byte
		part := make([]byte, 256<<10)
		for {
			select {
			case <-look.C:
			case <-stop:
				if f != nil {
					_ = f.Close() // was only read
				}
				return
			}
			if f == nil {
				var err error
				if f, err = os.Open(file); err != nil {
					f = nil // is not there yet
					continue
				}
			}
			n, err := f.Read(part)
			if n == 0 || (err != nil && err != io.EOF) {
				continue
			}
			rest = w.note(append(rest, part[:n]...), time.Now())
		}
	}()
	return &stoppable{end: func() {
		close(stop)
		<-stopped
	}}
}

// note gives the rows of whole lines their time of arrival, and returns what is
// behind the last.
func (w *ticks) note(lines []byte, now time.Time) (rest []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		line, behind, ok := bytes.Cut(lines, []byte("\n"))
		if !ok {
			return lines
		}
		lines = behind
		id, ok := copied.ID(line)
		if !ok || id >= len(w.all) || !w.all[id].arrived.IsZero() {
			continue
		}
		w.all[id].arrived = now
		select {
		case <-w.first:
		default:
			close(w.first)
		}
	}
}

// wait returns when all that was committed in a time has arrived, or an error if
// some of it does not.
func (w *ticks) wait(ctx context.Context, from, to time.Time) error {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("some commits have not arrived half a minute after the last"))
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		w.mu.Lock()
		missing := slices.ContainsFunc(w.all, func(c commit) bool { return c.in(from, to) && c.arrived.IsZero() })
		w.mu.Unlock()
		if !missing {
			return nil
		}
	}
}

// in says whether a commit was made in a time.
func (c commit) in(from, to time.Time) bool {
	return !c.acked.IsZero() && !c.sent.Before(from) && c.sent.Before(to)
}

// arrived is how long the commits of a time took to arrive, and what tailrace took
// meanwhile.
type arrived struct {
	span    time.Duration
	sent    []time.Duration // from before each was sent, the shortest first
	commits []time.Duration // from when the writer knew that it was committed
	usage   usage
}

func (w *ticks) between(from, to time.Time, u usage) (arrived, error) {
	a := arrived{span: to.Sub(from), usage: u}
	for _, c := range w.all {
		if c.in(from, to) {
			a.sent = append(a.sent, c.arrived.Sub(c.sent))
			a.commits = append(a.commits, max(0, c.arrived.Sub(c.acked)))
		}
	}
	const least = 100 // or there is no 99th percentile
	if len(a.sent) < least {
		return a, fmt.Errorf("only %d commits in %.1f s, want at least %d: the copy is too short", len(a.sent), a.span.Seconds(), least)
	}
	slices.Sort(a.sent)
	slices.Sort(a.commits)
	return a, nil
}

// percentile returns what so many of 100 are at most; the slice is sorted.
func percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)-1)*percent/100]
}

func (a arrived) String() string {
	return fmt.Sprintf("%d commits in %.1f s, p50 %.1f ms, p99 %.1f ms, most %.1f ms (from the commit's answer p50 %.1f ms, p99 %.1f ms); %s",
		len(a.sent), a.span.Seconds(), ms(percentile(a.sent, 50)), ms(percentile(a.sent, 99)), ms(a.sent[len(a.sent)-1]),
		ms(percentile(a.commits, 50)), ms(percentile(a.commits, 99)), a.usage)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
