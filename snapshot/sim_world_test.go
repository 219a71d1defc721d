package snapshot_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A row of a table of the world. n rises with each change of it, wide seldom changes
// and is left out of an event where it has not, like a TOASTed value.
type row struct {
	n    int
	wide string
}

// An act is one change of a transaction.
type act struct {
	table    string
	op       byte // c, u, d, t
	key, old int  // old differs from key where the key changes
	row      row
	partial  bool // the event does not carry wide
}

// A commit is one transaction of the world's log.
type commit struct {
	id    uint64
	at    uint64 // its place in the log; the place behind it is one more
	acts  []act
	shown bool // is visible to views; a standby may hold that up after it is in the log
}

// A world is a database: its log, and what views see of it.
type world struct {
	mu     sync.Mutex
	log    []*commit
	tables []string
	keyed  map[string]bool
	locked map[string]bool // rows of transactions that are not visible yet
	now    map[string]map[int]row
	more   chan struct{} // closed and made anew when the log grows
	ids    uint64
	high   map[string]int // the highest n that a key ever had
}

func newWorld(rng *rand.Rand, rows int) *world {
	w := &world{
		tables: []string{"s.a", "s.b", "s.keyless"}, keyed: map[string]bool{"s.a": true, "s.b": true},
		locked: make(map[string]bool), now: make(map[string]map[int]row), more: make(chan struct{}), high: make(map[string]int),
	}
	var c commit
	for _, t := range w.tables {
		w.now[t] = make(map[int]row)
		for range rows {
			a := act{table: t, op: 'c', key: rng.IntN(3 * rows), row: row{wide: "w0"}}
			if _, there := w.now[t][a.key]; !there {
				a.old = a.key
				c.acts = append(c.acts, a)
				w.apply(w.now[t], a)
			}
		}
	}
	c.id, c.at, c.shown = 1, 100, true
	w.ids, w.log = 1, []*commit{&c}
	return w
}

func (w *world) apply(rows map[int]row, a act) {
	switch a.op {
	case 'c':
		rows[a.key] = a.row
	case 'u':
		delete(rows, a.old)
		rows[a.key] = a.row
	case 'd':
		delete(rows, a.key)
	case 't':
		clear(rows)
	}
}

func name(table string, key int) string { return fmt.Sprint(table, "/", key) }

// write makes one transaction, which views may show only a while after it is in the log.
// Its rows are locked until then.
func (w *world) write(rng *rand.Rand) {
	w.mu.Lock()
	c := &commit{}
	mine := make(map[string]bool)
	for range 1 + rng.IntN(4) {
		t := w.tables[rng.IntN(len(w.tables))]
		key := rng.IntN(3 * 40)
		rows := w.now[t]
		if w.locked[name(t, key)] || mine[name(t, key)] || w.locked[name(t, -1)] {
			continue
		}
		a := act{table: t, key: key, old: key}
		old, there := rows[key]
		n := w.high[name(t, key)] + 1
		switch {
		case !there:
			a.op, a.row = 'c', row{n, fmt.Sprint("w", n)}
		case rng.IntN(5) == 0:
			a.op = 'd'
		case rng.IntN(6) == 0:
			to := rng.IntN(3 * 40)
			if _, taken := rows[to]; taken || to == key || w.locked[name(t, to)] || mine[name(t, to)] {
				continue
			}
			n = max(n, w.high[name(t, to)]+1)
			a.op, a.key, a.row, a.partial = 'u', to, row{n, old.wide}, w.keyed[t] && rng.IntN(2) == 0
		case rng.IntN(3) == 0:
			a.op, a.row = 'u', row{n, fmt.Sprint("w", n)}
		default:
			a.op, a.row, a.partial = 'u', row{n, old.wide}, w.keyed[t]
		}
		w.high[name(t, key)], w.high[name(t, a.key)] = max(n, w.high[name(t, key)]), max(n, w.high[name(t, a.key)])
		mine[name(t, key)], mine[name(t, a.key)] = true, true
		c.acts = append(c.acts, a)
		w.apply(rows, a)
	}
	if rng.IntN(60) == 0 {
		t := w.tables[rng.IntN(len(w.tables))]
		free := true
		for k := range 3 * 40 {
			free = free && !w.locked[name(t, k)] && !mine[name(t, k)]
		}
		if free {
			a := act{table: t, op: 't', key: -1, old: -1}
			c.acts = append(c.acts, a)
			mine[name(t, -1)] = true
			for k := range 3 * 40 {
				mine[name(t, k)] = true
			}
			w.apply(w.now[t], a)
		}
	}
	w.ids++
	c.id = w.ids
	for m := range mine {
		w.locked[m] = true
	}
	w.mu.Unlock()

	time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond) // it writes
	w.mu.Lock()
	c.at = w.log[len(w.log)-1].at + 2 + uint64(rng.IntN(20))
	w.log = append(w.log, c)
	close(w.more)
	w.more = make(chan struct{})
	w.mu.Unlock()

	if rng.IntN(3) == 0 {
		time.Sleep(time.Duration(rng.IntN(40)) * time.Millisecond) // a standby is slow
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c.shown = true
	for m := range mine {
		delete(w.locked, m)
	}
}

// at returns the rows of a table by the transactions that shows chooses.
func (w *world) at(table string, shows func(*commit) bool) map[int]row {
	rows := make(map[int]row)
	for _, c := range w.log {
		if !shows(c) {
			continue
		}
		for _, a := range c.acts {
			if a.table == table {
				w.apply(rows, a)
			}
		}
	}
	return rows
}

// end is the place behind the log.
func (w *world) end() uint64 { return w.log[len(w.log)-1].at + 1 }

func keysOf(rows map[int]row) []int {
	keys := make([]int, 0, len(rows))
	for k := range rows {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
