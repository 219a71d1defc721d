package kinesis_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A narrow is a way to a service on which all calls together have so many bytes a
// second.
type narrow struct {
	s *service

	mu    sync.Mutex
	rate  float64
	calls int
}

func (n *narrow) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	n.enter(1)
	defer n.enter(-1)
	const step = 20 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	for left := float64(len(body)); left > 0; left -= n.share() * step.Seconds() {
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return n.s.Do(r)
}

func (n *narrow) enter(calls int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls += calls
}

func (n *narrow) share() float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rate / float64(n.calls)
}

func (n *narrow) widen(rate float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rate = rate
}

// The calls that may be on their way at a time would reach their time limits
// before any of them is sent to its end.
func TestANarrowWayIsNotClosedByWhatIsOnIt(t *testing.T) {
	const batches, events, size = 60, 200, 1000
	const coded = batches * events * size * 1.34 // as the protocol has it
	for _, c := range []struct {
		name   string
		shards int
		rate   float64
	}{
		{"a quarter of what the calls would need, for a few shards", 4, 150_000},
		{"half of it, for many shards", 16, 300_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{shards: map[string]int{"orders": c.shards}, trip: 10 * time.Millisecond, forget: true}
				way := &narrow{s: s, rate: c.rate}
				cfg := s.config("orders")
				cfg.AWS.HTTPClient = way
				p := open(t, cfg)
				value := []byte(strings.Repeat("x", size))
				took := func() time.Duration {
					began := time.Now()
					for i := range batches {
						b := batch()
						for k := range events {
							b.Add(orders, uint32(i*events+k)*7, nil, value)
						}
						start(t, p, b)
					}
					flushed := make(chan error, 1)
					go func() { flushed <- p.Flush(t.Context()) }()
					select {
					case err := <-flushed:
						must(t, err)
					case <-time.After(time.Hour):
						t.Fatal("nothing is stored to its end in an hour")
					}
					return time.Since(began)
				}
				least := time.Duration(coded / c.rate * float64(time.Second))
				if got := took(); got < least || got > 4*least {
					t.Errorf("on the narrow way: it took %v, want no more than four times %v", got, least)
				}
				// The shards are what limits, and the width must come back for that.
				way.widen(1e9)
				if got, want := took(), 20*time.Second; got > want {
					t.Errorf("on a wide one: it took %v, want at most %v", got, want)
				}
			})
		})
	}
}
