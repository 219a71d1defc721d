package pipeline_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/publish"
)

// What a sink's client holds beside the bytes is most of the memory of small rows.
func TestRecordsOnTheirWayAreChargedMoreThanTheirBytes(t *testing.T) {
	const memory, each, unit = 50_000, 240, 4_000 // bytes; of a record beside its own; of the last unit at most
	orders := tableOf(t, "orders", []string{"id"}, 0)
	changes := slices.Repeat([]event.Change{{Op: event.Insert, Table: orders, After: rowOf("1")}}, 1000)
	sink := new(stuckSink)
	err := running(t, changes, func(p *pipeline.Pipeline) {
		sink.open = make(chan struct{}) // of the bubble
		p.Memory = memory
		p.OpenSink = func(context.Context, checkpoint.State) (publish.Publisher, error) { return sink, nil }
	})
	wantCode(t, err, failure.ExitOK)
	if held := sink.records*each + sink.bytes; sink.records == 0 || held > memory+unit {
		t.Errorf("the sink held %d records of %d bytes, %d in all; want at most %d", sink.records, sink.bytes, held, memory+unit)
	}
}

// It has a copy in each partition, or lane.
func TestATruncateIsChargedForItsCopies(t *testing.T) {
	const memory, each, unit = 1 << 20, 32 << 10, 64 // bytes; of a truncate; truncates in a unit at most
	orders := tableOf(t, "orders", []string{"id"}, 0)
	changes := slices.Repeat([]event.Change{{Op: event.Truncate, Table: orders}}, 1000)
	sink := new(stuckSink)
	err := running(t, changes, func(p *pipeline.Pipeline) {
		sink.open = make(chan struct{}) // of the bubble
		p.Memory = memory
		p.OpenSink = func(context.Context, checkpoint.State) (publish.Publisher, error) { return sink, nil }
	})
	wantCode(t, err, failure.ExitOK)
	if most := memory/each + unit; sink.records == 0 || sink.records > most {
		t.Errorf("the sink held %d truncates, want at most %d", sink.records, most)
	}
}

// A stuckSink stores no event for a minute, and then all at once. It counts
// those that it held.
type stuckSink struct {
	open chan struct{} // closed after the minute

	mu             sync.Mutex
	dones          []func(error)
	records, bytes int
}

func (s *stuckSink) isOpen() bool {
	select {
	case <-s.open:
		return true
	default:
		return false
	}
}

func (s *stuckSink) Publish(_ context.Context, b *publish.Batch, done func(error)) error {
	s.mu.Lock()
	if s.isOpen() || b.Records[0].Topic.Channel == publish.Schemas {
		s.mu.Unlock()
		done(nil)
		return nil
	}
	defer s.mu.Unlock()
	if len(s.dones) == 0 {
		time.AfterFunc(time.Minute, s.release)
	}
	s.dones = append(s.dones, done)
	for i := range b.Records {
		s.records++
		s.bytes += int(b.Records[i].ValueEnd - b.Records[i].KeyStart)
	}
	return nil
}

func (s *stuckSink) release() {
	s.mu.Lock()
	close(s.open)
	dones := s.dones
	s.mu.Unlock()
	for _, done := range dones {
		done(nil)
	}
}

func (s *stuckSink) Flush(ctx context.Context) error {
	if s.records == 0 {
		return nil
	}
	select {
	case <-s.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stuckSink) Close() error { return nil }
