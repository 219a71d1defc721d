package kinesis_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	fault "github.com/tailrace/tailrace/internal/fault/kinesis"
	"github.com/tailrace/tailrace/internal/murmur2"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kinesis"
)

// awsLimits are those of a stream with records of up to 1 MiB, read strictly.
var awsLimits = fault.Limits{
	RecordsPerCall: 500, BytesPerCall: 10 << 20, BytesPerRecord: 1 << 20,
	BytesPerSecond: 1_000_000, RecordsPerSecond: 1000,
}

// A feeder publishes events for as long as it is let, and has no more bytes in
// flight than the frontier of a pipeline would.
type feeder struct {
	p      *kinesis.Publisher
	hash   func(i int) uint32
	size   int
	room   chan struct{} // a token for each batch in flight
	failed atomic.Pointer[error]
}

const feederBatch = 64 << 10 // bytes of events

func newFeeder(p *kinesis.Publisher, ahead, size int, hash func(i int) uint32) *feeder {
	return &feeder{p: p, hash: hash, size: size, room: make(chan struct{}, ahead/feederBatch)}
}

// run publishes until ctx ends.
func (f *feeder) run(ctx context.Context) {
	for i := 0; ; {
		select {
		case f.room <- struct{}{}:
		case <-ctx.Done():
			return
		}
		b := new(publish.Batch)
		for len(b.Buf) < feederBatch {
			value := fmt.Appendf(nil, `{"n":%d,"text":"`, i)
			value = append(value, strings.Repeat("x", f.size-len(value)-2)...)
			b.Add(orders, f.hash(i), nil, append(value, '"', '}'))
			i++
		}
		err := f.p.Publish(ctx, b, func(err error) {
			if err != nil {
				f.failed.CompareAndSwap(nil, &err)
			}
			<-f.room
		})
		if err != nil {
			return
		}
	}
}

// spreads are ways to choose the lanes of events.
var spreads = []struct {
	name string
	hash func(i int) uint32
}{
	{"all in one lane, as by table", func(int) uint32 { return 7 }},
	{"in all lanes, as by key", func(i int) uint32 { return murmur2.Sum(fmt.Appendf(nil, `{"id":%d}`, i%100_000)) }},
}

// In a time that is made up, what is missing is missing by what the Publisher does
// and not by a machine that is busy.
func TestAShardIsFilled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		packing kinesis.Packing
		trip    time.Duration
	}{
		{kinesis.Lines, 20 * time.Millisecond},
		{kinesis.Lines, 150 * time.Millisecond},
		{kinesis.KPL, 20 * time.Millisecond},
	} {
		for _, spread := range spreads {
			t.Run(fmt.Sprintf("%s, %s, %v a call", nameOf(c.packing), spread.name, c.trip), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &service{shards: map[string]int{"orders": 1}, trip: c.trip, forget: true, bytesPerSecond: 1_000_000, recordsPerSecond: 1000}
					cfg := s.config("orders")
					cfg.Packing = c.packing
					p := open(t, cfg)
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					go newFeeder(p, 4<<20, 450, spread.hash).run(ctx)
					<-time.After(2 * time.Second) // what may be saved up is gone
					before, _ := s.took()
					<-ctx.Done()
					after, throttled := s.took()
					if got := (after - before) / 3; got < 950_000 {
						t.Errorf("got %d bytes a second over 3 s, want 95%% of a megabyte", got)
					}
					if throttled > 5 {
						t.Errorf("got %d records throttled in 5 s, want none or a handful", throttled)
					}
				})
			})
		}
	}
}

// The same for real. A machine that is busy with other tests may be slow; `make
// bench` holds the 95%.
func TestAShardWithItsLimitsIsFilled(t *testing.T) {
	t.Parallel()
	for _, spread := range spreads {
		t.Run(spread.name, func(t *testing.T) {
			t.Parallel()
			s := servers.Kinesis(t, local.Kinesalite)
			stream := s.Stream(t, 1)
			proxy := proxied(t, s)
			proxy.Limit(awsLimits)
			p := open(t, at(proxy.Endpoint(), stream))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f := newFeeder(p, 4<<20, 450, spread.hash)
			go f.run(ctx)
			taken := func(bytes int64) func() bool {
				return func() bool { return proxy.Seen().TakenBytes >= bytes }
			}
			eventually.True(t, limit, "a second's share is gone", taken(2_000_000))
			before, from := proxy.Seen().TakenBytes, time.Now()
			eventually.True(t, limit, "five seconds' share is taken", taken(before+5_000_000))
			got := float64(proxy.Seen().TakenBytes-before) / time.Since(from).Seconds()
			seen := proxy.Seen()
			t.Logf("%.0f bytes a second; %d calls with %d records, %d throttled", got, seen.Calls, seen.Records, seen.Throttled)
			if got < 500_000 {
				t.Errorf("got %.0f bytes a second, want a megabyte", got)
			}
			if seen.Throttled > 20 || seen.Refused > 0 {
				t.Errorf("got %d records throttled and %d calls refused, want a handful and none", seen.Throttled, seen.Refused)
			}
			if err := f.failed.Load(); err != nil {
				t.Errorf("done: %v", *err)
			}
		})
	}
}

