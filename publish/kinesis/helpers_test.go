package kinesis_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	fault "github.com/tailrace/tailrace/internal/fault/kinesis"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kinesis"
)

// limit is how long anything may take that is not made to wait.
const limit = time.Minute

var orders = &publish.Topic{Name: "shop.public.orders"}

// static are credentials that never change.
func static(key, token string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: "test-secret", SessionToken: token}, nil
	})
}

// at is a stream of a stand-in or a proxy.
func at(endpoint, stream string) kinesis.Config {
	return kinesis.Config{
		AWS: aws.Config{
			Region: "us-east-1", Credentials: static("AKIDTEST", ""),
			HTTPClient: awshttp.NewBuildableClient(), // not that of the environment
		},
		Endpoint: endpoint, Stream: stream,
	}
}

func open(t testing.TB, cfg kinesis.Config) *kinesis.Publisher {
	t.Helper()
	p, err := kinesis.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, p.Close()) })
	return p
}

// proxied is a proxy in front of a stand-in. At the end the client must have done
// nothing that could break an order.
func proxied(t testing.TB, s *servers.KinesisServer) *fault.Proxy {
	t.Helper()
	return strict(t, s, func(string) bool { return true })
}

// lossy is proxied for tests in which calls time out. When the client gives one up
// and sends its records again, the proxy may see that before it sees the end of the
// first call: only a service knows exactly, see ordered.
func lossy(t testing.TB, s *servers.KinesisServer) *fault.Proxy {
	t.Helper()
	return strict(t, s, func(violation string) bool { return !strings.Contains(violation, "had no answer") })
}

func strict(t testing.TB, s *servers.KinesisServer, counts func(violation string) bool) *fault.Proxy {
	t.Helper()
	p, err := fault.Listen(1, s.Endpoint)
	must(t, err)
	t.Cleanup(func() {
		must(t, p.Close())
		for _, v := range p.Violations() {
			if counts(v) {
				t.Error(v)
			}
		}
	})
	return p
}

// logged returns a logger and what is written to it.
func logged() (*zap.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.InfoLevel)
	return zap.New(core), logs
}

// result publishes b and returns what its done was called with.
func result(t testing.TB, p *kinesis.Publisher, b *publish.Batch) error {
	t.Helper()
	return within(t, start(t, p, b))
}

// start publishes b and returns where the result of its done will be.
func start(t testing.TB, p *kinesis.Publisher, b *publish.Batch) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	var called atomic.Bool
	must(t, p.Publish(t.Context(), b, func(err error) {
		if called.Swap(true) {
			t.Error("done was called twice")
			return
		}
		done <- err
	}))
	return done
}

// within waits for an error or nil.
func within(t testing.TB, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-time.After(limit):
		t.Fatalf("done was not called within %v", limit)
		return nil
	}
}

// batch has events whose lanes are one after another, from 0.
func batch(values ...string) *publish.Batch {
	b := new(publish.Batch)
	for i, v := range values {
		b.Add(orders, uint32(i), []byte(`{"id":1}`), []byte(v))
	}
	return b
}

// unpack returns the events in a record. key is its partition key, which names its
// lane.
func unpack(packing kinesis.Packing, key string, data []byte) (events [][]byte, err error) {
	if packing == kinesis.KPL {
		records, aggregated, err := deaggregate(data)
		if err != nil {
			return nil, fmt.Errorf("an aggregate of lane %s: %w", key, err)
		}
		if aggregated {
			return separate(key, records)
		}
	}
	events = bytes.SplitAfter(data, []byte("\n"))
	if len(events[len(events)-1]) > 0 {
		return nil, fmt.Errorf("a record of lane %s does not end with a line break", key)
	}
	events = events[:len(events)-1]
	for i, e := range events {
		events[i] = e[:len(e)-1]
	}
	if packing != kinesis.Lines && len(events) > 1 {
		return nil, fmt.Errorf("a record of lane %s has %d lines, want 1", key, len(events))
	}
	return events, nil
}

// separate returns the events of what was aggregated, of which all must stay in one
// lane wherever shards begin.
func separate(key string, records []subRecord) (events [][]byte, err error) {
	lane, err := strconv.Atoi(key)
	if err != nil {
		return nil, err
	}
	if len(records) < 2 {
		return nil, fmt.Errorf("an aggregate of lane %s has %d records, want several", key, len(records))
	}
	for _, r := range records {
		event, whole := bytes.CutSuffix(r.data, []byte("\n"))
		if r.key != key || r.hash != hashKey(lane) || !whole {
			return nil, fmt.Errorf("an aggregate of lane %s has a record of key %s and hash key %s, with a line break: %v", key, r.key, r.hash, whole)
		}
		events = append(events, event)
	}
	return events, nil
}

// stored returns the events in a stream by their lanes.
func stored(t testing.TB, s *servers.KinesisServer, stream string, packing kinesis.Packing) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	for _, r := range s.Consume(t, stream) {
		events, err := unpack(packing, r.PartitionKey, r.Data)
		must(t, err)
		for _, e := range events {
			all[r.PartitionKey] = append(all[r.PartitionKey], string(e))
		}
	}
	return all
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
