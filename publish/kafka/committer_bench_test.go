package kafka_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kafka"
)

// What a Committer costs beside a Publisher, on a real broker. As many batches are
// in flight as the frontier has room for by default; an operation is a batch.
func BenchmarkCommitter(b *testing.B) {
	const room = 256 << 20 / (perBatch * 408)
	cluster := servers.Kafka(b)
	for i, every := range []time.Duration{0, time.Second, 100 * time.Millisecond} {
		name := "plain"
		if every > 0 {
			name = "commit each " + every.String()
		}
		topic := &publish.Topic{Name: fmt.Sprintf("%sorders%d", cluster.Prefix, i)}
		cluster.CreateTopic(b, topic.Name, 1, map[string]string{"retention.bytes": "67108864", "segment.bytes": "67108864"})
		b.Run(name, func(b *testing.B) {
			p := acquire(b, fmt.Sprintf("%spipe%d", cluster.Prefix, i), at(cluster.Plain))
			var to publish.Publisher
			var commit func() error
			if every == 0 {
				to = open(b, kafka.Config{Cluster: p.cluster})
				commit = func() error { return to.Flush(b.Context()) }
			} else {
				c := p.open(b, kafka.Config{})
				to, commit = c, func() error { return c.Commit(b.Context(), p.at("somewhere")) }
			}
			one := batch(topic.Name)
			for range perBatch {
				one.Add(topic, 0, []byte(`{"id":1}`), make([]byte, 400))
			}
			free := make(chan struct{}, room)
			for range room {
				free <- struct{}{}
			}
			done := func(err error) {
				if err != nil {
					b.Error(err)
				}
				free <- struct{}{}
			}
			b.SetBytes(perBatch * 408)
			last := time.Now()
			for b.Loop() {
				if every > 0 && (len(free) == 0 || time.Since(last) >= every) {
					must(b, commit())
					last = time.Now()
				}
				<-free
				must(b, to.Publish(b.Context(), one, done))
			}
			must(b, commit())
			b.ReportMetric(float64(b.N)*perBatch/b.Elapsed().Seconds(), "records/s")
		})
	}
}
