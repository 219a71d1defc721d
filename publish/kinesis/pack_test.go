package kinesis_test

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kinesis"
)

// packings are all, with their names in the configuration.
var packings = []struct {
	name    string
	packing kinesis.Packing
}{
	{"lines", kinesis.Lines}, {"none", kinesis.None}, {"kpl", kinesis.KPL},
}

func nameOf(packing kinesis.Packing) string {
	for _, c := range packings {
		if c.packing == packing {
			return c.name
		}
	}
	return "none of them"
}

func TestPackingsHaveNames(t *testing.T) {
	for _, c := range packings {
		if got, err := kinesis.ParsePacking(c.name); err != nil || got != c.packing {
			t.Errorf("packing %q: got %v and %v, want %v", c.name, got, err, c.packing)
		}
	}
	if got, err := kinesis.ParsePacking(""); err != nil || got != kinesis.Lines {
		t.Errorf("no packing: got %v and %v, want lines", got, err)
	}
	if _, err := kinesis.ParsePacking("avro"); err == nil || err.Error() != `packing "avro" is not known; use lines, none or kpl` {
		t.Errorf("another packing: got the error %v", err)
	}
}

// packedAll packs events as a lane does that has all of them, and checks each
// record. It returns what the records hold.
func packedAll(t *testing.T, packing kinesis.Packing, lane, limit int, events [][]byte) [][]byte {
	t.Helper()
	var all [][]byte
	for len(events) > 0 {
		n, size, data := kinesis.PackNext(packing, batchOf(events...), lane, limit)
		if n < 1 || n > len(events) || packing == kinesis.None && n != 1 {
			t.Fatalf("a record of %d of %d events", n, len(events))
		}
		if real := len(data) + len(strconv.Itoa(lane)); size < real {
			t.Fatalf("a record of %d events is accounted for with %d bytes and has %d", n, size, real)
		}
		if n > 1 && size > limit {
			t.Fatalf("a record of %d events has %d bytes, want %d at most", n, size, limit)
		}
		got, err := unpack(packing, strconv.Itoa(lane), data)
		if err != nil || len(got) != n {
			t.Fatalf("a record of %d events: got %d and %v", n, len(got), err)
		}
		all = append(all, got...)
		events = events[n:]
	}
	return all
}

func TestSizesAreNeverLessThanTheyTurnOut(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 3))
	sizes := []int{0, 1, 120, 126, 127, 128, 129, 130, 16_375, 16_383, 16_384, 16_390, 65_000, 1 << 18, 1<<18 - 130, 2_097_140, 2_097_152}
	for _, c := range packings {
		t.Run(c.name, func(t *testing.T) {
			for range 60 {
				var events [][]byte
				for range 1 + random.IntN(40) {
					size := random.IntN(3000)
					if random.IntN(3) == 0 {
						size = max(0, sizes[random.IntN(len(sizes))]+random.IntN(5)-2)
					}
					if random.IntN(10) > 0 {
						size %= 20_000
					}
					events = append(events, bytes.Repeat([]byte{byte('a' + random.IntN(26))}, size))
				}
				lane, limit := random.IntN(kinesis.Lanes), 1+random.IntN(kinesis.PackLimit)
				wantEvents(t, packedAll(t, c.packing, lane, limit, events), events)
			}
		})
	}
}

// The tail of a record is wasted if the next event would have fitted.
func TestARecordTakesWhatFits(t *testing.T) {
	for _, c := range packings {
		if c.packing == kinesis.None {
			continue
		}
		var events [][]byte
		for range 20_000 {
			events = append(events, []byte(`{"id":1,"text":"some text"}`))
		}
		n, size, data := kinesis.PackNext(c.packing, batchOf(events...), 1023, kinesis.PackLimit)
		if n < 5000 || size < kinesis.PackLimit-100 || len(data) < kinesis.PackLimit-150 {
			t.Errorf("%s: got %d events in %d bytes, accounted for with %d, want nearly %d", c.name, n, len(data), size, kinesis.PackLimit)
		}
	}
}

// A batch is done when its last lane is: where many wait for a shard, each has to
// have its turn soon.
func TestRecordsAreSmallerWhereManyLanesWait(t *testing.T) {
	for _, c := range []struct {
		others int
		rate   float64
		want   int
	}{
		{0, 1, 256 << 10}, {1, 1, 128 << 10}, {0, 0.5, 128 << 10}, {15, 1, 16 << 10}, {1023, 1, 4 << 10}, {0, 0.01, 4 << 10},
	} {
		if got := kinesis.Packable(c.others, c.rate); got != c.want {
			t.Errorf("%d lanes wait for a shard at %v of its rate: got records of %d bytes, want %d", c.others, c.rate, got, c.want)
		}
	}
}

// FuzzPacking packs the pieces of any bytes and splits the records again.
func FuzzPacking(f *testing.F) {
	f.Add(uint8(0), uint16(0), uint16(3), []byte("one\ntwo\n\nthree"))
	f.Add(uint8(1), uint16(1023), uint16(1), []byte("a\n\nb"))
	f.Add(uint8(2), uint16(7), uint16(300), bytes.Repeat([]byte("{\"id\":1}\n"), 40))
	f.Add(uint8(2), uint16(100), uint16(1), []byte("\xf3\x89\x9a\xc2\n\xf3\x89\x9a\xc2"))
	f.Add(uint8(2), uint16(1000), uint16(20_000), bytes.Repeat([]byte{0}, 150))
	f.Fuzz(func(t *testing.T, kind uint8, lane, repeat uint16, text []byte) {
		packing := packings[int(kind)%len(packings)].packing
		var events [][]byte
		for _, piece := range bytes.Split(text, []byte("\n")) {
			if len(piece) == 0 || bytes.HasPrefix(piece, []byte("\xf3\x89\x9a\xc2")) {
				continue // no event has these
			}
			events = append(events, piece)
		}
		if n := len(events); n > 0 {
			for i := range int(repeat) % 50 {
				events = append(events, bytes.Repeat(events[i%n], 1+int(repeat)%700))
			}
		}
		wantEvents(t, packedAll(t, packing, int(lane)%kinesis.Lanes, 1<<10+4*int(repeat), events), events)
	})
}

func wantEvents(t *testing.T, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d events, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("event %d: got %d bytes %.60q, want %d bytes %.60q", i, len(got[i]), got[i], len(want[i]), want[i])
		}
	}
}

// batchOf is a batch of events for one lane.
func batchOf(events ...[]byte) *publish.Batch {
	b := new(publish.Batch)
	for _, e := range events {
		b.Add(orders, 0, []byte(`{"id":1}`), e)
	}
	return b
}
