package pipeline

import (
	"fmt"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/internal/murmur2"
	"github.com/tailrace/tailrace/publish"
)

// A sequencer hands encoded units to the publisher in log order. It is the
// only goroutine that calls the publisher while a life lasts.
type sequencer struct {
	*life
	commit  publish.Committer // nil unless the sink saves the State itself
	counts  []encode.Count    // events of the open transaction per topic
	scratch []byte

	full    bool            // the reader waits for room
	handed  checkpoint.Mark // what was handed to a Committer since start
	pending bool            // some of it is not committed
	held    int64           // bytes of that
}

// sequence runs until the reader has closed its channel and everything is
// handed on, or an error.
func (l *life) sequence() error {
	s := &sequencer{life: l}
	s.commit, _ = l.sink.(publish.Committer)
	tick := time.NewTicker(l.p.Interval)
	defer tick.Stop()
	if s.commit == nil {
		tick.Stop()
	}
	for {
		var err error
		select {
		case j, ok := <-l.order:
			if !ok {
				return s.finish()
			}
			err = s.hand(j)
		case m := <-l.marks:
			err = s.progress(m)
		case <-tick.C:
			err = s.commitNow()
		case <-l.frontier.Full():
			s.full = true
		case <-l.hard.Done():
			return l.hard.Err()
		}
		// Whoever holds batches back for a better moment would wait for ever:
		// the reader can't bring another (C6.3). What is queued here still
		// counts as another.
		if err == nil && s.full && len(l.order) == 0 {
			s.full = false
			err = s.hurry()
		}
		if err != nil {
			return err
		}
	}
}

// hand passes on one unit.
func (s *sequencer) hand(j *job) error {
	select {
	case <-j.encoded:
	case <-s.hard.Done():
		return s.hard.Err()
	}
	if len(j.tables) > 0 {
		if err := s.documents(j); err != nil {
			return err
		}
	}
	s.handing.work()
	s.markEnds(j)
	s.handing.wait()
	mark, size, encodeErr := j.mark, j.size, j.err // j is somebody else's once it is handed on
	if len(j.batch.Records) == 0 {
		j.done(nil)
	} else if err := s.publish(&j.batch, j.done); err != nil {
		return err
	}
	s.handed.Extend(mark)
	s.pending = true
	s.held += size
	// At half of the memory, so that the reader goes on beside the commit.
	if encodeErr != nil || s.held > s.p.Memory/2 {
		if err := s.finish(); err != nil {
			return err
		}
	}
	return encodeErr
}

// publish stamps a batch and hands it to the sink. A sink that refuses one has
// failed, unless everything is over anyway.
func (s *sequencer) publish(b *publish.Batch, done func(error)) error {
	b.Time = time.Now()
	s.vitals.ask()
	err := s.sink.Publish(s.hard, b, done)
	if s.commits {
		s.vitals.answered()
	}
	if err != nil && s.hard.Err() == nil {
		s.failSink(err)
	}
	return err
}

// documents publishes the schema documents of new table versions and waits
// until they are durable, since consumers look them up by the first event that
// names them (C2.5). A Committer makes them visible together with the events.
func (s *sequencer) documents(j *job) error {
	b := new(publish.Batch)
	for _, t := range j.tables {
		s.scratch = encode.AppendSchema(s.scratch[:0], t)
		b.Add(s.p.topics.docs, murmur2.Sum([]byte(t.Version)), []byte(`"`+t.Version+`"`), s.scratch)
	}
	durable := make(chan error, 1)
	err := s.publish(b, func(err error) {
		s.answered()
		if err != nil {
			s.failSink(err)
		}
		durable <- err
	})
	if err != nil {
		return err
	}
	if s.commit != nil {
		return nil
	}
	if err := s.sink.Flush(s.hard); err != nil {
		return s.sinkError(err)
	}
	select {
	case err := <-durable:
		return err
	case <-s.hard.Done():
		return s.hard.Err()
	}
}

func (s *sequencer) sinkError(err error) error {
	if err != nil && s.hard.Err() == nil {
		s.failSink(err)
	}
	return err
}

// markEnds counts the unit's events and appends an END marker for each
// transaction that ended in it with at least one.
func (s *sequencer) markEnds(j *job) {
	for _, r := range j.runs {
		if r.topic != nil {
			s.count(r.topic.Name, r.rows)
			continue
		}
		if len(s.counts) > 0 && !r.told {
			s.scratch = encode.AppendEnd(s.scratch[:0], s.start.Epoch, &r.txn, s.counts)
			j.batch.Add(s.p.topics.ends, 0, nil, s.scratch)
		}
		s.counts = s.counts[:0]
	}
}

func (s *sequencer) count(topic string, rows uint64) {
	for i := range s.counts {
		if s.counts[i].Topic == topic {
			s.counts[i].Rows += rows
			return
		}
	}
	s.counts = append(s.counts, encode.Count{Topic: topic, Rows: rows})
}

// progress says how far everything is published and saved (C8.1).
func (s *sequencer) progress(m checkpoint.Mark) error {
	if m.Position == "" {
		return nil
	}
	b := new(publish.Batch)
	b.Add(s.p.topics.marks, 0, nil, encode.AppendProgress(nil, s.start.Epoch, m.Bound, m.Millis))
	return s.publish(b, func(err error) {
		s.answered()
		if err != nil {
			s.failSink(err)
		}
	})
}

// hurry lets go what the sink or a transaction holds back.
func (s *sequencer) hurry() error {
	if s.commit != nil {
		return s.commitNow()
	}
	return s.sinkError(s.sink.Flush(s.hard))
}

// commitNow makes everything handed on durable together with the State of this
// boundary (C7.1). The saver is bypassed.
func (s *sequencer) commitNow() error {
	if s.commit == nil || !s.pending {
		return nil
	}
	if err := s.progress(s.handed); err != nil {
		return err
	}
	st := s.state(s.handed)
	s.vitals.ask()
	err := s.commit.Commit(s.hard, st)
	s.vitals.answered()
	if err != nil {
		return s.sinkError(fmt.Errorf("commit: %w", err))
	}
	s.pending, s.held = false, 0
	s.saved = st
	s.confirm(s.handed)
	return nil
}

// finish ends a life whose reader has ended.
func (s *sequencer) finish() error {
	if s.commit != nil {
		return s.commitNow()
	}
	return nil
}
