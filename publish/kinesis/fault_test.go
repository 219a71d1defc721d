package kinesis_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	fault "github.com/tailrace/tailrace/internal/fault/kinesis"
	"github.com/tailrace/tailrace/internal/murmur2"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kinesis"
)

// A trial publishes through a bad Kinesis and knows what was published to each
// lane.
type trial struct {
	p       *kinesis.Publisher
	proxy   *fault.Proxy
	want    map[string][][]byte // by lane
	batches []*atomic.Int64     // how often done was called
	events  atomic.Int64        // that are done
	failed  atomic.Pointer[error]
	ended   chan error // Publish has refused one, or nil at the end
}

const (
	trialTopics = 20
	trialKeys   = 5000
	trialBatch  = 40  // events
	trialAhead  = 500 // batches in flight, as a frontier would let
)

// make makes the events of a trial, in batches.
func (tr *trial) make(events int) []*publish.Batch {
	tr.want = make(map[string][][]byte)
	topics := make([]*publish.Topic, trialTopics)
	for i := range topics {
		topics[i] = &publish.Topic{Name: fmt.Sprintf("shop.public.t%d", i)}
	}
	var all []*publish.Batch
	for n := range events {
		if n%trialBatch == 0 {
			all = append(all, new(publish.Batch))
			tr.batches = append(tr.batches, new(atomic.Int64))
		}
		key := murmur2.Sum(strconv.AppendInt(nil, int64(n), 10)) % trialKeys // neither in turn nor each as often
		topic := topics[key%trialTopics]
		hash := murmur2.Sum(fmt.Appendf(nil, `%s{"id":%d}`, topic.Name, key))
		value := fmt.Appendf(nil, `{"topic":%q,"id":%d,"n":%d,"text":"%s"}`, topic.Name, key, n, strings.Repeat("x", n%97))
		all[len(all)-1].Add(topic, hash, nil, value)
		lane := strconv.Itoa(int(hash % kinesis.Lanes))
		tr.want[lane] = append(tr.want[lane], value)
	}
	return all
}

// publish publishes all batches.
func (tr *trial) publish(t *testing.T, all []*publish.Batch) {
	room := make(chan struct{}, trialAhead)
	for i, b := range all {
		room <- struct{}{}
		events := int64(len(b.Records))
		err := tr.p.Publish(t.Context(), b, func(err error) {
			if err != nil {
				tr.failed.CompareAndSwap(nil, &err)
			}
			tr.batches[i].Add(1)
			tr.events.Add(events)
			<-room
		})
		if err != nil {
			tr.ended <- err
			return
		}
	}
	tr.ended <- tr.p.Flush(t.Context())
}

// check wants of each lane that what arrived for the first time is what was
// published, in its order, and that what came again is a record as it was before.
func (tr *trial) check(t *testing.T, records []servers.KinesisRecord, packing kinesis.Packing) (again int) {
	t.Helper()
	next := make(map[string]int)
	before := make(map[string]bool)
	for _, r := range records {
		lane := r.PartitionKey
		if id := lane + " " + string(r.Data); before[id] {
			again++
			continue
		} else {
			before[id] = true
		}
		events, err := unpack(packing, lane, r.Data)
		must(t, err)
		for _, e := range events {
			n := next[lane]
			if n >= len(tr.want[lane]) || !bytes.Equal(e, tr.want[lane][n]) {
				t.Fatalf("lane %s: %s is event %d in %s, which is not the next one, and no record that came before", lane, e, n, r.ShardID)
			}
			next[lane]++
		}
	}
	for lane, want := range tr.want {
		if next[lane] != len(want) {
			t.Errorf("lane %s: got %d events, want %d", lane, next[lane], len(want))
		}
	}
	return again
}

func TestNothingIsLostOrOutOfOrderThroughFaultsAndNewShards(t *testing.T) {
	t.Parallel()
	type scale struct {
		packing        kinesis.Packing
		events, shards int
	}
	for _, on := range []struct {
		product local.KinesisProduct
		patient time.Duration // much for a call that it answers
		scales  []scale
	}{
		// Single records are few that get through, a fifth of a thousand a second and
		// shard.
		{local.Kinesalite, time.Second, []scale{{kinesis.Lines, 100_000, 24}, {kinesis.KPL, 20_000, 24}, {kinesis.None, 5000, 64}}},
		{local.KinesisLocal, 3 * time.Second, []scale{{kinesis.Lines, 3000, 12}, {kinesis.KPL, 3000, 12}, {kinesis.None, 1000, 24}}},
	} {
		t.Run(string(on.product), func(t *testing.T) {
			t.Parallel()
			for _, c := range on.scales {
				t.Run(nameOf(c.packing), func(t *testing.T) { endure(t, on.product, c.packing, on.patient, c.events, c.shards) })
			}
		})
	}
}

func endure(t *testing.T, product local.KinesisProduct, packing kinesis.Packing, patient time.Duration, events, shards int) {
	s := servers.Kinesis(t, product)
	stream := s.Stream(t, shards)
	proxy := lossy(t, s)
	cfg := at(proxy.Endpoint(), stream)
	cfg.Packing, cfg.AnswerLimit = packing, patient
	tr := &trial{p: open(t, cfg), proxy: proxy, ended: make(chan error, 1)}
	all := tr.make(events)
	proxy.Drop(0.20)
	proxy.Fail(0.05)
	proxy.Lose(0.05)
	go tr.publish(t, all)

	for i, change := range []func(open []string){
		func(open []string) { s.Split(t, stream, open[0]) },
		func(open []string) { s.Merge(t, stream, open[5], open[6]) },
		func(open []string) { s.Split(t, stream, open[len(open)-1]) },
		func(open []string) { s.Merge(t, stream, open[0], open[1]) },
	} {
		part := int64(events * (1 + i) / 6)
		eventually.True(t, 3*limit, "a part of the events is done", func() bool { return tr.events.Load() >= part || tr.failed.Load() != nil })
		change(s.OpenShards(t, stream))
	}
	eventually.True(t, 3*limit, "all events are done", func() bool { return tr.events.Load() == int64(events) || tr.failed.Load() != nil })
	must(t, within(t, tr.ended))
	if err := tr.failed.Load(); err != nil {
		t.Fatalf("done: %v", *err)
	}
	for i, count := range tr.batches {
		if got := count.Load(); got != 1 {
			t.Errorf("batch %d: done was called %d times, want once", i, got)
		}
	}
	again := tr.check(t, s.Consume(t, stream), packing)
	seen := proxy.Seen()
	t.Logf("%d calls with %d records: %d records dropped, %d calls failed, %d answers lost, %d records came again", seen.Calls, seen.Records, seen.Dropped, seen.Failed, seen.Lost, again)
	if seen.Dropped == 0 || seen.Calls >= 39 && seen.Failed == 0 || seen.Calls > 200 && seen.Lost == 0 {
		t.Error("want faults of each kind")
	}
}
