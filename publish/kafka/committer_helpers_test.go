package kafka_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/checkpoint"
	store "github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/publish/kafka"
)

// A pipe is a pipeline that was acquired from the checkpoint of its cluster.
type pipe struct {
	cluster broker.Cluster
	store   *store.Store
	start   checkpoint.State
}

func acquire(t testing.TB, name string, cluster broker.Cluster) *pipe {
	t.Helper()
	s := store.New(store.Config{Pipeline: name, Cluster: cluster})
	st, err := s.Acquire(t.Context())
	must(t, err)
	st.Pipeline = name
	t.Cleanup(func() { must(t, s.Close()) })
	return &pipe{cluster, s, st}
}

func (p *pipe) producer(ctx context.Context, options ...kgo.Opt) (kafka.Transaction, error) {
	return p.store.Producer(ctx, options...)
}

// open opens a Committer. cfg says how, but for the cluster.
func (p *pipe) open(t testing.TB, cfg kafka.Config) *kafka.Committer {
	t.Helper()
	cfg.Cluster = p.cluster
	c, err := kafka.OpenCommitter(t.Context(), cfg, p.producer)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

// at returns a State of the pipeline.
func (p *pipe) at(position string) checkpoint.State {
	st := p.start
	st.Position = event.Position(position)
	return st
}

// wantSaved checks at what position the saved State is.
func (p *pipe) wantSaved(t testing.TB, position string) {
	t.Helper()
	st, err := p.store.Load(t.Context())
	must(t, err)
	if got := string(st.Position); got != position {
		t.Errorf("the saved State is at %q, want %q", got, position)
	}
}

// errAny stands for an error that is not nil.
var errAny = errors.New("any error")

// publishAll publishes the numbers from first to last, one per batch, spread over
// the partitions, and returns what done is called with.
func publishAll(t testing.TB, c *kafka.Committer, topic string, first, last int) <-chan error {
	t.Helper()
	results := make(chan error, last-first)
	for i := first; i < last; i++ {
		b := batch(topic, number(i))
		b.Records[0].Hash = uint32(i)
		must(t, c.Publish(t.Context(), b, func(err error) { results <- err }))
	}
	return results
}

// wantDone checks that done was called for all batches, with nil or with an error.
func wantDone(t testing.TB, results <-chan error, want error) {
	t.Helper()
	if len(results) != cap(results) {
		t.Errorf("done was called for %d of %d batches", len(results), cap(results))
	}
	for range len(results) {
		if err := <-results; (err == nil) != (want == nil) {
			t.Fatalf("done was called with %v, want %v", err, want)
		}
	}
}

// wantEachOnce checks that got are the numbers from 0 on, each once.
func wantEachOnce(t testing.TB, got []string, count int) {
	t.Helper()
	slices.Sort(got)
	if len(got) != count {
		t.Errorf("got %d records, want %d", len(got), count)
	}
	for i, v := range got {
		if v != number(i) {
			t.Fatalf("record %d is %s, want %s", i, v, number(i))
		}
	}
}

// committed returns what a consumer of committed records reads of the topics whose
// names begin with prefix, under the rest of the name, each partition's in order.
// All writers must be transactional.
func committed(t testing.TB, address, prefix string) map[string][]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond))
	must(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	// The broker acknowledges the end of a transaction before it writes it.
	eventually.True(t, limit, "all transactions have ended that are about to", func() bool {
		ending, err := admin.ListTransactions(ctx, nil, []string{"PrepareCommit", "PrepareAbort"})
		return err == nil && len(ending) == 0
	})
	got := make(map[string][]string)
	all, err := admin.ListTopics(ctx)
	must(t, err)
	names := slices.DeleteFunc(all.Names(), func(name string) bool { return !strings.HasPrefix(name, prefix) })
	if len(names) == 0 {
		return got
	}
	ends, err := admin.ListCommittedOffsets(ctx, names...)
	must(t, err)
	must(t, ends.Error())
	missing := make(map[string]map[int32]kgo.Offset)
	left := 0
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			if missing[o.Topic] == nil {
				missing[o.Topic] = make(map[int32]kgo.Offset)
			}
			missing[o.Topic][o.Partition] = kgo.NewOffset().AtStart()
			left++
		}
	})
	client.AddConsumePartitions(missing)
	for left > 0 {
		fetches := client.PollFetches(ctx)
		must(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			name := strings.TrimPrefix(r.Topic, prefix)
			if !r.Attrs.IsControl() {
				got[name] = append(got[name], string(r.Value))
			}
			// The last one is the end of a transaction, which is told even if it
			// was aborted.
			if end, _ := ends.Lookup(r.Topic, r.Partition); r.Offset == end.Offset-1 {
				left--
			}
		})
	}
	return got
}
