package kinesis

import (
	"math/big"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Lanes is the number of lanes of a stream. It never changes: with another
// number, the events of a key would go elsewhere and could overtake those before.
const Lanes = 1024

// laneOf returns the lane of a murmur2 hash, chosen as Kafka's partitions are.
func laneOf(hash uint32) int { return int(hash&0x7fffffff) % Lanes }

// A point is where a lane is in the stream's hash space, in the two forms that
// are used: the number and the decimal text of a record's ExplicitHashKey. name
// is the partition key of its records.
type point struct {
	number *big.Int
	text   string
	name   string
}

// points are those of all lanes: the middles of 1,024 equal parts of the space of
// 128 bits, so that a shard of half, a third or a tenth of it gets its share.
var points = func() (all [Lanes]point) {
	const part = 128 - 10 // bits
	for i := range all {
		n := big.NewInt(int64(2*i + 1))
		n.Lsh(n, part-1)
		all[i] = point{number: n, text: n.String(), name: strconv.Itoa(i)}
	}
	return all
}()

// An entry is one event in a lane: where its bytes are in the batch of f.
type entry struct {
	f          *flight
	start, end uint32
}

func (e entry) bytes() []byte { return e.f.batch.Buf[e.start:e.end] }
func (e entry) size() int     { return int(e.end - e.start) }

// A lane is a queue of events of which the first are on their way. It belongs to
// its outlet's mutex.
type lane struct {
	queue  []entry
	head   int // entries before it are stored
	flying int // entries of the record on its way or to be sent again; they stay the same until it is stored
	size   int // of that record
	state  laneState
	due    time.Time // the record is not sent again before
	delay  *backoff.ExponentialBackOff

	stats LaneStats // Events, Bytes, Records and Repeats
}

type laneState uint8

const (
	idle    laneState = iota // it has no events
	waiting                  // it is in one of the outlet's queues
	sent                     // its record is on its way
)

// keepEntries is how many entries a lane may hold room for when it is empty: after
// an outage most of them are not needed again.
const keepEntries = 256

// drop forgets the first n entries. The record that held them must not be on its
// way: what is sent reads the queue.
func (l *lane) drop(n int) {
	clear(l.queue[l.head : l.head+n])
	l.head += n
	switch {
	case l.head < len(l.queue) && l.head < len(l.queue)/2:
		return
	case l.head == len(l.queue) && cap(l.queue) > keepEntries:
		l.queue = nil
	default:
		rest := copy(l.queue, l.queue[l.head:])
		clear(l.queue[rest:])
		l.queue = l.queue[:rest]
	}
	l.head = 0
}

// How long a record that failed waits before it is sent again: soon at first,
// since most failures are those of one machine of the service.
const (
	firstDelay = 20 * time.Millisecond
	mostDelay  = 5 * time.Second
)

// failed notes that the record could not be stored, and until when it waits.
func (l *lane) failed(now time.Time) {
	if l.delay == nil {
		l.delay = backoff.NewExponentialBackOff()
		l.delay.InitialInterval, l.delay.MaxInterval, l.delay.Multiplier = firstDelay, mostDelay, 2
	}
	l.due = now.Add(l.delay.NextBackOff())
	l.stats.Repeats++
}

// succeeded notes that the record is stored.
func (l *lane) succeeded() {
	l.due, l.delay = time.Time{}, nil
}
