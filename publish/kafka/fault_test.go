package kafka_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/publish/kafka"
)

// A load publishes rising numbers, a bounded number of batches at a time, as the
// frontier would.
type load struct {
	topic   string
	next    int
	slots   chan struct{}
	durable atomic.Int64
	failed  atomic.Pointer[error]
}

func newLoad(topic string) *load { return &load{topic: topic, slots: make(chan struct{}, 100)} }

// publish publishes more numbers, until count are out or as long as there is a
// slot if count is 0.
func (l *load) publish(t *testing.T, p *kafka.Publisher, count int) {
	t.Helper()
	for i := 0; count == 0 || i < count; i++ {
		if count == 0 {
			select {
			case l.slots <- struct{}{}:
			default:
				return
			}
		} else {
			l.slots <- struct{}{}
		}
		must(t, p.Publish(t.Context(), batch(l.topic, number(l.next)), func(err error) {
			if err != nil {
				l.failed.Store(&err)
			}
			l.durable.Add(1)
			<-l.slots
		}))
		l.next++
	}
}

func (l *load) finish(t *testing.T, p *kafka.Publisher, brokers ...string) {
	t.Helper()
	must(t, p.Flush(t.Context()))
	if err := l.failed.Load(); err != nil {
		t.Errorf("a batch failed: %v", *err)
	}
	if got := int(l.durable.Load()); got != l.next {
		t.Errorf("got %d done, want %d", got, l.next)
	}
	wantNumbers(t, brokers, l.topic, l.next)
}

func frozenUnderLoad(t *testing.T, broker *servers.KafkaServer) {
	broker.CreateTopic(t, "frozen", 1, nil)
	log, logs := logged()
	p := open(t, kafka.Config{Cluster: at(broker.Plain), Log: log})
	l := newLoad("frozen")
	l.publish(t, p, 2000)
	broker.Freeze(t)
	defer broker.Thaw(t) // whatever comes of it, others use it next
	l.publish(t, p, 0)   // until nothing more is taken: the broker answers no more
	before := runtime.NumGoroutine()
	eventually.True(t, limit, "the log says that records wait", func() bool {
		return logs.FilterMessage("records wait for Kafka").Len() > 0
	})
	if after := runtime.NumGoroutine(); after > before+10 {
		t.Errorf("got %d goroutines after a while of silence, %d before", after, before)
	}
	broker.Thaw(t)
	l.publish(t, p, 2000)
	l.finish(t, p, broker.Plain)
	eventually.True(t, limit, "the log says that it is over", func() bool {
		return logs.FilterMessage("Kafka takes records again").Len() > 0
	})
}

func killedUnderLoad(t *testing.T, broker *servers.KafkaServer) {
	broker.CreateTopic(t, "killed", 1, nil)
	p := open(t, kafka.Config{Cluster: at(broker.Plain)})
	l := newLoad("killed")
	for range 2 {
		l.publish(t, p, 2000)
		broker.Kill(t)
		l.publish(t, p, 0)
		broker.Start(t)
	}
	l.publish(t, p, 2000)
	l.finish(t, p, broker.Plain)
}

func closedWhileFrozen(t *testing.T, broker *servers.KafkaServer) {
	broker.CreateTopic(t, "closed", 1, nil)
	p, err := kafka.Open(t.Context(), kafka.Config{Cluster: at(broker.Plain)})
	must(t, err)
	must(t, result(t, p, batch("closed", "first")))
	broker.Freeze(t)
	defer broker.Thaw(t) // whatever comes of it, others use it next
	const count = 50
	results := make(chan error, count+1)
	for i := range count {
		must(t, p.Publish(t.Context(), batch("closed", number(i)), func(err error) { results <- err }))
	}
	closed := make(chan error, 1)
	go func() { closed <- p.Close() }()
	must(t, within(t, closed))
	if len(results) != count {
		t.Errorf("got %d done before Close returned, want %d", len(results), count)
	}
	for range len(results) {
		if err := <-results; err == nil {
			t.Error("done was called without an error")
		}
	}
}
