package pipeline_test

import (
	"context"
	"maps"
	"strings"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/publish"
)

// A simCommitter makes records visible together with the State, or neither. A
// commit that fails may have taken effect.
type simCommitter struct {
	*simSink
	staged []*flight
}

var _ publish.Committer = (*simCommitter)(nil)

func (s *simCommitter) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	if err := s.proc.pause(ctx, s.r, s.w.cfg.sinkPace); err != nil {
		return err
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.act()
	if s.err() != nil {
		return errClosed
	}
	s.w.meet(s.simSink, b)
	docs := maps.Clone(s.w.shelf.docs)
	for _, f := range append(s.staged, &flight{b: b}) {
		for i := range f.b.Records {
			if r := &f.b.Records[i]; r.Topic.Channel == publish.Schemas {
				docs[strings.Trim(string(f.b.Key(r)), `"`)] = true
			}
		}
	}
	f := &flight{b: b, done: done, life: s.w.life, rows: s.w.shelf.accept(b, docs)}
	s.staged = append(s.staged, f)
	s.w.inTransaction = true
	return nil
}

func (s *simCommitter) Flush(context.Context) error { return s.proc.err() }

func (s *simCommitter) Commit(ctx context.Context, st checkpoint.State) error {
	if err := s.proc.pause(ctx, s.r, s.w.cfg.sinkPace); err != nil {
		return s.fail(err)
	}
	s.w.mu.Lock()
	s.w.act()
	if s.err() != nil {
		s.w.mu.Unlock()
		return s.fail(errClosed)
	}
	fails := s.w.chance(s.r, s.w.cfg.sinkFails)
	if !fails || s.r.IntN(2) == 0 {
		for _, f := range s.staged {
			s.storeAll(f)
		}
		s.w.save(st)
	}
	s.w.failed = s.w.failed || fails
	s.w.inTransaction = false
	s.w.mu.Unlock()
	if fails {
		return s.fail(errSink)
	}
	for _, f := range s.staged {
		f.done(nil)
	}
	s.staged = nil
	return nil
}

// fail ends the instance: what is staged is given up, or in doubt.
func (s *simCommitter) fail(err error) error {
	s.w.mu.Lock()
	s.failed = err
	early := s.r.IntN(2) == 0
	s.w.mu.Unlock()
	if early {
		s.giveUp(err)
	}
	return err
}

func (s *simCommitter) giveUp(err error) {
	for _, f := range s.staged {
		f.done(err)
	}
	s.staged = nil
}

func (s *simCommitter) Close() error {
	s.w.mu.Lock()
	if s.err() == nil && s.w.inTransaction {
		s.w.violate("the sink was closed with %d batches not committed", len(s.staged))
	}
	s.w.inTransaction = false
	s.w.mu.Unlock()
	err := s.simSink.Close()
	s.giveUp(errClosed)
	return err
}
