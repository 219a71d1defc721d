package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A sink reads all topics of the pipeline as they grow, and says how far and how
// late they are. What is in them is verified at the end, from the beginning.
type sink struct {
	client  *kgo.Client
	running sync.WaitGroup

	mu     sync.Mutex
	events int64                // of tables
	topics map[string]time.Time // when its last fresh event came; zero for none
	err    error
}

// small is the lag, from the commit, of an event that is fresh.
const small = 3 * time.Second

func startSink(ctx context.Context, brokers []string, committed bool) (*sink, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(brokers...), kgo.ConsumeRegex(), kgo.ConsumeTopics(`^` + pipeline + `\..*`),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMinAge(200 * time.Millisecond), kgo.MetadataMaxAge(time.Second),
	}
	if committed {
		options = append(options, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("read the topics: %w", err)
	}
	s := &sink{client: client, topics: make(map[string]time.Time)}
	s.running.Go(func() {
		for ctx.Err() == nil {
			fetches := s.client.PollFetches(ctx)
			if fetches.IsClientClosed() {
				return
			}
			s.take(fetches)
		}
	})
	return s, nil
}

// close ends the reading.
func (s *sink) close() {
	s.client.Close()
	s.running.Wait()
}

func (s *sink) take(fetches kgo.Fetches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	fetches.EachError(func(topic string, _ int32, err error) {
		if !errors.Is(err, context.Canceled) {
			s.err = errors.Join(s.err, fmt.Errorf("read the topic %s: %w", topic, err))
		}
	})
	fetches.EachRecord(func(r *kgo.Record) {
		if s.topics[r.Topic].IsZero() {
			s.topics[r.Topic] = time.Time{}
		}
		if !ofTable(r.Topic) {
			return
		}
		s.events++
		if now.Sub(time.UnixMilli(commitTime(r.Value))) < small {
			s.topics[r.Topic] = now
		}
	})
}

// ofTable reports whether a topic is that of a table: its name has the schema too.
func ofTable(topic string) bool { return strings.Count(topic, ".") == 2 }

// commitTime returns the ts_ms of an event, 0 for none.
func commitTime(value []byte) int64 {
	_, rest, _ := bytes.Cut(value, []byte(`"ts_ms":`))
	digits, _, _ := bytes.Cut(rest, []byte(","))
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// count returns how many events of tables have come.
func (s *sink) count() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events
}

// has reports whether something came by each of the topics.
func (s *sink) has(topics []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range topics {
		if _, there := s.topics[name]; !there {
			return false
		}
	}
	return true
}

// fresh reports whether each table has had a fresh event since then.
func (s *sink) fresh(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, at := range s.topics {
		if ofTable(name) && at.Before(since) {
			return false
		}
	}
	return len(s.topics) > 0
}

func (s *sink) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
