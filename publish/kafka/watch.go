package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

// How often the watcher looks, how long nothing may be acknowledged before it
// asks why, and how often it repeats the answer and looks for partitions.
const (
	watchEvery  = 5 * time.Second
	stalledFrom = 10 * time.Second
	tellEvery   = time.Minute
)

// A watcher says in the log what records wait for. The client retries for ever
// and without a word; a login that is refused to it meanwhile is found here.
type watcher struct {
	p        *Publisher
	finished uint64    // batches, when it looked last
	since    time.Time // when that number changed last
	told     time.Time // when it last said why records wait; zero if they don't
	spread   time.Time // when it last looked for partitions
	warned   map[string]int32
}

// watch is the watcher's goroutine. It ends with the Publisher's life.
func (p *Publisher) watch() {
	now := time.Now()
	w := &watcher{p: p, since: now, spread: now, warned: make(map[string]int32)}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.look()
		case <-p.sending.Done():
			return
		}
	}
}

func (w *watcher) look() {
	p, now := w.p, time.Now()
	finished := p.finished.Load()
	waiting := p.accepted.Load() > finished
	if finished != w.finished || !waiting {
		w.finished, w.since = finished, now
		if !w.told.IsZero() {
			w.told = time.Time{}
			p.cfg.Log.Info("Kafka takes records again")
		}
	}
	switch {
	case now.Sub(w.since) >= stalledFrom && now.Sub(w.told) >= tellEvery:
		w.told = now
		w.tell()
	case now.Sub(w.spread) >= tellEvery:
		w.spread = now
		w.lookForPartitions()
	}
}

// tell finds out what records wait for.
func (w *watcher) tell() {
	p := w.p
	err := w.ask(func(name string, code error, _ int32) error {
		switch {
		case errors.Is(code, kerr.UnknownTopicOrPartition):
			return fmt.Errorf("topic %s is missing: it was there and must be made again", name)
		case code != nil:
			return fmt.Errorf("topic %s: %w", name, code)
		}
		return nil
	})
	if err != nil {
		if v := p.explainOutage(err); !failure.Retryable(v.final) {
			p.fail(v)
			return
		}
	} else {
		err = errors.New("the brokers answer and store nothing: see whether partitions have a leader and enough in-sync replicas")
	}
	p.cfg.Log.Warn("records wait for Kafka", zap.Duration("for", time.Since(w.since).Round(time.Second)), zap.Error(err))
}

// lookForPartitions warns of partitions that were added.
func (w *watcher) lookForPartitions() {
	p := w.p
	used := p.Partitions()
	// What goes wrong here is told when records have to wait.
	_ = w.ask(func(name string, code error, there int32) error {
		if code == nil && there > used[name] && there > w.warned[name] {
			w.warned[name] = there
			p.warnAdded(name, used[name], there)
		}
		return nil
	})
}

// ask asks the cluster for all topics met and calls each with what it says:
// the error for the topic or of one of its partitions, and their number.
func (w *watcher) ask(each func(name string, code error, partitions int32) error) error {
	p := w.p
	p.mu.Lock()
	names := slices.Collect(maps.Keys(p.topics))
	p.mu.Unlock()
	if len(names) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(p.sending, answerLimit)
	defer cancel()
	found, err := p.metadata(ctx, names)
	if err != nil {
		return err
	}
	var all []error
	for i := range found.Topics {
		t := &found.Topics[i]
		if t.Topic == nil {
			continue
		}
		code := kerr.ErrorForCode(t.ErrorCode)
		for j := range t.Partitions {
			if code == nil {
				code = kerr.ErrorForCode(t.Partitions[j].ErrorCode)
			}
		}
		all = append(all, each(*t.Topic, code, int32(len(t.Partitions))))
	}
	return errors.Join(all...)
}
