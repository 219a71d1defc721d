package kinesis

import (
	"bytes"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
)

// A point is a place in the hash space, so that bytes compare as numbers do.
type point [16]byte

// parsePoint reads a decimal number. A number that is none is the target's to
// refuse, and so is one that is too large.
func parsePoint(decimal string) (p point, ok bool) {
	n, ok := new(big.Int).SetString(decimal, 10)
	if !ok || n.Sign() < 0 || n.BitLen() > 128 {
		return p, false
	}
	n.FillBytes(p[:])
	return p, true
}

// A shard is an open one.
type shard struct {
	id       string
	from, to point // both within
}

// where returns the point of a record.
func (r *record) where() point {
	if p, ok := parsePoint(r.ExplicitHashKey); ok {
		return p
	}
	return md5.Sum([]byte(r.PartitionKey))
}

// shards returns the shard of each record, or nil if nobody needs to know.
func (p *Proxy) shards(c *call, put *putRecords) []string {
	stream := put.stream()
	p.mu.Lock()
	open, known := p.routes[stream]
	limits := p.rules.limits
	p.mu.Unlock()
	if limits.BytesPerSecond == 0 && limits.RecordsPerSecond == 0 {
		return nil
	}
	if !known {
		var err error
		if open, err = p.listShards(c, stream); err != nil {
			return nil // it is the target's to say what is wrong with the stream
		}
		p.mu.Lock()
		p.routes[stream] = open
		p.mu.Unlock()
	}
	ids := make([]string, len(put.Records))
	for i := range put.Records {
		at := put.Records[i].where()
		for _, s := range open {
			if bytes.Compare(s.from[:], at[:]) <= 0 && bytes.Compare(at[:], s.to[:]) <= 0 {
				ids[i] = s.id
				break
			}
		}
	}
	return ids
}

// listShards asks the target for the open shards, in the name of the client.
func (p *Proxy) listShards(c *call, stream string) ([]shard, error) {
	ask := map[string]string{"StreamName": stream}
	var open []shard
	for {
		body, err := json.Marshal(ask)
		if err != nil {
			return nil, err
		}
		own := *c
		own.header = c.header.Clone()
		own.header.Set("X-Amz-Target", "Kinesis_20131202.ListShards")
		a, err := p.forward(&own, body)
		if err != nil {
			return nil, err
		}
		if a.status != http.StatusOK {
			return nil, fmt.Errorf("list the shards: the target answers %d", a.status)
		}
		var list struct {
			NextToken string
			Shards    []struct {
				ShardID      string `json:"ShardId"`
				HashKeyRange struct{ StartingHashKey, EndingHashKey string }

				SequenceNumberRange struct{ EndingSequenceNumber string }
			}
		}
		if err := json.Unmarshal(a.body, &list); err != nil {
			return nil, fmt.Errorf("read the list of shards: %w", err)
		}
		for _, s := range list.Shards {
			if s.SequenceNumberRange.EndingSequenceNumber != "" {
				continue // it is closed
			}
			from, fromOK := parsePoint(s.HashKeyRange.StartingHashKey)
			to, toOK := parsePoint(s.HashKeyRange.EndingHashKey)
			if !fromOK || !toOK {
				return nil, fmt.Errorf("read the list of shards: the range of %s is none", s.ShardID)
			}
			open = append(open, shard{s.ShardID, from, to})
		}
		if list.NextToken == "" {
			return open, nil
		}
		ask = map[string]string{"NextToken": list.NextToken}
	}
}

// learn forgets the shards of a stream when records went to others than was thought:
// it was split or merged.
func (p *Proxy) learn(put *putRecords, thought []string, failed, theirs []result) {
	if thought == nil {
		return
	}
	next := 0
	for i := range put.Records {
		if failed != nil && failed[i].ErrorCode != "" {
			continue
		}
		if id := theirs[next].ShardID; id != "" && id != thought[i] {
			p.mu.Lock()
			delete(p.routes, put.stream())
			p.mu.Unlock()
			return
		}
		next++
	}
}

// forget forgets the shards of all streams when a call changes those of one.
func (p *Proxy) forget(c *call) {
	switch c.operation {
	case "SplitShard", "MergeShards", "UpdateShardCount", "CreateStream", "DeleteStream":
		p.mu.Lock()
		defer p.mu.Unlock()
		clear(p.routes)
	}
}
