package kinesis_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kinesis"
	"github.com/tailrace/tailrace/publish/publishtest"
)

// each runs a test on every stand-in, in every packing on the one that is quick. Each
// is a program that does one thing at a time, so what is for one waits for each other.
func each(t *testing.T, test func(t *testing.T, product local.KinesisProduct, packing kinesis.Packing)) {
	for _, product := range servers.KinesisProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			tried := packings
			if product == local.KinesisLocal {
				tried = tried[:1]
			}
			for _, c := range tried {
				t.Run(c.name, func(t *testing.T) { test(t, product, c.packing) })
			}
		})
	}
}

func TestPublisher(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, product local.KinesisProduct, packing kinesis.Packing) {
		s := servers.Kinesis(t, product)
		publishtest.Run(t, func(t *testing.T) publishtest.Harness {
			// With one shard most of the time would go by waiting for its rate.
			stream := s.Stream(t, 6)
			cfg := at(proxied(t, s).Endpoint(), stream)
			cfg.Packing = packing
			cfg.AnswerLimit = limit // on a busy machine too, nothing is to be sent twice
			h := publishtest.Harness{
				Open:  func(t *testing.T) publish.Publisher { return open(t, cfg) },
				Read:  func(t *testing.T) map[string][]string { return stored(t, s, stream, packing) },
				Names: lanes,
			}
			if packing == kinesis.None {
				h.Fewer = 10 // a lane's records wait for each other
			} else {
				h.Fewer = 2
			}
			switch product {
			case local.Kinesalite:
				h.Largest = 1<<20 - len("1023\n")
			case local.KinesisLocal:
				s.Grow(t, stream, 10_240)
				h.Largest = 2 << 20 // it takes seconds for a megabyte
				h.Fewer = 20
			}
			return h
		})
	})
}

// lanes are the names of the lanes in which a consumer finds a record.
func lanes(r *publish.Record) []string {
	switch {
	case !r.Topic.Channel.Events() || r.ValueEnd == r.KeyEnd:
		return nil
	case !r.All:
		return []string{strconv.Itoa(int(r.Hash&0x7fffffff) % kinesis.Lanes)}
	}
	all := make([]string, kinesis.Lanes)
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	return all
}

func TestARecordIsStoredWhereItsLaneIs(t *testing.T) {
	t.Parallel()
	for _, product := range servers.KinesisProducts() {
		s := servers.Kinesis(t, product)
		stream := s.Stream(t, 3)
		p := open(t, at(proxied(t, s).Endpoint(), stream))
		b := new(publish.Batch)
		b.Add(orders, 5, nil, []byte(`{"op":"c"}`))
		b.Add(orders, 5, []byte(`{"id":1}`), nil) // a tombstone
		b.Add(orders, 0, nil, []byte(`{"op":"t"}`))
		b.Records[2].All = true
		b.Add(orders, 5+kinesis.Lanes, nil, []byte(`{"op":"d"}`))
		b.Add(&publish.Topic{Name: "shop.control", Channel: publish.Control}, 900, nil, []byte(`{"op":"m"}`))
		b.Add(&publish.Topic{Name: "shop.progress", Channel: publish.Progress}, 901, nil, []byte(`{"bound":1}`))
		must(t, result(t, p, b))

		got := stored(t, s, stream, kinesis.Lines)
		for i := range kinesis.Lanes {
			want := []string{`{"op":"t"}`}
			switch i {
			case 5:
				want = []string{`{"op":"c"}`, `{"op":"t"}`, `{"op":"d"}`}
			case 900:
				want = []string{`{"op":"t"}`, `{"op":"m"}`}
			}
			if name := strconv.Itoa(i); !slices.Equal(got[name], want) {
				t.Errorf("lane %d: got %q, want %q", i, got[name], want)
			}
		}
		if len(got) != kinesis.Lanes {
			t.Errorf("got %d lanes, want %d", len(got), kinesis.Lanes)
		}
		shards := make(map[string]int)
		for _, l := range p.Lanes() {
			shards[l.Shard]++
			if l.Queued != 0 || l.Events == 0 || l.Records == 0 || l.Bytes < l.Events*uint64(len(`{"op":"t"}`)) || l.Repeats != 0 {
				t.Errorf("what is counted of lane %d: got %+v", l.Lane, l)
			}
		}
		open := s.OpenShards(t, stream)
		if names := slices.Sorted(maps.Keys(shards)); !slices.Equal(names, slices.Sorted(slices.Values(open))) {
			t.Errorf("lanes are in the shards %v, want %v", names, open)
		}
		for _, shard := range p.Shards() {
			if shard.Throttled != 0 || shard.Rate != 1 {
				t.Errorf("what is counted of a shard: got %+v", shard)
			}
		}
	}
}

func TestAnEventThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	for _, product := range servers.KinesisProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			s := servers.Kinesis(t, product)
			stream := s.Stream(t, 1)
			p := open(t, at(proxied(t, s).Endpoint(), stream))
			before := start(t, p, batch("before"))
			err := p.Publish(t.Context(), batch("small", "secret"+strings.Repeat("x", 1<<20)), func(error) { t.Error("done was called") })
			for _, want := range []string{stream, orders.Name, "1048587", "1048576", "; raise the stream's maximum record size", "dead letter"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("got the error %v, want one with %q", err, want)
				}
			}
			if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %q of exit code %d, want a Stop without the row", err, failure.ExitCode(err))
			}
			must(t, within(t, before))
			// The largest that fits does.
			must(t, result(t, p, batch(strings.Repeat("y", 1<<20-len("1023\n")))))
			got := stored(t, s, stream, kinesis.Lines)
			if len(got) != 1 || len(got["0"]) != 2 || got["0"][0] != "before" {
				t.Errorf("got %d lanes with %d events in the first, want the one before it and the one that fits", len(got), len(got["0"]))
			}
		})
	}
}

func TestAnEventThatIsTooLargeGoesToTheDeadLetterStream(t *testing.T) {
	t.Parallel()
	s := servers.Kinesis(t, local.KinesisLocal) // the other has no records above 1 MiB
	stream, dead := s.Stream(t, 2), s.Stream(t, 1)
	s.Grow(t, dead, 2048)
	cfg := at(proxied(t, s).Endpoint(), stream)
	cfg.DeadLetter = dead
	log, logs := logged()
	cfg.Log = log
	p := open(t, cfg)
	large := func(n int) string { return strconv.Itoa(n) + strings.Repeat("x", 1<<20) }
	for _, values := range [][]string{{"a1", large(1), "c1"}, {"a2", large(2)}, {"a3", "b3"}} {
		must(t, result(t, p, batch(values...)))
	}
	wantLanes(t, stored(t, s, stream, kinesis.Lines), map[string][]string{"0": {"a1", "a2", "a3"}, "1": {"b3"}, "2": {"c1"}})
	wantLanes(t, stored(t, s, dead, kinesis.Lines), map[string][]string{"1": {large(1), large(2)}})
	if got := p.DeadLetters(); got != 2 {
		t.Errorf("got %d dead letters counted, want 2", got)
	}
	if got := logs.FilterField(zap.String("dead_letter", dead)).Len(); got != 2 {
		t.Errorf("got %d warnings, want one for each batch with such an event", got)
	}
	err := p.Publish(t.Context(), batch(strings.Repeat("x", 2<<20)), func(error) { t.Error("done was called") })
	if failure.ExitCode(err) != failure.ExitStop || !strings.Contains(err.Error(), dead) {
		t.Errorf("an event that is too large for both: got %v, want a Stop that names %s", err, dead)
	}
}

func wantLanes(t *testing.T, got, want map[string][]string) {
	t.Helper()
	for _, lane := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(got[lane], want[lane]) {
			t.Errorf("lane %s: got %d events %.80q, want %d", lane, len(got[lane]), got[lane], len(want[lane]))
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d lanes, want %d", len(got), len(want))
	}
}
