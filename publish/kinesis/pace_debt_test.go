package kinesis_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tailrace/tailrace/publish/kinesis"
)

// A large record into a shard that takes next to nothing at the moment: what it owes
// is paid at the rate that comes back, not at the one of that moment.
func TestALargeRecordIsPaidForAtTheRateThatComesBack(t *testing.T) {
	for _, c := range []struct {
		size        int
		least, most time.Duration
	}{
		// The rate is back at 1 after some ten seconds.
		{256 << 10, time.Second, 4 * time.Second},
		{1 << 20, 4 * time.Second, 8 * time.Second},
		{10 << 20, 15 * time.Second, 22 * time.Second},
	} {
		t.Run(fmt.Sprintf("%d KiB", c.size>>10), func(t *testing.T) {
			now := time.Unix(1_795_000_000, 0)
			p := kinesis.NewPace(now)
			for range 60 {
				now = now.Add(300 * time.Millisecond)
				p.Refused()
				p.Wait(now)
			}
			next := func() time.Duration {
				from := now
				for wait := p.Wait(now); wait > 0; wait = p.Wait(now) {
					now = now.Add(wait)
				}
				return now.Sub(from)
			}
			next()
			if got := p.Rate(); got > 0.05 {
				t.Fatalf("got the rate %v after the refusals, want next to nothing", got)
			}
			p.Take(c.size)
			if got := next(); got < c.least || got > c.most {
				t.Errorf("the next record may go after %v, want %v to %v", got, c.least, c.most)
			}
		})
	}
}
