package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A sample is what was seen in one second.
type sample struct {
	at      time.Time
	rss     int64  // of the daemon, in bytes
	readers string // of the database's log
	events  int64  // that have arrived
}

// A watch looks each second.
type watch struct {
	running sync.WaitGroup
	stop    context.CancelFunc

	mu      sync.Mutex
	samples []sample
	err     error
}

func startWatch(ctx context.Context, look func(context.Context) (sample, error)) *watch {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{stop: cancel}
	w.running.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			seen, err := look(ctx)
			if ctx.Err() != nil {
				return
			}
			w.mu.Lock()
			w.samples = append(w.samples, seen)
			w.err = errors.Join(w.err, err)
			w.mu.Unlock()
		}
	})
	return w
}

// end stops looking.
func (w *watch) end() {
	w.stop()
	w.running.Wait()
}

// since returns the samples that were taken since then.
func (w *watch) since(begin time.Time) []sample {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, s := range w.samples {
		if !s.at.Before(begin) {
			return append([]sample(nil), w.samples[i:]...)
		}
	}
	return nil
}

func (w *watch) trouble() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// full is how many seconds of a fault suffice for the daemon to hold all that it
// may in the first half of them.
const full = 50

// memoryHeld holds the daemon's memory against its limit, and wants it to grow no
// more in the second half of a long fault that lets nothing through.
func memoryHeld(during, all []sample, memory int64) (text string, err error) {
	most := mostRSS(all)
	text = fmt.Sprintf("RSS at most %d MiB", most>>20)
	if most > memory+allowance {
		err = fmt.Errorf("the daemon took %d MiB of memory, and may take %d", most>>20, (memory+allowance)>>20)
	}
	if len(during) == 0 {
		return text, err
	}
	first, second := mostRSS(during[:len(during)/2]), mostRSS(during[len(during)/2:])
	text = fmt.Sprintf("RSS %d, then %d MiB, at most %d when it caught up", first>>20, second>>20, most>>20)
	if len(during) >= full && second > first+growth {
		err = errors.Join(err, fmt.Errorf("the daemon's memory grew from %d MiB to %d MiB in the second half of the fault", first>>20, second>>20))
	}
	return text, err
}

func mostRSS(samples []sample) int64 {
	most := int64(0)
	for _, s := range samples {
		most = max(most, s.rss)
	}
	return most
}

// connectionHeld wants one and the same reader of the log in all samples, of which
// there are some.
func connectionHeld(samples []sample) (reader string, err error) {
	if len(samples) == 0 {
		return "", errors.New("nobody looked at who reads the log")
	}
	for _, s := range samples {
		if reader == "" {
			reader = s.readers
		}
		if s.readers == "" || s.readers != reader {
			return reader, fmt.Errorf("the log was read by %q, and %v later by %q", reader, s.at.Sub(samples[0].at).Round(time.Second), s.readers)
		}
	}
	return reader, nil
}

// until looks again and again until come returns true. what completes the sentence
// "it never came true that ...".
func until(ctx context.Context, limit time.Duration, what string, come func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := come(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("it never came true that %s: %w", what, ctx.Err())
		}
	}
}
