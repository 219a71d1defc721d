package kinesis

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

// How often the streams are looked at anyway, how long nothing may be stored
// before it is told, and how often that is repeated.
const (
	watchEvery  = 5 * time.Second
	lookEvery   = 30 * time.Second
	stalledFrom = 10 * time.Second
	tellEvery   = time.Minute
	leastLook   = time.Second // between two that records ask for by landing elsewhere
)

// A watcher keeps what is known of a stream true, and says in the log what
// records wait for.
type watcher struct {
	o        *outlet
	looked   time.Time
	finished uint64    // batches, when it looked last
	since    time.Time // when that number changed last
	told     time.Time // when it last said why records wait; zero if they don't
}

// watch is the watcher's goroutine. It ends with the Publisher's life.
func (o *outlet) watch() {
	now := time.Now()
	w := &watcher{o: o, looked: now, since: now}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-o.stale:
			w.reshard()
		case <-tick.C:
			w.look()
		case <-o.p.life.Done():
			return
		}
	}
}

// reshard finds the shards that records have begun to land in.
func (w *watcher) reshard() {
	if time.Since(w.looked) < leastLook {
		return // the next record that lands there asks again
	}
	w.looked = time.Now()
	_ = w.o.survey(w.o.p.life) // what goes wrong is tried again with the next look
}

func (w *watcher) look() {
	p, now := w.o.p, time.Now()
	if now.Sub(w.looked) >= lookEvery {
		w.looked = now
		w.inspect()
	}
	if w.o != p.outlets[0] {
		return
	}
	p.mu.Lock()
	finished, waits := p.finished, p.accepted > p.finished
	p.mu.Unlock()
	if finished != w.finished || !waits {
		w.finished, w.since = finished, now
		if !w.told.IsZero() {
			w.told = time.Time{}
			p.cfg.Log.Info("Kinesis takes records again")
		}
	}
	if now.Sub(w.since) >= stalledFrom && now.Sub(w.told) >= tellEvery {
		w.told = now
		p.cfg.Log.Warn("records wait for Kinesis", zap.Duration("for", now.Sub(w.since).Round(time.Second)), zap.Error(p.lastTrouble()))
	}
}

// inspect finds out whether the stream still keeps an order, and where its lanes
// are.
func (w *watcher) inspect() {
	o, p := w.o, w.o.p
	limit, err := o.inspect(p.life)
	var stop *failure.StopError
	switch {
	case err == nil:
		p.mu.Lock()
		o.limit = limit
		p.mu.Unlock()
	case errors.As(err, &stop):
		p.end(err)
		return
	}
	// Without an answer lanes keep the pace of the shards that were known.
	_ = o.survey(p.life)
}

func (p *Publisher) lastTrouble() error {
	if err := p.trouble.Load(); err != nil {
		return *err
	}
	return errors.New("no answer yet")
}
