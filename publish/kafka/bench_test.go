package kafka_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kafka"
)

// A stream has enough batches in flight that the client is never idle.
type stream struct {
	p    *kafka.Publisher
	free chan *slot
}

type slot struct {
	batch publish.Batch
	done  func(error)
}

const (
	perBatch = 256
	inFlight = 64
)

func newStream(tb testing.TB, compression string) *stream {
	tb.Helper()
	cluster := fake(tb, orders, 1, kfake.BlackholeProduce())
	s := &stream{
		p:    open(tb, kafka.Config{Cluster: at(cluster.ListenAddrs()...), Compression: compression}),
		free: make(chan *slot, inFlight),
	}
	topic := &publish.Topic{Name: orders}
	value := make([]byte, 400)
	for i := range value {
		value[i] = byte('a' + i%7)
	}
	for range inFlight {
		one := &slot{batch: publish.Batch{Time: time.Now()}}
		one.done = func(err error) {
			if err != nil {
				tb.Error(err)
			}
			s.free <- one
		}
		for i := range perBatch {
			one.batch.Add(topic, uint32(i), []byte(`{"id":1}`), value)
		}
		s.free <- one
	}
	return s
}

func (s *stream) publish(tb testing.TB) {
	one := <-s.free
	must(tb, s.p.Publish(tb.Context(), &one.batch, one.done))
}

func (s *stream) drain(tb testing.TB) {
	must(tb, s.p.Flush(tb.Context()))
}

// What franz-go allocates is per request and per batch on the wire; a record
// itself costs nothing. The broker is in this process and takes its share, and
// on a busy machine batches on the wire are smaller.
func TestARecordCostsNoAllocation(t *testing.T) {
	s := newStream(t, "none")
	for range 4 * inFlight {
		s.publish(t)
	}
	const batches = 50
	perRun := testing.AllocsPerRun(3, func() {
		for range batches {
			s.publish(t)
		}
		s.drain(t)
	})
	if got := perRun / (batches * perBatch); got > 0.2 {
		t.Errorf("got %.3f allocations per record, want at most 0.2", got)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, compression := range []string{"none", "snappy", "lz4", "zstd"} {
		b.Run(compression, func(b *testing.B) {
			s := newStream(b, compression)
			b.SetBytes(perBatch * 408)
			b.ReportAllocs()
			for b.Loop() {
				s.publish(b)
			}
			s.drain(b)
			b.ReportMetric(float64(b.N)*perBatch/b.Elapsed().Seconds(), "records/s")
		})
	}
}
