package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Loaded waits until client counts a topic among those that it has produced to.
// partitions is how many of its partitions are used, and a record of it was
// acknowledged. It must be called before a transaction with records for a topic
// that is new to the client is committed, by the goroutine that commits.
//
// The client (franz-go v1.22.2, storePartitionsUpdate) lets the first records of a
// topic go before it counts it. Until then the end of a transaction overlooks it:
// if it has no other topic, the commit becomes an abort that returns no error; and
// the sequence numbers of its partitions are not begun anew.
func Loaded(ctx context.Context, client *kgo.Client, topic string, partitions int32) error {
	for {
		for i := range partitions {
			if leader, _, _ := client.PartitionLeader(topic, i); leader >= 0 {
				return nil
			}
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
