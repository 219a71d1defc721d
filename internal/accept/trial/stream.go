package trial

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	fault "github.com/tailrace/tailrace/internal/fault/kinesis"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/internal/verify"
)

// Kinesis says how the daemon publishes to a stream, by key.
type Kinesis struct {
	Product  local.KinesisProduct
	Packing  string // verify.PackedLines, verify.PackedNone or verify.PackedKPL
	Shards   int    // in the beginning
	Reshards int    // how often a shard is split or two are merged, by turns

	// Lost is the share of calls whose answer is lost. Half of them hang, and hold
	// their lanes for as long as the daemon waits, 10 s: few are enough.
	Lost float64
}

// streamPatience is patience where records are refused at random: the daemon takes
// that for a shard that is full and sends less, and with one event in a record
// those of a table without a key go one at a time.
const streamPatience = 5 * patience

// What else the proxy in front of the stream does: shares of records and of calls
// that fail.
const (
	dropped = 0.2
	failed  = 0.05
)

// A stream is the trial's own, on a stand-in for Kinesis behind a proxy.
type stream struct {
	server   *local.Kinesis
	proxy    *fault.Proxy
	packing  string
	reshards int
}

// startStream makes the stream.
func startStream(ctx context.Context, seed uint64, setup Kinesis) (*stream, error) {
	server, err := servers.StartKinesis(ctx, setup.Product)
	if err != nil {
		return nil, err
	}
	s := &stream{server: server, packing: setup.Packing}
	if err := server.CreateStream(ctx, name, setup.Shards); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.proxy, err = fault.Listen(seed, server.Endpoint); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.proxy.Drop(dropped)
	s.proxy.Fail(failed)
	s.proxy.Lose(setup.Lost)
	s.proxy.Limit(fault.Limits{RecordsPerCall: 500, BytesPerCall: 10 << 20, BytesPerRecord: 1 << 20, BytesPerSecond: 1 << 20, RecordsPerSecond: 1000})
	return s, nil
}

// url is what the daemon publishes to.
func (s *stream) url() string {
	return "kinesis://" + name + "?" + url.Values{"region": {"us-east-1"}, "endpoint": {s.proxy.Endpoint()}}.Encode()
}

// reshard splits a shard, or merges two, while the daemon publishes.
func (s *stream) reshard(ctx context.Context, r *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	open, err := s.server.OpenShards(ctx, name)
	if err != nil {
		return err
	}
	s.reshards++
	if s.reshards%2 == 1 || len(open) == 1 {
		return s.server.Split(ctx, name, open[r.IntN(len(open))])
	}
	at := r.IntN(len(open) - 1)
	return s.server.Merge(ctx, name, open[at], open[at+1])
}

// collect brings the events of the stream into the folder.
func (s *stream) collect(ctx context.Context, folder string) error {
	if bad := s.proxy.Violations(); len(bad) > 0 {
		return &verify.Violation{What: "calls could break the order of records: " + strings.Join(bad, "; ")}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	records, err := s.server.Consume(ctx, name)
	if err != nil {
		return err
	}
	if got := s.proxy.Seen().Taken; got != len(records) {
		return fmt.Errorf("trial: the stream holds %d records, and was given %d", len(records), got)
	}
	return verify.Stream{Packing: s.packing}.Copy(folder, records)
}

func (s *stream) close() error {
	if s.proxy == nil {
		return s.server.Close()
	}
	return errors.Join(s.proxy.Close(), s.server.Close())
}
