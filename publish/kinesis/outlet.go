package kinesis

import (
	"sync"
	"time"

	"github.com/tailrace/tailrace/publish"
)

// An outlet is one stream: its lanes, its shards, and what is on its way there.
type outlet struct {
	p      *Publisher
	stream string
	wake   chan struct{} // there may be something to send
	stale  chan struct{} // records land in other shards than was thought

	background sync.WaitGroup // the dispatcher and its calls

	limit int // bytes of the largest record, with its key; under the Publisher's mutex

	mu     sync.Mutex
	lanes  [Lanes]lane
	again  []int // lanes with a record that must be sent again
	ready  []int // lanes with events and nothing on its way
	shards *shards
	paces  map[string]*pace // by shard
	pace   [Lanes]*pace     // that of each lane's shard
	calls  int              // on their way
	bytes  int              // of records in them
	width  width
}

// Limits of calls. A call has less than it might: several smaller ones at a time
// use less memory and don't wait for each other.
const (
	callRecords = 500
	callBytes   = 1 << 20
	mostCalls   = 8
	mostBytes   = 4 << 20 // in all calls, unless a single record is larger
)

// queue appends those events of f to their lanes whose size is taken.
func (o *outlet) queue(f *flight, takes func(size int) bool) {
	b := f.batch
	o.mu.Lock()
	for i := range b.Records {
		r := &b.Records[i]
		if !carried(r) || !takes(recordSize(r)) {
			continue
		}
		e := entry{f: f, start: r.KeyEnd, end: r.ValueEnd}
		first := laneOf(r.Hash)
		for n := range o.p.copies(r) {
			o.append((first+n)%Lanes, e)
		}
	}
	o.mu.Unlock()
	o.hurry()
}

// copies is in how many lanes an event goes.
func (p *Publisher) copies(r *publish.Record) int {
	if r.All && !p.cfg.ByTable {
		return Lanes
	}
	return 1
}

func (o *outlet) append(n int, e entry) {
	l := &o.lanes[n]
	l.queue = append(l.queue, e)
	if l.state == idle {
		l.state = waiting
		o.ready = append(o.ready, n)
	}
}

// hurry has the dispatcher look what can be sent.
func (o *outlet) hurry() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// dispatch is the dispatcher's goroutine: it starts calls, as many as may be on
// their way, until the Publisher's life ends.
func (o *outlet) dispatch() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-o.wake:
		case <-timer.C:
		case <-o.p.life.Done():
			return
		}
		for o.p.life.Err() == nil {
			c, wait := o.gather(time.Now())
			if c == nil {
				timer.Reset(wait)
				break
			}
			o.background.Go(func() { o.send(c) })
		}
	}
}

// rest is how long the dispatcher waits if nothing will be possible by time
// alone.
const rest = time.Hour

// gather returns what is to be sent next, or for how long there is nothing.
func (o *outlet) gather(now time.Time) (*call, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := gathering{o: o, now: now, call: new(call), others: max(0, len(o.again)+len(o.ready)-1) / len(o.shards.ids)}
	if o.calls >= o.width.calls() {
		return nil, rest
	}
	if g.wait = o.busy(now); g.wait > 0 {
		return nil, g.wait
	}
	g.wait = rest
	o.again = g.from(o.again)
	o.ready = g.from(o.ready)
	if len(g.call.parts) == 0 {
		return nil, g.wait
	}
	o.calls++
	o.bytes += g.call.bytes
	g.call.turns = o.width.turns
	return g.call, 0
}

// busy returns for how long no shard takes anything; 0 says that one does. A
// thousand lanes that wait need not be looked at then.
func (o *outlet) busy(now time.Time) time.Duration {
	least := rest
	for _, p := range o.paces {
		if least = min(least, p.wait(now)); least == 0 {
			break
		}
	}
	return least
}

// A gathering fills one call.
type gathering struct {
	o    *outlet
	now  time.Time
	call *call
	full bool
	wait time.Duration // until something more can be sent

	others int // lanes that wait for a shard beside the one at hand, on average
}

// from takes records from a queue of lanes and returns those that must wait, in
// their order.
func (g *gathering) from(queue []int) []int {
	kept := queue[:0]
	for i, n := range queue {
		if g.full {
			return append(kept, queue[i:]...)
		}
		if !g.take(n) {
			kept = append(kept, n)
		}
	}
	return kept
}

// take puts a lane's next record into the call, if it may be sent now.
func (g *gathering) take(n int) bool {
	o := g.o
	l := &o.lanes[n]
	if due := l.due.Sub(g.now); due > 0 {
		g.wait = min(g.wait, due)
		return false
	}
	shard, pace := o.shards.lane[n], o.pace[n]
	if short := pace.wait(g.now); short > 0 {
		g.wait = min(g.wait, short)
		return false
	}
	entries, size := l.queue[l.head:l.head+l.flying], l.size
	if l.flying == 0 {
		entries, size = o.p.cfg.Packing.choose(l.queue[l.head:], points[n].name, packable(g.others, pace.rate))
	}
	c := g.call
	alone := len(c.parts) == 0 && o.bytes == 0
	one, all := o.width.room()
	if room := min(one, all-o.bytes) - c.bytes; len(c.parts) == callRecords || size > room && !alone {
		g.full = true
		return false
	}
	pace.take(size)
	l.state, l.flying, l.size = sent, len(entries), size
	c.parts = append(c.parts, part{lane: n, shard: shard, size: size, entries: entries})
	c.bytes += size
	return true
}
