package kinesis_test

import (
	"testing"
	"time"

	"github.com/tailrace/tailrace/publish/kinesis"
)

// run sends records of a size for so long as a pace allows, and returns how many
// bytes and records that were.
func run(p kinesis.Pace, from time.Time, span time.Duration, size int) (bytes, records int) {
	for now := from; now.Sub(from) < span; {
		if wait := p.Wait(now); wait > 0 {
			now = now.Add(wait)
			continue
		}
		p.Take(size)
		bytes += size
		records++
	}
	return bytes, records
}

func TestAPaceIsWhatAShardTakes(t *testing.T) {
	const megabyte, thousand = 10 * 1_000_000, 10 * 1000
	for _, c := range []struct {
		name        string
		size        int
		bytes, most int // of bytes, or of records where they are the limit
	}{
		{"small records are a thousand a second", 100, 0, thousand},
		{"records of a kilobyte are a megabyte a second", 1000, megabyte, 0},
		{"large records are a megabyte a second", 256 << 10, megabyte, 0},
		{"a record that is larger than a second's share is paid for afterwards", 3 << 20, megabyte, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin := time.Unix(1_795_000_000, 0)
			bytes, records := run(kinesis.NewPace(begin), begin, 10*time.Second, c.size)
			// What may be saved up, and the last record, are on top.
			if got, want := records, c.most; want > 0 && (got < want*99/100 || got > want+want/100+1) {
				t.Errorf("got %d records in 10 s, want %d", got, want)
			}
			if got, want := bytes, c.bytes; want > 0 && (got < want*98/100 || got > want+want/100+c.size) {
				t.Errorf("got %d bytes in 10 s, want %d", got, want)
			}
		})
	}
}

func TestAPaceFallsWithWhatIsRefusedAndComesBack(t *testing.T) {
	now := time.Unix(1_795_000_000, 0)
	p := kinesis.NewPace(now)
	refuse := func(later time.Duration, records int) {
		for range records {
			p.Refused()
		}
		now = now.Add(later)
		p.Wait(now)
	}
	refuse(time.Millisecond, 300)
	if got := p.Rate(); got < 0.49 || got > 0.51 {
		t.Errorf("after a call that was refused as a whole: got the rate %v, want half", got)
	}
	refuse(time.Millisecond, 300)
	if got := p.Rate(); got < 0.49 || got > 0.51 {
		t.Errorf("after another in the same moment: got the rate %v, want half", got)
	}
	for range 100 {
		refuse(300*time.Millisecond, 1)
	}
	if got := p.Rate(); got < 0.01 || got > 0.03 {
		t.Errorf("when everything is refused: got the rate %v, want nearly nothing", got)
	}
	if bytes, _ := run(p, now, time.Second, 1000); bytes < 5_000 || bytes > 100_000 {
		t.Errorf("in the second after that: got %d bytes, want a few", bytes)
	}
	run(p, now.Add(time.Second), 20*time.Second, 1000)
	if got := p.Rate(); got != 1 {
		t.Errorf("20 s later: got the rate %v, want all of it", got)
	}
	if bytes, _ := run(p, now.Add(21*time.Second), 10*time.Second, 1000); bytes < 9_800_000 {
		t.Errorf("in the 10 s after that: got %d bytes, want 10 MB", bytes)
	}
}

func TestAPaceIsNotHeldDownByRefusalsAtRandom(t *testing.T) {
	now := time.Unix(1_795_000_000, 0)
	p := kinesis.NewPace(now)
	bytes, sent := 0, 0
	for end := now.Add(time.Minute); now.Before(end); {
		if wait := p.Wait(now); wait > 0 {
			now = now.Add(wait)
			continue
		}
		p.Take(1000)
		now = now.Add(200 * time.Microsecond)
		if sent++; sent*7919%100 < 13 {
			p.Refused()
		} else {
			p.Took()
			bytes += 1000
		}
	}
	if bytes < 20_000_000 {
		t.Errorf("got %d bytes in a minute, 13%% of records refused, want a third of what a shard takes at least", bytes)
	}
}

func TestAPaceThatWasIdleSavesUpLittle(t *testing.T) {
	begin := time.Unix(1_795_000_000, 0)
	p := kinesis.NewPace(begin)
	later := begin.Add(time.Hour)
	if bytes, _ := run(p, later, 10*time.Millisecond, 1000); bytes > 120_000 {
		t.Errorf("got %d bytes at once after an hour's rest, want 100 ms' share", bytes)
	}
}
