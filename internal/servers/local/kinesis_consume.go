package local

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// A KinesisRecord is a record as a consumer gets it.
type KinesisRecord struct {
	PartitionKey string
	Data         []byte
	ShardID      string
	Sequence     string // a decimal number that rises within a shard
	Arrival      time.Time
}

// Consume returns the records of all shards of a stream, closed ones too, from its
// beginning to at least where it ends at the time of the call. Those of a shard are
// in order, and come behind those of the shards that it was made of: so those of a
// hash key are in order.
func (a KinesisAddress) Consume(ctx context.Context, stream string) ([]KinesisRecord, error) {
	shards, err := a.Shards(ctx, stream)
	if err != nil {
		return nil, err
	}
	var all []KinesisRecord
	for _, shard := range parentsFirst(shards) {
		records, err := a.consume(ctx, stream, shard)
		if err != nil {
			return nil, fmt.Errorf("read the shard %s: %w", shard, err)
		}
		all = append(all, records...)
	}
	return all, nil
}

// parentsFirst returns the ids of shards so that none stands before one that it
// was made of.
func parentsFirst(shards []types.Shard) []string {
	byID := make(map[string]types.Shard, len(shards))
	for _, s := range shards {
		byID[*s.ShardId] = s
	}
	var order []string
	var visit func(id *string)
	visit = func(id *string) {
		if id == nil {
			return
		}
		s, left := byID[*id]
		if !left {
			return // it was visited, or is so old that the stream has forgotten it
		}
		delete(byID, *id)
		visit(s.ParentShardId)
		visit(s.AdjacentParentShardId)
		order = append(order, *id)
	}
	for _, s := range shards {
		visit(s.ShardId)
	}
	return order
}

// consume reads one shard. A closed one ends when there is no way on; an open one,
// which has always one, with two empty answers that say nothing is behind them.
func (a KinesisAddress) consume(ctx context.Context, stream, shard string) ([]KinesisRecord, error) {
	client := a.Client()
	iterator, err := client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamName: &stream, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	}, again)
	if err != nil {
		return nil, err
	}
	var all []KinesisRecord
	empty := 0
	for at := iterator.ShardIterator; at != nil && empty < 2; {
		out, err := client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: at}, again)
		if err != nil {
			return nil, err
		}
		for _, r := range out.Records {
			record := KinesisRecord{PartitionKey: *r.PartitionKey, Data: r.Data, ShardID: shard, Sequence: *r.SequenceNumber}
			if r.ApproximateArrivalTimestamp != nil {
				record.Arrival = *r.ApproximateArrivalTimestamp
			}
			all = append(all, record)
		}
		empty++
		if len(out.Records) > 0 || out.MillisBehindLatest != nil && *out.MillisBehindLatest > 0 {
			empty = 0
		}
		at = out.NextShardIterator
	}
	return all, nil
}
