// Package publishtest holds the behaviour that every publish.Publisher has.
package publishtest

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/publish"
)

// A Harness is one place to publish to, empty at first.
type Harness struct {
	// Open returns a new Publisher for the place, as another start of the
	// daemon would. The suite closes it.
	Open func(t *testing.T) publish.Publisher
	// Read returns the values that a consumer can read now, in its order,
	// under the names that Names gives.
	Read func(t *testing.T) map[string][]string
	// Names says under which names a consumer finds a record: under several if it
	// is in several places, under none if the Publisher drops it. What has one name
	// is in order; what has different ones need not be.
	Names func(*publish.Record) []string
	// Largest is how many bytes the value of a record may have; 0 says that there
	// is no limit up to 9 MiB.
	Largest int
	// Fewer divides how often long behaviours publish, for a place that is slow; 0
	// is 1.
	Fewer int
}

// A behaviour is what one subtest checks.
type behaviour struct {
	name string
	run  func(t *testing.T, f *fixture)
}

// Run runs the suite as subtests of t. It calls harness once for each.
func Run(t *testing.T, harness func(t *testing.T) Harness) {
	for _, c := range behaviours() {
		t.Run(c.name, func(t *testing.T) { c.check(t, &fixture{Harness: harness(t)}) })
	}
}

func (c behaviour) check(t *testing.T, f *fixture) {
	f.want = make(map[string][]string)
	f.open(t)
	c.run(t, f)
	f.close(t)
	f.allDone(t)
}

func behaviours() []behaviour {
	return []behaviour{
		{"the records of a topic are read in the order of publishing", inOrder},
		{"a batch is readable when its done is called", readableWhenDone},
		{"Flush returns when everything accepted is done", flushed},
		{"Flush of nothing returns at once", flushedNothing},
		{"control channels are kept apart from data", controlChannels},
		{"a batch may have many topics", manyTopics},
		{"a batch may be empty", emptyBatch},
		{"a batch that nobody finds anything of is done", dropped},
		{"a batch may be larger than any buffer", largeBatch},
		{"a record may have no key and any bytes but a line break", anyBytes},
		{"a record for all partitions is read", forAllPartitions},
		{"a batch may be used again once it is done", reused},
		{"a batch may be altered within its done while others are in flight", altered},
		{"Close calls done for everything in flight", closedInFlight},
		{"after Close nothing is accepted", afterClose},
		{"an ended context accepts nothing or is done as usual", endedContext},
		{"what is published after reopening follows", reopened},
	}
}

func inOrder(t *testing.T, f *fixture) {
	orders, users := data("shop.public.orders"), data("shop.public.users")
	for i := range f.times(500) {
		b := new(publish.Batch)
		for j := range 7 {
			add(b, orders, fmt.Sprintf(`{"order":%d,"line":%d}`, i, j))
			if j%3 == 0 {
				add(b, users, fmt.Sprintf(`{"user":%d,"line":%d}`, i, j))
			}
		}
		f.publish(t, b)
	}
	f.flush(t)
	f.compare(t)
}

func readableWhenDone(t *testing.T, f *fixture) {
	topic := data("shop.public.orders")
	for i := range 5 {
		f.publishAndWait(t, batch(topic, fmt.Sprintf(`{"id":%d}`, i)))
		f.compare(t)
	}
}

func flushed(t *testing.T, f *fixture) {
	topic := data("shop.public.orders")
	for i := range f.times(200) {
		f.publish(t, batch(topic, fmt.Sprintf(`{"id":%d}`, i)))
		if i%50 == 0 {
			f.flush(t)
			f.allDone(t)
		}
	}
	f.flush(t)
	f.allDone(t)
	f.compare(t)
}

func flushedNothing(t *testing.T, f *fixture) {
	f.flush(t)
	f.flush(t)
	f.compare(t)
}

func controlChannels(t *testing.T, f *fixture) {
	b := new(publish.Batch)
	for _, topic := range []*publish.Topic{
		data("shop.public.orders"),
		{Name: "shop.transactions", Channel: publish.Transactions},
		{Name: "shop.progress", Channel: publish.Progress},
		{Name: "shop.schemas", Channel: publish.Schemas},
	} {
		add(b, topic, fmt.Sprintf(`{"of":%q,"n":1}`, topic.Name))
		add(b, topic, fmt.Sprintf(`{"of":%q,"n":2}`, topic.Name))
	}
	f.publishAndWait(t, b)
	f.compare(t)
}

func manyTopics(t *testing.T, f *fixture) {
	const topics = 600 // more than anybody keeps files or connections open
	all := make([]*publish.Topic, topics)
	for i := range all {
		all[i] = data(fmt.Sprintf("shop.public.t%d", i))
	}
	for round := range 3 {
		b := new(publish.Batch)
		for i, topic := range all {
			add(b, topic, fmt.Sprintf(`{"round":%d,"topic":%d}`, round, i))
		}
		add(b, all[0], fmt.Sprintf(`{"round":%d,"again":true}`, round))
		f.publish(t, b)
	}
	f.flush(t)
	f.compare(t)
}

