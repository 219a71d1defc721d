package snapshot

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
)

// arrive takes what the stream has brought. What is due at the last end of a transaction
// in it is put between what is before that and what is behind.
func (j *Join) arrive(a arrival) error {
	j.asked = false
	if a.err != nil {
		return a.err
	}
	u := a.unit
	j.mu.Lock()
	defer j.mu.Unlock()
	j.place.heard(u)
	j.settle.deliver(u.Txns)
	if u.Position == "" {
		j.observe(u, u.Items)
		j.place.open = j.place.open || len(u.Items) > 0
		j.push(u)
		return nil
	}
	end := lastEnd(u.Items)
	j.observe(u, u.Items[:end])
	if j.place.reach(u.Position, u.Bound) {
		j.notify()
	}
	switch {
	case len(u.Items) == end:
		j.push(u)
		j.ledger.unhide(j.place.passed)
		return nil // what is due here is found by due
	case j.anyDue():
		rest := j.pool.get()
		cut(u, end, rest)
		j.outbox.rest = rest
		j.push(u)
		j.ledger.unhide(j.place.passed)
		j.here()
		j.observe(rest, rest.Items)
	default:
		j.arm()
		j.observe(u, u.Items[end:])
		j.push(u)
		j.ledger.unhide(j.place.passed)
	}
	j.place.open = true
	return nil
}

// push hands on a unit of the stream, without what was or will be copied of it. What
// lies behind a place where a table is yet to be read is not looked at before that.
func (j *Join) push(u *event.Unit) {
	j.ledger.hide(u)
	j.outbox.push(u, j.ledger.tell())
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

// cut moves what is behind the first n items of u into rest, which is empty.
func cut(u *event.Unit, n int, rest *event.Unit) {
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
}

// anyDue reports whether something is to be handed on at this end of a transaction.
func (j *Join) anyDue() bool {
	if !j.may() {
		return false
	}
	if j.hold != nil && j.settle.settled {
		return true
	}
	for _, w := range j.tracker.windows {
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
	return j.place.past == "" && j.ledger.durable()
}

// here does what is due at this end of a transaction: the reader stands directly
// behind it.
func (j *Join) here() {
	if !j.may() {
		return
	}
	for _, w := range slices.Clone(j.tracker.windows) {
		if left := j.atOnce() - j.outbox.cost(); left > 0 && j.releasable(w) {
			j.release(w, left)
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
	for _, w := range j.tracker.arms {
		w.lost = w.lost || !j.ledger.turn(w.c) // it was cancelled: nothing is noted for it
		j.tracker.open(w, j.delivered())
	}
	j.tracker.arms = nil
}

// delivered is what a view that is opened now must show.
func (j *Join) delivered() capture.Delivered {
	return capture.Delivered{Position: j.place.position, Txns: slices.Clone(j.settle.txns)}
}
