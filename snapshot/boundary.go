package snapshot

import (
	"slices"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
)

// arrive takes a unit of the stream. What is due at the last end of a transaction in
// it is put between what is before that and what is behind. It returns a unit that may
// be filled next.
func (j *Join) arrive(u *event.Unit) *event.Unit {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waiting = time.Time{}
	if u.Millis != 0 {
		j.clock = u.Millis
	}
	j.settle.deliver(u.Txns)
	if u.Position == "" {
		j.observe(u, u.Items)
		j.open = j.open || len(u.Items) > 0
		j.push(u)
		return j.unit()
	}
	end := lastEnd(u.Items)
	j.observe(u, u.Items[:end])
	j.reach(u.Position, u.Bound)
	switch {
	case len(u.Items) == end:
		j.push(u)
		j.unhide()
		return j.unit() // what is due here is found by due
	case j.anyDue():
		j.rest = j.cut(u, end)
		j.push(u)
		j.unhide()
		j.here()
		j.observe(j.rest, j.rest.Items)
	default:
		j.arm()
		j.observe(u, u.Items[end:])
		j.push(u)
		j.unhide()
	}
	j.open = true
	return j.unit()
}

// push hands on a unit of the stream, without what was or will be copied of it. What
// lies behind a place where a table is yet to be read is not looked at before that.
func (j *Join) push(u *event.Unit) {
	j.hide(u)
	j.out = append(j.out, outgoing{u, j.tell()})
}

// lastEnd returns how many items there are up to and with the last end of a
// transaction.
func lastEnd(items []event.Item) int {
	for i := len(items) - 1; i >= 0; i-- {
		if items[i].Op == event.End {
			return i + 1
		}
	}
	return 0
}

// cut moves what is behind the first n items of u into a unit of its own.
func (j *Join) cut(u *event.Unit, n int) *event.Unit {
	rest := j.unit()
	from := uint32(len(u.Raw))
	for i := n; i < len(u.Items); i++ {
		from = min(from, u.Items[i].Start)
	}
	rest.Raw = append(rest.Raw, u.Raw[from:]...)
	rest.Items = append(rest.Items, u.Items[n:]...)
	for i := range rest.Items {
		it := &rest.Items[i]
		if it.End != 0 { // an item without bytes has no place
			it.Start, it.End = it.Start-from, it.End-from
		}
	}
	rest.Txns = append(rest.Txns, u.Txns...)
	rest.Split = u.Split
	rest.Cost = u.Cost * len(rest.Items) / len(u.Items)
	clear(u.Items[n:])
	u.Items = u.Items[:n]
	u.Cost -= rest.Cost
	return rest
}

// anyDue reports whether something is to be handed on at this end of a transaction.
func (j *Join) anyDue() bool {
	if !j.may() {
		return false
	}
	if j.hold != nil && j.settle.settled {
		return true
	}
	for _, w := range j.windows {
		if j.releasable(w) {
			return true
		}
	}
	return false
}

// may reports whether rows may be read and handed on at all: not before the stream has
// passed what an earlier life may have published, nor before it is durable that this one
// does.
func (j *Join) may() bool {
	return j.past == "" && j.living && j.durable == j.state.Life
}

// reach notes the end of a transaction.
func (j *Join) reach(at event.Position, bound uint64) {
	j.position, j.bound, j.open = at, bound, false
	if j.past != "" && j.reached(at, j.past) {
		j.past = ""
		j.notify()
	}
}

// here does what is due at this end of a transaction: the reader stands directly
// behind it.
func (j *Join) here() {
	if !j.may() {
		return
	}
	for _, w := range slices.Clone(j.windows) {
		if len(j.out) < atOnce && j.releasable(w) {
			j.release(w)
		}
	}
	j.arm()
	if j.hold != nil && !j.hold.granted && j.settle.settled {
		j.hold.granted, j.hold.seen = true, j.delivered()
		close(j.hold.begun)
	}
}

// arm begins to note keys for those who wait for that (C5.1).
func (j *Join) arm() {
	if !j.may() || !j.settle.settled {
		return
	}
	for _, w := range j.arms {
		w.lost = w.lost || j.active[w.c.table] != w.c // it was cancelled: nothing is noted for it
		w.low = j.seq
		w.seen = j.delivered()
		j.windows = append(j.windows, w)
		close(w.armed)
	}
	j.arms = nil
}

// delivered is what a view that is opened now must show.
func (j *Join) delivered() capture.Delivered {
	return capture.Delivered{Position: j.position, Txns: slices.Clone(j.settle.txns)}
}

func (j *Join) unit() *event.Unit {
	select {
	case u := <-j.unused:
		return u
	default:
		return new(event.Unit)
	}
}

// keep is how large the buffer of a unit may be that is used again.
const keep = 1 << 20

func (j *Join) putUnit(u *event.Unit) {
	if cap(u.Raw) > keep {
		return
	}
	u.Reset()
	select {
	case j.unused <- u:
	default:
	}
}
