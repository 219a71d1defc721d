package kinesis

import (
	"context"
	"fmt"
	"math/big"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// shards says which open shard each lane is in, as of one look at the stream.
type shards struct {
	ids  []string // of open shards, by their place in the hash space
	lane [Lanes]string
}

// listShards asks for the open shards of a stream.
func listShards(ctx context.Context, client *kinesis.Client, stream string) (*shards, error) {
	var open []types.Shard
	in := &kinesis.ListShardsInput{
		StreamName:  aws.String(stream),
		ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest},
	}
	for {
		out, err := client.ListShards(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, s := range out.Shards {
			// Not everything that speaks the protocol knows the filter.
			if s.SequenceNumberRange == nil || s.SequenceNumberRange.EndingSequenceNumber == nil {
				open = append(open, s)
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return arrange(open)
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
}

// arrange finds the shard of each lane.
func arrange(open []types.Shard) (*shards, error) {
	type part struct {
		id       string
		from, to *big.Int
	}
	var parts []part
	for _, s := range open {
		p := part{id: aws.ToString(s.ShardId)}
		var ok1, ok2 bool
		if r := s.HashKeyRange; r != nil {
			p.from, ok1 = new(big.Int).SetString(aws.ToString(r.StartingHashKey), 10)
			p.to, ok2 = new(big.Int).SetString(aws.ToString(r.EndingHashKey), 10)
		}
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("shard %s has no hash key range", p.id)
		}
		parts = append(parts, p)
	}
	slices.SortFunc(parts, func(a, b part) int { return a.from.Cmp(b.from) })
	all := new(shards)
	for _, p := range parts {
		all.ids = append(all.ids, p.id)
	}
	for i := range points {
		for _, p := range parts {
			if points[i].number.Cmp(p.from) >= 0 && points[i].number.Cmp(p.to) <= 0 {
				all.lane[i] = p.id
				break
			}
		}
		if all.lane[i] == "" {
			return nil, fmt.Errorf("no shard covers the hash key %s", points[i].text)
		}
	}
	return all, nil
}
