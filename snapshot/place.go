package snapshot

import (
	"time"

	"github.com/tailrace/tailrace/event"
)

// A place is where the stream is: what is read and handed on comes to stand there.
type place struct {
	reached func(at, target event.Position) bool // the source's

	position event.Position // the last end of a transaction
	bound    uint64
	open     bool           // something of the next transaction was handed on
	past     event.Position // up to here an earlier life may have published: rows come behind; "" once it has passed
	clock    int64          // the last commit time, Unix milliseconds
	moved    time.Time      // when the stream has last brought a change
	waiting  time.Time      // from when on the stream has had nothing more; zero while it has
}

// reach notes the end of a transaction. It reports whether the stream has passed past
// with it.
func (p *place) reach(at event.Position, bound uint64) bool {
	p.position, p.bound, p.open = at, bound, false
	if p.past == "" || !p.reached(at, p.past) {
		return false
	}
	p.past = ""
	return true
}

// passed reports whether the stream has brought all that is before target.
func (p *place) passed(target event.Position) bool { return p.reached(p.position, target) }

// commit is that of the vers of rows that are handed on here (C2.4).
func (p *place) commit() uint64 { return max(p.bound, 1) - 1 } // of a start by GTID the place is not known

// heard notes that the stream has brought a unit.
func (p *place) heard(u *event.Unit) {
	p.waiting = time.Time{}
	if u.Millis != 0 {
		p.clock = u.Millis
	}
	if len(u.Items) > 0 {
		p.moved = time.Now()
	}
}

// lively reports whether the stream has brought a change lately.
func (p *place) lively(now time.Time) bool { return now.Sub(p.moved) < lively }

// wait notes that the stream has nothing more.
func (p *place) wait() {
	if p.waiting.IsZero() {
		p.waiting = time.Now()
	}
}

// still is for how long the stream has had nothing more.
func (p *place) still(now time.Time) time.Duration {
	if p.waiting.IsZero() {
		return 0
	}
	return now.Sub(p.waiting)
}

// atEnd is for how long a stream that catches up brings something again. One that has
// had nothing more for longer has reached the end of its log.
const atEnd = 100 * time.Millisecond

// behind is how old the last commit is. At the end of the log it is as old as it likes,
// and that is 0.
func (p *place) behind(now time.Time) time.Duration {
	if p.clock == 0 || p.still(now) > atEnd {
		return 0
	}
	return now.Sub(time.UnixMilli(p.clock))
}
