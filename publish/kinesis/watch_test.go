package kinesis_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/publish/kinesis"
)

func TestAStreamThatBeginsToSpreadRecordsStops(t *testing.T) {
	for _, c := range []struct {
		name    string
		waiting bool // records wait meanwhile
	}{
		{"while nothing is published", false},
		{"while records wait for the stream", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{shards: map[string]int{"orders": 1}, trip: 10 * time.Millisecond}
				p := open(t, s.config("orders"))
				must(t, result(t, p, batch("first")))
				<-time.After(10 * time.Minute)
				must(t, result(t, p, batch("second"))) // and nothing was the matter
				begin := time.Now()
				s.change(func() { s.auto = true })
				var err error
				if c.waiting {
					s.change(func() {
						s.refuse = func(putRecord) string { return "ProvisionedThroughputExceededException" }
					})
					err = result(t, p, batch("third"))
				} else {
					for err == nil && time.Since(begin) < time.Hour {
						<-time.After(time.Second)
						err = p.Flush(t.Context())
					}
				}
				wantStop(t, "a stream that spreads records", err, "orders", "nothing has an order", "USER_PARTITION_KEY")
				if took := time.Since(begin); took > 37*time.Second {
					t.Errorf("it took %v, want 30 s and a look", took)
				}
				wantEnd(t, p, err, func() int { return len(s.seen()) })
			})
		})
	}
}

// A look that fails says nothing about the stream.
func TestAStreamThatIsNotDescribedGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{shards: map[string]int{"orders": 1}, trip: 10 * time.Millisecond}
		p := open(t, s.config("orders"))
		var looks atomic.Int64
		s.change(func() {
			s.answer = func(operation string) (*http.Response, error) {
				if operation == "PutRecords" {
					return nil, nil
				}
				looks.Add(1)
				return refusal(http.StatusBadRequest, "LimitExceededException", "too many"), nil
			}
		})
		<-time.After(10 * time.Minute)
		must(t, result(t, p, batch("first")))
		if got := looks.Load(); got < 10 || got > 60 {
			t.Errorf("got %d calls beside records in 10 minutes, want some", got)
		}
	})
}

func TestLanesFollowTheShardsOfTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{shards: map[string]int{"orders": 1}, trip: 10 * time.Millisecond}
		log, logs := logged()
		cfg := s.config("orders")
		cfg.Log = log
		p := open(t, cfg)
		all := batch("all")
		all.Records[0].All = true
		must(t, result(t, p, all))
		for _, shards := range []int{2, 5, 3} {
			<-time.After(2 * time.Second)
			s.change(func() { s.shards["orders"] = shards })
			// The first record that lands elsewhere tells it.
			all := batch("all")
			all.Records[0].All = true
			must(t, result(t, p, all))
			<-time.After(time.Second)
			if got := len(p.Shards()); got != shards {
				t.Errorf("got %d shards, want %d", got, shards)
			}
			count := make(map[string]int)
			for _, l := range p.Lanes() {
				count[l.Shard]++
			}
			for _, shard := range p.Shards() {
				if n := count[shard.Shard]; n < kinesis.Lanes/shards-1 || n > kinesis.Lanes/shards+1 {
					t.Errorf("got %d lanes in %s, want the %dth part of them", n, shard.Shard, shards)
				}
			}
		}
		if got := logs.FilterMessage("the stream has other shards").Len(); got != 3 {
			t.Errorf("got %d messages that the shards are others, want 3", got)
		}
	})
}

func TestTheRateOfSingleRecordsIsToldAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{shards: map[string]int{"orders": 1}, trip: 20 * time.Millisecond}
		log, logs := logged()
		cfg := s.config("orders")
		cfg.Log, cfg.Packing = log, kinesis.None
		open(t, cfg)
		all := logs.All()
		if len(all) != 1 || all[0].ContextMap()["events_per_second_and_lane"] != int64(50) {
			t.Errorf("got the messages %v, want one that a lane takes 50 events a second", all)
		}
	})
}
