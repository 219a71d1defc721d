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

func TestThePartitionIsChosenByWhatWasAskedFor(t *testing.T) {
	orders := tableOf(t, "orders", []string{"id", "customer", "region"}, 0)
	keyless := tableOf(t, "log", []string{"customer", "region"})
	nameless := tableOf(t, "orders", nil)
	changes := []event.Change{
		{Op: event.Insert, Table: orders, After: rowOf("1", "ann", "north")},
		{Op: event.Update, Table: orders, Before: rowOf("1", "ann", "north"), After: rowOf("1", "-", "south")},
		{Op: event.Delete, Table: orders, Before: rowOf("1", "ann", "NULL")},
		{Op: event.Insert, Table: keyless, After: rowOf("bob", "east")},
		{Op: event.Truncate, Table: nameless},
	}
	for _, c := range []struct {
		name string
		by   pipeline.PartitionBy
		want []string
	}{
		{"the table", pipeline.PartitionBy{}, []string{"public.orders", "public.orders", "public.orders", "public.log", "public.orders"}},
		{"the key", pipeline.PartitionBy{What: pipeline.ByKey}, []string{`{"id":"1"}`, `{"id":"1"}`, `{"id":"1"}`, "public.log", "public.orders"}},
		{"the transaction", pipeline.PartitionBy{What: pipeline.ByTransaction}, []string{"7:30", "7:30", "7:30", "7:30", "7:30"}},
		{
			"a column",
			pipeline.PartitionBy{What: pipeline.ByColumns, Columns: []string{"customer"}},
			[]string{"ann", "ann", "ann", "bob", "public.orders"},
		},
		{
			"columns, in the order of their naming",
			pipeline.PartitionBy{What: pipeline.ByColumns, Columns: []string{"region", "customer"}},
			[]string{"north,ann", "south,ann", ",ann", "east,bob", "public.orders"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink, err := publishing(t, changes, func(p *pipeline.Pipeline) { p.PartitionBy = c.by })
			wantCode(t, err, failure.ExitOK)
			var want []uint32
			for _, text := range c.want {
				want = append(want, murmur2.Sum([]byte(text)))
			}
			if !slices.Equal(sink.hashes, want) {
				t.Errorf("hashes: got %v, want %v, of %q", sink.hashes, want, c.want)
			}
			if want := []bool{false, false, false, false, true}; !slices.Equal(sink.all, want) {
				t.Errorf("for all partitions: got %v, want %v", sink.all, want)
			}
		})
	}
}

func TestAColumnThatIsNotThereIsAStopAtItsRow(t *testing.T) {
	orders := tableOf(t, "orders", []string{"id", "customer"}, 0)
	items := tableOf(t, "items", []string{"id"}, 0)
	for _, c := range []struct {
		name, want string
		bad        event.Change
	}{
		{
			"the table does not have it",
			"table public.items has no column customer, which publish.partition_by names",
			event.Change{Op: event.Insert, Table: items, After: rowOf("1")},
		},
		{
			"the log does not carry it",
			"the log does not carry column customer of public.orders, which publish.partition_by names, at ver 00000000/000000000000001e/0000000000000014/00000002",
			event.Change{Op: event.Delete, Table: orders, Before: rowOf("1", "-")},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes := []event.Change{{Op: event.Insert, Table: orders, After: rowOf("1", "ann")}, c.bad}
			sink, err := publishing(t, changes, func(p *pipeline.Pipeline) {
				p.PartitionBy = pipeline.PartitionBy{What: pipeline.ByColumns, Columns: []string{"customer"}}
			})
			wantCode(t, err, failure.ExitStop)
			if err == nil || !strings.HasPrefix(err.Error(), c.want+";") {
				t.Errorf("got %v, want %q and a hint", err, c.want)
			}
			if want := []string{`{"id":"1"} c`}; !slices.Equal(sink.texts, want) {
				t.Errorf("published: got %q, want what is before the row: %q", sink.texts, want)
			}
		})
	}
}

func TestADeleteIsFollowedByATombstoneWhereThatIsAskedFor(t *testing.T) {
	orders := tableOf(t, "orders", []string{"id", "note"}, 0)
	keyless := tableOf(t, "log", []string{"note"})
	changes := []event.Change{
		{Op: event.Insert, Table: orders, After: rowOf("1", "x")},
		{Op: event.Delete, Table: orders, Before: rowOf("1", "-")},
		{Op: event.Delete, Table: keyless, Before: rowOf("x")},
		{Op: event.Insert, Table: orders, After: rowOf("2", "x")},
	}
	for _, c := range []struct {
		name       string
		tombstones bool
		want       []string
	}{
		{"asked for", true, []string{`{"id":"1"} c`, `{"id":"1"} d`, `{"id":"1"} `, " d", `{"id":"2"} c`}},
		{"not asked for", false, []string{`{"id":"1"} c`, `{"id":"1"} d`, " d", `{"id":"2"} c`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink, err := publishing(t, changes, func(p *pipeline.Pipeline) {
				p.Tombstones, p.PartitionBy.What = c.tombstones, pipeline.ByKey
			})
			wantCode(t, err, failure.ExitOK)
			if !slices.Equal(sink.texts, c.want) {
				t.Errorf("keys and operations: got %q, want %q", sink.texts, c.want)
			}
			if c.tombstones && sink.hashes[2] != sink.hashes[1] {
				t.Errorf("the tombstone has the hash %d, and the delete %d", sink.hashes[2], sink.hashes[1])
			}
		})
	}
}
