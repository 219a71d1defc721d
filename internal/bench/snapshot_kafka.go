package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// topics are those of a broker that stamps records with its own clock.
type topics struct {
	broker string
	client *kgo.Client
	admin  *kadm.Client
	runs   int
}

// run returns a number that no run has had, for the names of its topics.
func (k *topics) run() int {
	k.runs++
	return k.runs
}

func newTopics(broker *local.Kafka) (*topics, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Plain))
	if err != nil {
		return nil, err
	}
	return &topics{broker: broker.Plain, client: client, admin: kadm.NewClient(client)}, nil
}

func (k *topics) close() { k.client.Close() }

// create makes a topic of one partition, and returns when the broker serves it: the
// controller answers before.
func (k *topics) create(ctx context.Context, topic string) error {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := k.admin.CreateTopic(ctx, 1, 1, nil, topic); err != nil {
		return err
	}
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		_, err := k.end(ctx, topic)
		if err == nil {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("make the topic %s: %w", topic, err)
		}
	}
}

// end returns how many records a topic has got.
func (k *topics) end(ctx context.Context, topic string) (int64, error) {
	ends, err := k.admin.ListEndOffsets(ctx, topic)
	if err := errors.Join(err, ends.Error()); err != nil {
		return 0, err
	}
	end, ok := ends.Lookup(topic, 0)
	if !ok {
		return 0, fmt.Errorf("the broker does not say where %s ends", topic)
	}
	return end.Offset, nil
}

// wait returns when a topic has so many records, and an error if the program that
// writes them has gone or nothing comes any more.
func (k *topics) wait(ctx context.Context, topic string, rows int, gone <-chan struct{}) error {
	const patience = 2 * time.Minute
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	last, moved := int64(0), time.Now()
	for {
		select {
		case now := <-look.C:
			end, err := k.end(ctx, topic)
			switch {
			case err != nil && !kerr.IsRetriable(err): // a broker that stood still has no leaders for a moment
				return err
			case end >= int64(rows):
				return nil
			case end > last:
				last, moved = end, now
			case now.Sub(moved) > patience:
				return fmt.Errorf("%d of %d records have come, and no more", end, rows)
			}
		case <-gone:
			return errors.New("the program has ended")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// filled returns how long it took from the first record of a topic to its last, of
// so many, and deletes the topic.
func (k *topics) filled(ctx context.Context, topic string, rows int) (published, error) {
	end, err := k.end(ctx, topic)
	if err != nil {
		return published{}, err
	}
	if end != int64(rows) {
		return published{}, fmt.Errorf("%s has %d records, want %d", topic, end, rows)
	}
	first, err := k.stamp(ctx, topic, 0)
	if err != nil {
		return published{}, err
	}
	last, err := k.stamp(ctx, topic, end-1)
	if err != nil {
		return published{}, err
	}
	_, err = k.admin.DeleteTopics(ctx, topic)
	return published{took: last.Sub(first)}, err
}

// stamp returns when the broker got a record.
func (k *topics) stamp(ctx context.Context, topic string, offset int64) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.broker), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {0: kgo.NewOffset().At(offset)},
	}))
	if err != nil {
		return time.Time{}, err
	}
	defer client.Close()
	fetches := client.PollRecords(ctx, 1)
	if err := fetches.Err(); err != nil {
		return time.Time{}, fmt.Errorf("read a record of %s: %w", topic, err)
	}
	return fetches.Records()[0].Timestamp, nil
}
