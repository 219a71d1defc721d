package kinesis

import "github.com/tailrace/tailrace/internal/failure"

// A Packing says how events become records. Each event is followed by a line
// break in all of them, because Firehose joins what it reads without one.
type Packing uint8

// The packings.
const (
	Lines Packing = iota // the events that wait in a lane, in one record, a line each
	None                 // one event per record
	KPL                  // as Lines, in the aggregation of the Kinesis Producer Library
)

// ParsePacking returns the Packing that has a name in the configuration; "" is
// Lines.
func ParsePacking(name string) (Packing, error) {
	switch name {
	case "", "lines":
		return Lines, nil
	case "none":
		return None, nil
	case "kpl":
		return KPL, nil
	}
	return 0, failure.Usage("use lines, none or kpl", "packing %q is not known", name)
}

// How large a record may become by packing. The upper limit is enough for a lane
// to fill its shard alone in spite of waiting for answers, and small enough for
// everything that reads streams. The lower one, at which a shard's 1 MB/s is 250
// records, is for a shard that many lanes wait for: a batch is done when its last
// lane is, so that each has to have its turn soon.
const (
	packLimit  = 256 << 10
	leastLimit = 4 << 10
)

// packable returns how large the next record of a lane may become by packing,
// where so many others wait for its shard, which takes a part of its full rate.
func packable(others int, rate float64) int {
	return max(leastLimit, int(packLimit*rate)/(1+others))
}

// choose returns those of the entries, at least the first, that go into the next
// record of up to limit bytes, and the record's size as Kinesis counts it: data and
// partition key.
func (p Packing) choose(entries []entry, key string, limit int) (chosen []entry, size int) {
	if p == None {
		return entries[:1], len(key) + entries[0].size() + 1
	}
	n := 0
	size = len(key)
	if p == KPL {
		size += aggregateSize(key)
	}
	for n < len(entries) {
		more := entries[n].size() + 1
		if p == KPL {
			more = aggregatedSize(more)
		}
		if n > 0 && size+more > limit {
			break
		}
		size += more
		n++
	}
	if p == KPL && n == 1 {
		size = len(key) + entries[0].size() + 1 // it is not aggregated
	}
	return entries[:n], size
}

// pack appends the record's data to dst.
func (p Packing) pack(dst []byte, entries []entry, at *point) []byte {
	if p == KPL && len(entries) > 1 {
		return appendAggregate(dst, entries, at)
	}
	for _, e := range entries {
		dst = append(dst, e.bytes()...)
		dst = append(dst, '\n')
	}
	return dst
}