// Others write to the shard for a while: what is sent gives way, and comes back.
func TestAShardThatOthersFilledIsFilledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{shards: map[string]int{"orders": 1}, trip: 10 * time.Millisecond, forget: true, bytesPerSecond: 1_000_000, recordsPerSecond: 1000}
		p := open(t, s.config("orders"))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go newFeeder(p, 4<<20, 2000, func(i int) uint32 { return uint32(i % 50) }).run(ctx)
		rate := func(span time.Duration) float64 {
			before, _ := s.took()
			<-time.After(span)
			after, _ := s.took()
			return float64(after-before) / span.Seconds()
		}
		rate(2 * time.Second)
		s.change(func() { s.bytesPerSecond = 200_000 })
		rate(10 * time.Second)
		if got := rate(15 * time.Second); got < 100_000 {
			t.Errorf("with a fifth of the shard: got %.0f bytes a second, want most of 200 kB", got)
		}
		if got := p.Shards()[0]; got.Rate > 0.6 || got.Throttled == 0 {
			t.Errorf("with a fifth of the shard: got %+v, want a low rate and records that were throttled", got)
		}
		s.change(func() { s.bytesPerSecond = 1_000_000 })
		rate(20 * time.Second)
		_, before := s.took()
		if got := rate(10 * time.Second); got < 950_000 {
			t.Errorf("once the others are gone: got %.0f bytes a second, want 95%% of a megabyte", got)
		}
		if _, after := s.took(); after-before > 5 {
			t.Errorf("once the others are gone: got %d records throttled in 10 s", after-before)
		}
	})
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools keep for one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestMemoryIsFlatWhileAStreamTakesAHundredth(t *testing.T) {
	const ahead = 8 << 20
	for _, spread := range spreads {
		t.Run(spread.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{shards: map[string]int{"orders": 1}, trip: 10 * time.Millisecond, forget: true, bytesPerSecond: 10_000, recordsPerSecond: 10}
				p := open(t, s.config("orders"))
				before := heap()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go newFeeder(p, ahead, 200, spread.hash).run(ctx)
				var least, most int64
				for i := range 3 {
					<-time.After(time.Minute)
					now := heap() - before
					if i == 0 {
						least = now
					}
					least, most = min(least, now), max(most, now)
				}
				bytes, throttled := s.took()
				t.Logf("between %d and %d KiB with %d KiB in flight; %d bytes taken, %d records throttled", least>>10, most>>10, ahead>>10, bytes, throttled)
				if want := 3 * 60 * 10_000; bytes < want*8/10 {
					t.Errorf("got %d bytes taken, want most of %d", bytes, want)
				}
				// Of each event: its bytes, its record in the batch, and its place in the lane.
				if want := int64(2 * ahead); most > want {
					t.Errorf("got %d bytes in use, want %d at most", most, want)
				}
				if most-least > ahead/2 {
					t.Errorf("got between %d and %d bytes in use, want them to stay the same", least, most)
				}
			})
		})
	}
}

// The frontier charges 200 bytes for each record in flight.
func TestAnEventInALaneCostsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events, batches = 200_000, 400
		s := &service{shards: map[string]int{"orders": 1}}
		cfg := s.config("orders")
		cfg.AnswerLimit = 24 * time.Hour
		p := open(t, cfg)
		s.trip = 12 * time.Hour
		all := make([]*publish.Batch, batches)
		for i := range all {
			all[i] = new(publish.Batch)
			for range events / batches {
				all[i].Add(orders, 7, nil, []byte(`{"id":1,"text":"some text"}`))
			}
		}
		before := heap()
		for _, b := range all {
			must(t, p.Publish(t.Context(), b, func(error) {}))
		}
		synctest.Wait()
		per := float64(heap()-before-2<<20) / events // 2 MiB for the record that is on its way
		t.Logf("%.1f bytes for each event", per)
		if per > 40 {
			t.Errorf("got %.1f bytes for each event, want an entry of 16 and what a growing queue has too much", per)
		}
		runtime.KeepAlive(all)
	})
}
