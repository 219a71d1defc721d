package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/murmur2"
	"github.com/tailrace/tailrace/pipeline"
)

func TestATruncateStandsAmongItsTablesEventsUnlessItIsToBeKeptApart(t *testing.T) {
	orders := tableOf(t, "orders", []string{"id"}, 0)
	items := tableOf(t, "items", []string{"id"}, 0)
	changes := []event.Change{
		{Op: event.Insert, Table: orders, After: rowOf("1")},
		{Op: event.Truncate, Table: orders},
		{Op: event.Truncate, Table: items},
		{Op: event.Insert, Table: orders, After: rowOf("2")},
	}
	for _, c := range []struct {
		name    string
		by      pipeline.Partition
		control bool
		topics  []string
		hash    uint32 // of the first truncate
		all     bool   // partitions get a truncate
		counts  string
	}{
		{
			"inline", pipeline.ByTable, false,
			[]string{"orders", "orders", "items", "orders"},
			murmur2.Sum([]byte("public.orders")), true,
			`"counts":{"orders":3,"items":1}`,
		},
		{
			"apart", pipeline.ByTable, true,
			[]string{"orders", "p.control", "p.control", "orders"},
			0, false,
			`"counts":{"orders":2,"p.control":2}`,
		},
		{
			"apart, whatever partitions are chosen by", pipeline.ByTransaction, true,
			[]string{"orders", "p.control", "p.control", "orders"},
			0, false,
			`"counts":{"orders":2,"p.control":2}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink, err := publishing(t, changes, func(p *pipeline.Pipeline) { p.Control, p.PartitionBy.What = c.control, c.by })
			wantCode(t, err, failure.ExitOK)
			if !slices.Equal(sink.topics, c.topics) {
				t.Fatalf("topics: got %q, want %q", sink.topics, c.topics)
			}
			if sink.hashes[1] != c.hash || sink.texts[1] != " t" {
				t.Errorf("the truncate: got hash %d and %q, want hash %d, no key and t", sink.hashes[1], sink.texts[1], c.hash)
			}
			if want := []bool{false, c.all, c.all, false}; !slices.Equal(sink.all, want) {
				t.Errorf("for all partitions: got %v, want %v", sink.all, want)
			}
			if len(sink.ends) != 1 || !strings.Contains(sink.ends[0], c.counts) {
				t.Errorf("ends: got %q, want one with %s", sink.ends, c.counts)
			}
		})
	}
}

func TestATableWhoseEventsWouldBeAmongOtherRecordsStops(t *testing.T) {
	orders := tableOf(t, "orders", []string{"id"}, 0)
	other := tableOf(t, "checkpoint", []string{"id"}, 0)
	changes := []event.Change{
		{Op: event.Insert, Table: orders, After: rowOf("1")},
		{Op: event.Insert, Table: other, After: rowOf("2")},
	}
	sink, err := publishing(t, changes, func(p *pipeline.Pipeline) { p.Taken = []string{"p.checkpoint", "checkpoint"} })
	wantCode(t, err, failure.ExitStop)
	if !slices.Equal(sink.topics, []string{"orders"}) {
		t.Errorf("got topics %q, want those before it", sink.topics)
	}
}
