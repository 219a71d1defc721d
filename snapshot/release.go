package snapshot

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
)

// releasable reports whether something of a window may be handed on here, or is to be
// taken back.
func (j *Join) releasable(w *window) bool {
	return w.offered && (w.lost || j.roomy() && j.place.passed(w.chunk.End))
}

// release hands on the next rows of a window whose view shows nothing that the stream
// has not brought: units until they are so many bytes. Each row is judged at the place
// where it is handed on, so that a large chunk need not go at once.
func (j *Join) release(w *window, bytes int) {
	if w.lost || w.c.last != "" && w.chunk.Table != nil && w.c.last != w.chunk.Table.Version { // C5.6
		j.takeBack(w)
		return
	}
	for bytes > 0 && w.gone < len(w.units) {
		u := w.units[w.gone]
		w.units[w.gone] = nil
		w.gone++
		bytes -= u.Cost
		w.kept += j.judge(w, u)
		if len(u.Items) == 0 {
			j.pool.put(u)
			continue
		}
		j.stamp(&w.chunk, u)
		j.outbox.pushRows(u)
	}
	if w.gone < len(w.units) {
		j.Look() // it may be that nothing of these was left to hand on
		return
	}
	c := w.c
	c.rows += w.kept
	c.why = ""
	c.done(w.p)
	j.shut(w)
	if c.finished() {
		j.finish(c, Done, "")
	}
	j.ledger.late = true
	if last := j.outbox.last(); last != nil && last.state == nil {
		last.state = j.ledger.tell()
	}
}

// stamp gives a unit of read rows the place where the stream is, and the next number of
// this life: vers rise as the rows are handed on, and no two lives have the same (C2.4).
func (j *Join) stamp(c *capture.Chunk, u *event.Unit) {
	txn := c.Txn
	txn.Commit, txn.Snapshot = j.place.commit(), true
	u.Txns = append(u.Txns[:0], txn)
	number := j.ledger.next()
	for i := range u.Items {
		it := &u.Items[i]
		it.Txn, it.Event, it.Pos = 0, number, c.Pos
	}
	j.outbox.announce(u, c.Table)
}

// judge takes out of a unit what the reader has from the stream, and returns how many
// rows are left.
func (j *Join) judge(w *window, u *event.Unit) uint64 {
	if w.c.keys.latest <= w.low {
		return uint64(len(u.Items))
	}
	kept := u.Items[:0]
	var key []byte
	for i := range u.Items {
		it := u.Items[i]
		j.change.Op, j.change.Table = it.Op, it.Table
		v := keepRow
		err := u.Split.Split(u, &it, &j.change, func(ch *event.Change) error {
			var ok bool
			if key, ok = appendIdentity(key[:0], ch.Table, ch.After); !ok {
				return nil // the encoder says why
			}
			if v = w.c.keys.judge(key, w.low, w.shows); v == readAgain {
				j.again(w.c, ch.Table, ch.After)
			}
			return nil
		})
		if err != nil || v == keepRow {
			kept = append(kept, it)
		}
	}
	clear(u.Items[len(kept):])
	u.Items = kept
	return uint64(len(kept))
}

// takeBack has the part of a window read again.
func (j *Join) takeBack(w *window) {
	w.p.busy = false
	if w.gone > 0 {
		w.c.begun = true
	}
	for _, u := range w.units[w.gone:] {
		j.pool.put(u)
	}
	w.c.last = "" // the next chunk has the columns of its own time
	j.shut(w)
}