func emptyBatch(t *testing.T, f *fixture) {
	topic := data("shop.public.orders")
	f.publishAndWait(t, new(publish.Batch))
	f.publish(t, batch(topic, `{"id":1}`))
	f.publishAndWait(t, new(publish.Batch))
	f.compare(t)
}

func dropped(t *testing.T, f *fixture) {
	for i := range 5 {
		f.publishAndWait(t, batch(&publish.Topic{Name: "shop.progress", Channel: publish.Progress}, fmt.Sprintf(`{"n":%d}`, i)))
	}
	f.publishAndWait(t, batch(data("shop.public.orders"), `{"id":1}`))
	f.compare(t)
}

func largeBatch(t *testing.T, f *fixture) {
	orders, users := data("shop.public.orders"), data("shop.public.users")
	b := new(publish.Batch)
	large := cmp.Or(f.Largest, 9<<20+11)
	add(b, orders, `{"text":"`+strings.Repeat("a", large-11)+`"}`)
	for i := range f.times(50_000) {
		add(b, users, fmt.Sprintf(`{"id":%d,"text":"some text that takes room"}`, i))
	}
	add(b, orders, `{"text":"after"}`)
	f.publish(t, b)
	f.publishAndWait(t, batch(users, `{"id":"last"}`))
	f.compare(t)
}

func anyBytes(t *testing.T, f *fixture) {
	var all []byte
	for c := range 256 {
		if c != '\n' {
			all = append(all, byte(c))
		}
	}
	topic := data("shop.public.orders")
	b := new(publish.Batch)
	b.Add(topic, 1, nil, all)
	b.Add(topic, 2, []byte(`{"id":1}`), all[:128])
	f.publishAndWait(t, b)
	f.compare(t)
}

func forAllPartitions(t *testing.T, f *fixture) {
	b := batch(data("shop.public.orders"), `{"op":"t"}`)
	b.Records[0].All = true
	f.publishAndWait(t, b)
	f.compare(t)
}

func reused(t *testing.T, f *fixture) {
	topic := data("shop.public.orders")
	b := new(publish.Batch)
	for i := range f.times(100) {
		add(b, topic, fmt.Sprintf(`{"id":%d}`, i))
		f.publishAndWait(t, b)
		for j := range b.Buf {
			b.Buf[j] = 'x'
		}
		b.Reset()
	}
	f.compare(t)
}

// Whoever reads a batch after its done reads another one: its bytes are the next
// batch's then.
func altered(t *testing.T, f *fixture) {
	orders, users := data("shop.public.orders"), data("shop.public.users")
	all := make([]publish.Batch, 8)
	for round := range f.times(50) {
		for i := range all {
			b := &all[i]
			b.Reset()
			for j := range 1 + 3*i {
				add(b, orders, fmt.Sprintf(`{"round":%d,"batch":%d,"n":%d}`, round, i, j))
			}
			add(b, users, fmt.Sprintf(`{"round":%d,"batch":%d}`, round, i))
			err := f.publishThen(t.Context(), b, func(error) {
				for j := range b.Buf {
					b.Buf[j] = 'x'
				}
				clear(b.Records)
			})
			if err != nil {
				t.Fatalf("publish: %v", err)
			}
		}
		f.flush(t)
	}
	f.compare(t)
}

func closedInFlight(t *testing.T, f *fixture) {
	topic := data("shop.public.orders")
	for i := range f.times(300) {
		f.publish(t, batch(topic, fmt.Sprintf(`{"id":%d}`, i)))
	}
	f.close(t)
	f.allDone(t)

	// What was not done may have been written all the same; what was done must
	// have been, and nothing of its name may be missing before what was written.
	f.prefix(t)
}

func afterClose(t *testing.T, f *fixture) {
	topic := data("shop.public.orders")
	f.publishAndWait(t, batch(topic, `{"id":1}`))
	f.close(t)
	err := f.p.Publish(t.Context(), batch(topic, `{"id":2}`), func(error) {
		t.Error("done was called for a batch that was not accepted")
	})
	if err == nil {
		t.Error("Publish after Close returned nil")
	}
	f.compare(t)
}

func endedContext(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	topic := data("shop.public.orders")
	f.publish(t, batch(topic, `{"id":1}`))
	f.publishIn(ctx, batch(topic, `{"id":2}`))
	f.publishAndWait(t, batch(topic, `{"id":3}`))
	f.compare(t)
}

func reopened(t *testing.T, f *fixture) {
	topic := data("shop.public.orders")
	for i := range 4 {
		f.publishAndWait(t, batch(topic, fmt.Sprintf(`{"start":%d}`, i)))
		f.close(t)
		f.open(t)
	}
	f.publishAndWait(t, batch(topic, `{"start":"last"}`))
	f.compare(t)
}
