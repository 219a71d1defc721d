package snapshot

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
)

// A tracker notes which keys the stream's events touch, of tables with open windows
// (C5.1). It answers for what the noted keys take; each table's are in its copying.
type tracker struct {
	windows []*window // that are open
	arms    []*window // that wait for the end of a transaction
	seq     uint64    // of the changes that were looked at
	noted   int       // bytes of keys
}

// A window lasts from where the keys of a table begin to be noted to where the rows of
// a chunk are handed on.
type window struct {
	c     *copying
	p     *part
	armed chan struct{} // closed once low and seen are there
	low   uint64
	seen  capture.Delivered

	lost bool // the rows are of no use: the part is read again

	offered bool // chunk and units are there
	chunk   capture.Chunk
	shows   func(*event.Txn) bool
	units   []*event.Unit
	gone    int    // units that were handed on
	kept    uint64 // rows of them
}

// open begins to note keys for a window. seen is what its view must show.
func (t *tracker) open(w *window, seen capture.Delivered) {
	w.low, w.seen = t.seq, seen
	t.windows = append(t.windows, w)
	close(w.armed)
}

// shut takes a window out.
func (t *tracker) shut(w *window) {
	t.windows = slices.DeleteFunc(t.windows, func(o *window) bool { return o == w })
	t.arms = slices.DeleteFunc(t.arms, func(o *window) bool { return o == w })
	if !t.watches(w.c) {
		t.forget(w.c)
	}
}

// watches reports whether a window of the table is open.
func (t *tracker) watches(c *copying) bool {
	return slices.ContainsFunc(t.windows, func(w *window) bool { return w.c == c })
}

// lose makes the rows of all windows of a table useless.
func (t *tracker) lose(c *copying) {
	for _, w := range slices.Concat(t.windows, t.arms) {
		if w.c == c {
			w.lost = true
		}
	}
}

// note notes a key. txn is that of an event without the whole row, nil for one with it.
func (t *tracker) note(c *copying, key []byte, txn *event.Txn) {
	before := c.keys.bytes
	c.keys.note(key, t.seq, txn)
	t.noted += c.keys.bytes - before
}

func (t *tracker) forget(c *copying) {
	t.noted -= c.keys.bytes
	c.keys = touches{}
}

// fit makes the noted keys fit into limit bytes. It returns the copy whose rows were
// given up for that, nil if there is none.
func (t *tracker) fit(limit int) *copying {
	if t.noted <= limit {
		return nil
	}
	t.sweep()
	if t.noted <= limit/2 {
		return nil
	}
	most := t.windows[0].c
	for _, w := range t.windows {
		if w.c.keys.bytes > most.keys.bytes {
			most = w.c
		}
	}
	t.lose(most)
	t.forget(most)
	return most
}

// sweep forgets keys that no window needs.
func (t *tracker) sweep() {
	lows := make(map[*copying]uint64)
	for _, w := range t.windows {
		if low, found := lows[w.c]; !found || w.low < low {
			lows[w.c] = w.low
		}
	}
	t.noted = 0
	for c, low := range lows {
		c.keys.sweep(low)
		t.noted += c.keys.bytes
	}
}
