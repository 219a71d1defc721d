package kafka_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kafka"
)

// limit is how long anything may take that is not made to wait.
const limit = time.Minute

// at is a cluster without TLS or login.
func at(brokers ...string) broker.Cluster { return broker.Cluster{Brokers: brokers} }

// secure is a cluster with both.
func secure(address string, settings *tls.Config, login sasl.Mechanism) broker.Cluster {
	return broker.Cluster{Brokers: []string{address}, TLS: settings, SASL: login}
}

func open(t testing.TB, cfg kafka.Config) *kafka.Publisher {
	t.Helper()
	p, err := kafka.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, p.Close()) })
	return p
}

// fake starts a cluster for forced answers, with one topic.
func fake(t testing.TB, topic string, partitions int32, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic)}, options...)...)
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// logged returns a logger and what is written to it.
func logged() (*zap.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.InfoLevel)
	return zap.New(core), logs
}

// result publishes b and returns what its done was called with.
func result(t testing.TB, p *kafka.Publisher, b *publish.Batch) error {
	t.Helper()
	done := make(chan error, 1)
	must(t, p.Publish(t.Context(), b, func(err error) { done <- err }))
	return within(t, done)
}

// within waits for an error or nil.
func within(t testing.TB, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-time.After(limit):
		t.Fatalf("done was not called within %v", limit)
		return nil
	}
}

func batch(topic string, values ...string) *publish.Batch {
	b := &publish.Batch{Time: time.Now()}
	to := &publish.Topic{Name: topic}
	for _, v := range values {
		b.Add(to, 0, []byte("key"), []byte(v))
	}
	return b
}

// stored reads all records of topics, each partition's in order.
func stored(t testing.TB, brokers []string, topics ...string) map[string][]*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	must(t, err)
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topics...)
	must(t, err)
	must(t, ends.Error())
	missing := int64(0)
	ends.Each(func(o kadm.ListedOffset) { missing += o.Offset })
	all := make(map[string][]*kgo.Record)
	for missing > 0 {
		fetches := client.PollFetches(ctx)
		must(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			all[r.Topic] = append(all[r.Topic], r)
			missing--
		})
	}
	return all
}

func values(records []*kgo.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Value))
	}
	return all
}

// publishNumbers publishes the numbers from first on, a few per batch, and waits
// until all are durable.
func publishNumbers(t testing.TB, p *kafka.Publisher, first, count int) {
	t.Helper()
	results := make(chan error, count)
	batches := 0
	for i := first; i < first+count; {
		b := batch(orders)
		for range min(3, first+count-i) {
			b.Add(&publish.Topic{Name: orders}, 0, nil, []byte(number(i)))
			i++
		}
		must(t, p.Publish(t.Context(), b, func(err error) { results <- err }))
		batches++
	}
	for range batches {
		must(t, within(t, results))
	}
}

// wantNumbers checks that just the numbers from 0 on are stored in a topic, in
// order.
func wantNumbers(t testing.TB, brokers []string, topic string, count int) {
	t.Helper()
	got := values(stored(t, brokers, topic)[topic])
	if len(got) != count {
		t.Errorf("got %d records, want %d", len(got), count)
	}
	for i, v := range got {
		if v != number(i) {
			t.Fatalf("record %d is %s, want %s", i, v, number(i))
		}
	}
}

func number(i int) string { return fmt.Sprintf(`{"n":%06d}`, i) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
