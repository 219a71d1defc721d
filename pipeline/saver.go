package pipeline

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
)

// save keeps saving the published prefix, at most once per interval, until
// quit. Its error ends the life.
func (l *life) save(quit <-chan struct{}) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-quit:
			return nil
		case <-l.hard.Done():
			return nil
		}
		select {
		case <-l.frontier.Moved():
		case <-quit:
			return nil
		case <-l.hard.Done():
			return nil
		}
		err := l.saveNow(l.hard)
		switch {
		case err == nil:
		case failure.Retryable(err):
			// The former state is still there. Publishing goes on up to the
			// memory limit beyond it, and nothing is confirmed meanwhile.
			l.p.Stats.Unsaved.Add(1)
			l.p.Log.Warn("the checkpoint was not saved", zap.Error(err))
		case l.hard.Err() != nil:
			return nil
		default:
			l.kill(err)
			return err
		}
		timer.Reset(l.p.Interval)
	}
}

// saveNow saves the published prefix if it has moved, confirms it to the
// server, and lets the sequencer tell consumers.
func (l *life) saveNow(ctx context.Context) error {
	m, moved := l.frontier.Take()
	if !moved {
		return nil
	}
	st := l.state(m)
	l.vitals.saves()
	err := l.p.Store.Save(ctx, st)
	l.vitals.saved(err)
	if err != nil {
		l.frontier.Saved(false)
		return err
	}
	l.saved = st
	l.frontier.Saved(true)
	l.confirm(m)
	select {
	case <-l.marks: // the sequencer has not told the one before: this one says more
	default:
	}
	l.marks <- m
	return nil
}

// state is what is to be saved once everything up to m is published.
func (l *life) state(m checkpoint.Mark) checkpoint.State {
	st := l.start.With(m)
	st.Partitions = partitions(l.sink, st.Partitions)
	return st
}

// partitions is over how many partitions sink spreads records, or known for a
// sink without any.
func partitions(sink publish.Publisher, known map[string]int32) map[string]int32 {
	if p, ok := sink.(publish.Partitioned); ok {
		return p.Partitions()
	}
	return known
}

// confirm tells server and statistics what is published and saved.
func (l *life) confirm(m checkpoint.Mark) {
	l.p.Stats.Saves.Add(1)
	l.p.Stats.setState(l.saved)
	if l.join != nil {
		l.join.Saved(l.saved)
	}
	if m.Millis != 0 && l.commits { // else it was told when it was published
		l.p.Stats.Millis.Store(m.Millis)
	}
	if m.Position == "" {
		return
	}
	l.stream.Confirm(m.Position)
}

// lastSave saves what was published by the end of the life, also when the sink
// has failed or the drain limit has passed, and tells consumers if it can.
func (l *life) lastSave() error {
	ctx, cancel := context.WithTimeout(context.Background(), lastSave)
	defer cancel()
	err := l.saveNow(ctx)
	if err != nil || l.hard.Err() != nil {
		return err
	}
	select {
	case m := <-l.marks:
		s := sequencer{life: l}
		if err := s.progress(m); err != nil {
			return err
		}
		l.flush()
	default:
	}
	return nil
}
