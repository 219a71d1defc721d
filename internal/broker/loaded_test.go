package broker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/broker"
)

// A gate holds the client's goroutine in the middle of the first records of a
// topic, after the one for partition 0 and before it counts the topic.
type gate struct{ reached, open chan struct{} }

func (g gate) OnProduceRecordPartitioned(r *kgo.Record, _ int32) {
	if r.Partition == 1 {
		close(g.reached)
		<-g.open
	}
}

func TestATopicIsLoadedOnlyOnceTheEndOfATransactionSeesIt(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(2, "new"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	for partition := range int32(2) { // of different brokers: what is held is one's requests
		if err := cluster.MoveTopicPartition("new", partition, partition); err != nil {
			t.Fatal(err)
		}
	}
	g := gate{make(chan struct{}), make(chan struct{})}
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.TransactionalID("pipeline"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.WithHooks(g))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	stored := make(chan error, 2)
	for partition := range int32(2) {
		client.Produce(t.Context(), &kgo.Record{Topic: "new", Partition: partition}, func(_ *kgo.Record, err error) { stored <- err })
	}
	<-g.reached
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := broker.Loaded(now, client, "new", 2); !errors.Is(err, context.Canceled) {
		t.Errorf("while the client does not count it: got %v, want that it waits", err)
	}
	close(g.open)
	if err := broker.Loaded(t.Context(), client, "new", 2); err != nil {
		t.Fatal(err)
	}
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
}
