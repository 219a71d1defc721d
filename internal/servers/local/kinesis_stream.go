package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Client returns a client of AWS's own SDK, which takes nothing from the
// environment and repeats nothing: an error is the caller's to see.
func (a KinesisAddress) Client() *kinesis.Client {
	return kinesis.New(kinesis.Options{
		BaseEndpoint: &a.Endpoint,
		Region:       kinesisRegion,
		Retryer:      aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: kinesisKey, SecretAccessKey: kinesisSecret}, nil
		}),
	})
}

// again has the SDK ask a second time where a connection broke, as the stand-ins
// break them on a busy machine. It is for what only asks.
func again(o *kinesis.Options) { o.Retryer = retry.NewStandard() }

// CreateStream makes a stream and returns when it is active.
func (a KinesisAddress) CreateStream(ctx context.Context, name string, shards int) error {
	n := int32(shards)
	if _, err := a.Client().CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: &name, ShardCount: &n}); err != nil {
		return fmt.Errorf("create the stream %s: %w", name, err)
	}
	return a.active(ctx, name)
}

// DeleteStream deletes a stream and returns when it is gone.
func (a KinesisAddress) DeleteStream(ctx context.Context, name string) error {
	if _, err := a.Client().DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: &name}); err != nil {
		return fmt.Errorf("delete the stream %s: %w", name, err)
	}
	return poll(ctx, "the stream "+name+" is gone", func() (bool, error) {
		_, err := a.status(ctx, name)
		if notFound(err) {
			return true, nil
		}
		return false, err
	})
}

// Split splits an open shard in the middle of its hash range and returns when its
// children take records.
func (a KinesisAddress) Split(ctx context.Context, stream, shard string) error {
	shards, err := a.Shards(ctx, stream)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(shards, func(s types.Shard) bool { return *s.ShardId == shard })
	if i < 0 {
		return fmt.Errorf("split the shard %s: it is not in the stream %s", shard, stream)
	}
	var from, to big.Int
	if _, err := fmt.Sscan(*shards[i].HashKeyRange.StartingHashKey+" "+*shards[i].HashKeyRange.EndingHashKey, &from, &to); err != nil {
		return fmt.Errorf("split the shard %s: read its range: %w", shard, err)
	}
	middle := from.Add(&from, &to).Rsh(&from, 1).Add(&from, big.NewInt(1)).String()
	in := &kinesis.SplitShardInput{StreamName: &stream, ShardToSplit: &shard, NewStartingHashKey: &middle}
	if _, err := a.Client().SplitShard(ctx, in); err != nil {
		return fmt.Errorf("split the shard %s: %w", shard, err)
	}
	return a.closed(ctx, stream, shard)
}

// Merge merges two open shards, of which the second begins where the first ends,
// and returns when their child takes records.
func (a KinesisAddress) Merge(ctx context.Context, stream, first, second string) error {
	in := &kinesis.MergeShardsInput{StreamName: &stream, ShardToMerge: &first, AdjacentShardToMerge: &second}
	if _, err := a.Client().MergeShards(ctx, in); err != nil {
		return fmt.Errorf("merge the shards %s and %s: %w", first, second, err)
	}
	return a.closed(ctx, stream, first)
}

// Grow sets how large a record may be, 1,024 to 10,240 KiB. Kinesalite has no such
// call.
func (a KinesisAddress) Grow(ctx context.Context, stream string, maxRecordKiB int) error {
	summary, err := a.status(ctx, stream)
	if err != nil {
		return fmt.Errorf("find the stream %s: %w", stream, err)
	}
	n := int32(maxRecordKiB)
	in := &kinesis.UpdateMaxRecordSizeInput{StreamARN: summary.StreamARN, MaxRecordSizeInKiB: &n}
	if _, err := a.Client().UpdateMaxRecordSize(ctx, in); err != nil {
		return fmt.Errorf("let records of the stream %s be larger: %w", stream, err)
	}
	return a.active(ctx, stream)
}

// Shards returns all shards of a stream, closed ones too.
func (a KinesisAddress) Shards(ctx context.Context, stream string) ([]types.Shard, error) {
	client := a.Client()
	in := &kinesis.ListShardsInput{StreamName: &stream}
	var all []types.Shard
	for {
		out, err := client.ListShards(ctx, in, again)
		if err != nil {
			return nil, fmt.Errorf("list the shards of the stream %s: %w", stream, err)
		}
		all = append(all, out.Shards...)
		if out.NextToken == nil {
			return all, nil
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
}

// OpenShards returns the ids of the shards that take records, in the order of their
// hash ranges: two that follow each other can be merged.
func (a KinesisAddress) OpenShards(ctx context.Context, stream string) ([]string, error) {
	shards, err := a.Shards(ctx, stream)
	if err != nil {
		return nil, err
	}
	shards = slices.DeleteFunc(shards, func(s types.Shard) bool { return s.SequenceNumberRange.EndingSequenceNumber != nil })
	slices.SortFunc(shards, func(a, b types.Shard) int {
		return compareDecimals(*a.HashKeyRange.StartingHashKey, *b.HashKeyRange.StartingHashKey)
	})
	ids := make([]string, len(shards))
	for i, s := range shards {
		ids[i] = *s.ShardId
	}
	return ids, nil
}

// compareDecimals compares two numbers without leading zeros.
func compareDecimals(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// Streams returns the names of all streams.
func (a KinesisAddress) Streams(ctx context.Context) ([]string, error) {
	client := a.Client()
	in := &kinesis.ListStreamsInput{}
	var all []string
	for {
		out, err := client.ListStreams(ctx, in, again)
		if err != nil {
			return nil, fmt.Errorf("list the streams: %w", err)
		}
		all = append(all, out.StreamNames...)
		if out.HasMoreStreams == nil || !*out.HasMoreStreams || len(all) == 0 {
			return all, nil
		}
		in.ExclusiveStartStreamName = &all[len(all)-1]
	}
}

// closed waits until a shard takes no records any more, and the stream changes no
// more.
func (a KinesisAddress) closed(ctx context.Context, stream, shard string) error {
	err := poll(ctx, "the shard "+shard+" is closed", func() (bool, error) {
		shards, err := a.Shards(ctx, stream)
		return slices.ContainsFunc(shards, func(s types.Shard) bool {
			return *s.ShardId == shard && s.SequenceNumberRange.EndingSequenceNumber != nil
		}), err
	})
	if err != nil {
		return err
	}
	return a.active(ctx, stream)
}

func (a KinesisAddress) active(ctx context.Context, stream string) error {
	return poll(ctx, "the stream "+stream+" is active", func() (bool, error) {
		summary, err := a.status(ctx, stream)
		return err == nil && summary.StreamStatus == types.StreamStatusActive, err
	})
}

func (a KinesisAddress) status(ctx context.Context, stream string) (*types.StreamDescriptionSummary, error) {
	out, err := a.Client().DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &stream}, again)
	if err != nil {
		return nil, err
	}
	return out.StreamDescriptionSummary, nil
}

func notFound(err error) bool {
	var none *types.ResourceNotFoundException
	return errors.As(err, &none)
}

// poll asks until it is so.
func poll(ctx context.Context, what string, ask func() (bool, error)) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		so, err := ask()
		if err != nil {
			return fmt.Errorf("wait until %s: %w", what, err)
		}
		if so {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		}
	}
}
