package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A topic is that of the trial's table.
type topic struct{ name, broker string }

// appended returns how many records were ever appended, in whatever transaction,
// and 0 while there is no topic.
func (t topic) appended(ctx context.Context) (int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(t.broker))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, t.name)
	if err == nil {
		err = ends.Error()
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var sum int64
	ends.Each(func(end kadm.ListedOffset) { sum += end.Offset })
	return sum, nil
}

// count reads the topic and returns how many different events it holds and how
// many come again. With committed it reads as a consumer with read_committed does;
// otherwise events of transactions that were given up count too.
func (t topic) count(ctx context.Context, committed bool) (events, again int, err error) {
	isolation := kgo.ReadUncommitted()
	if committed {
		isolation = kgo.ReadCommitted()
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(t.broker), kgo.ConsumeTopics(t.name), kgo.FetchIsolationLevel(isolation),
		kgo.KeepControlRecords(), // the last offsets may hold nothing else
	)
	if err != nil {
		return 0, 0, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListCommittedOffsets(ctx, t.name)
	if err := errors.Join(err, ends.Error()); err != nil {
		return 0, 0, err
	}
	left := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			left[end.Partition] = end.Offset
		}
	})
	seen := map[string]bool{}
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return 0, 0, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
			if r.Attrs.IsControl() || r.Value == nil {
				return
			}
			var e struct{ Ver string }
			if err = json.Unmarshal(r.Value, &e); err != nil {
				return
			}
			if seen[e.Ver] {
				again++
			}
			seen[e.Ver] = true
		})
		if err != nil {
			return 0, 0, fmt.Errorf("read an event: %w", err)
		}
	}
	return len(seen), again, nil
}
