package kinesis

import (
	"math/big"
	"time"

	"github.com/tailrace/tailrace/publish"
)

// Where records land can be seen in a stream, but not for all lanes and packings in
// a time that a test may take.

// LaneOf is laneOf.
func LaneOf(hash uint32) int { return laneOf(hash) }

// PointOf returns the place of a lane in the hash space, in both of its forms, and
// the partition key of its records.
func PointOf(lane int) (number *big.Int, text, name string) {
	at := &points[lane]
	return at.number, at.text, at.name
}

// Packable is packable, and PackLimit what it is at most.
func Packable(others int, rate float64) int { return packable(others, rate) }

const PackLimit = packLimit

// PackNext packs the first of the values of b that share a record of up to limit
// bytes, at least one, as a lane would. It returns how many they are, the record's size as it is accounted
// for, and its data.
func PackNext(p Packing, b *publish.Batch, lane, limit int) (n, size int, data []byte) {
	f := &flight{batch: b}
	entries := make([]entry, len(b.Records))
	for i, r := range b.Records {
		entries[i] = entry{f: f, start: r.KeyEnd, end: r.ValueEnd}
	}
	at := &points[lane]
	chosen, size := p.choose(entries, at.name, limit)
	return len(chosen), size, p.pack(nil, chosen, at)
}

// A Pace is a pace in a time that the test makes up.
type Pace struct{ p *pace }

// NewPace is newPace.
func NewPace(now time.Time) Pace { return Pace{newPace(now)} }

// Wait is wait.
func (p Pace) Wait(now time.Time) time.Duration { return p.p.wait(now) }

// Take is take.
func (p Pace) Take(size int) { p.p.take(size) }

// Refused is refused.
func (p Pace) Refused() { p.p.refused() }

// Took is took.
func (p Pace) Took() { p.p.took() }

// Rate returns what is sent of what a shard takes.
func (p Pace) Rate() float64 { return p.p.rate }
