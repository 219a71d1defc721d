package servers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/internal/eventually"
)

// Consume returns the records of a topic by partition, each partition's in order,
// from its beginning to at least where it ends at the time of the call. With
// readCommitted that is where the oldest open transaction begins, what was aborted
// is left out, and what was committed before the call is there; otherwise all are
// read. Records have keys, values, headers,
// offsets and timestamps.
func (c *KafkaCluster) Consume(t testing.TB, topic string, readCommitted bool) [][]*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var partitions [][]*kgo.Record
	eventually.NoError(t, limit, "the topic "+topic+" is consumed", func() (err error) {
		// A broker that stood still has no leaders for a moment.
		if partitions, err = c.consume(ctx, topic, readCommitted); err != nil && !kerr.IsRetriable(err) {
			t.Fatalf("consume the topic %s: %v", topic, err)
		}
		return err
	})
	return partitions
}

func (c *KafkaCluster) consume(ctx context.Context, topic string, readCommitted bool) ([][]*kgo.Record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Plain))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if readCommitted {
		if err := settled(ctx, admin, topic); err != nil {
			return nil, err
		}
	}
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err := errors.Join(err, starts.Error()); err != nil {
		return nil, err
	}
	list := admin.ListEndOffsets
	if readCommitted {
		list = admin.ListCommittedOffsets
	}
	ends, err := list(ctx, topic)
	if err := errors.Join(err, ends.Error()); err != nil {
		return nil, err
	}
	topics, err := admin.ListTopics(ctx, topic)
	if err := errors.Join(err, topics.Error()); err != nil {
		return nil, err
	}
	var partitions [][]*kgo.Record
	for _, p := range topics[topic].Partitions.Sorted() {
		start, _ := starts.Lookup(topic, p.Partition)
		end, known := ends.Lookup(topic, p.Partition)
		if !known {
			return nil, fmt.Errorf("find the end of partition %d: there is no answer", p.Partition)
		}
		r := reader{broker: client.Broker(int(p.Leader)), topic: topics[topic], partition: p.Partition, committed: readCommitted}
		records, err := r.read(ctx, start.Offset, end.Offset)
		if err != nil {
			return nil, fmt.Errorf("read partition %d: %w", p.Partition, err)
		}
		partitions = append(partitions, records)
	}
	return partitions, nil
}

// settled waits until each transaction on the topic that was ended has ended there:
// the broker acknowledges the end before it writes it to the partitions.
func settled(ctx context.Context, admin *kadm.Client, topic string) error {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		ending, err := admin.ListTransactions(ctx, nil, []string{"PrepareCommit", "PrepareAbort"})
		if err != nil {
			return err
		}
		if len(ending) == 0 {
			return nil
		}
		transactions, err := admin.DescribeTransactions(ctx, ending.TransactionalIDs()...)
		if err != nil {
			return err
		}
		waits := false
		for _, transaction := range transactions {
			_, ours := transaction.Topics[topic]
			waits = waits || ours && strings.HasPrefix(transaction.State, "Prepare")
		}
		if !waits {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the end of a transaction: %w", ctx.Err())
		}
	}
}

// A reader asks for the records of a partition by itself: a consumer does not say
// that it has come to the end when the last offsets hold nothing for it.
type reader struct {
	broker    *kgo.Broker
	topic     kadm.TopicDetail
	partition int32
	committed bool
}

func (r reader) read(ctx context.Context, start, end int64) ([]*kgo.Record, error) {
	var records []*kgo.Record
	for offset := start; offset < end; {
		answer, err := r.fetch(ctx, offset)
		if err != nil {
			return nil, err
		}
		options := kgo.ProcessFetchPartitionOpts{
			Offset:         offset,
			IsolationLevel: kgo.ReadUncommitted(),
			Topic:          r.topic.Topic,
			Partition:      r.partition,
		}
		if r.committed {
			options.IsolationLevel = kgo.ReadCommitted()
		}
		got, next := kgo.ProcessFetchPartition(options, answer, kgo.DefaultDecompressor(), nil)
		if got.Err != nil {
			return nil, got.Err
		}
		records = append(records, got.Records...)
		offset = next
	}
	return records, nil
}

func (r reader) fetch(ctx context.Context, offset int64) (*kmsg.FetchResponseTopicPartition, error) {
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition = r.partition
	partition.FetchOffset = offset
	partition.PartitionMaxBytes = 16 << 20
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic = r.topic.Topic
	topic.TopicID = r.topic.ID
	topic.Partitions = append(topic.Partitions, partition)
	request := kmsg.NewPtrFetchRequest()
	request.MinBytes = 1
	request.MaxWaitMillis = 100
	request.MaxBytes = 16 << 20
	if r.committed {
		request.IsolationLevel = 1
	}
	request.Topics = append(request.Topics, topic)
	answer, err := r.broker.RetriableRequest(ctx, request)
	if err != nil {
		return nil, err
	}
	topics := answer.(*kmsg.FetchResponse).Topics
	if len(topics) != 1 || len(topics[0].Partitions) != 1 {
		return nil, fmt.Errorf("the broker answers %d topics, want the one that was asked for", len(topics))
	}
	return &topics[0].Partitions[0], nil
}
