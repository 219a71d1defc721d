package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A writer changes the table orders and knows which keys are in it.
type writer struct {
	source  source
	r       *rand.Rand
	ids     []int // of the rows that there are
	free    []int // of those that are gone: they come again
	changes int   // committed
}

// write commits transactions until so many changes are committed in all.
func (w *writer) write(ctx context.Context, changes int) error {
	for w.changes < changes {
		var statements []string
		for range 1 + w.r.IntN(12) {
			statements = append(statements, w.change())
		}
		if err := w.source.exec(ctx, statements...); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		w.changes += len(statements)
	}
	return nil
}

// change returns a statement that changes one row.
func (w *writer) change() string {
	kind := w.r.IntN(100)
	if len(w.ids) < 10 || kind < 45 {
		id := w.newID()
		w.ids = append(w.ids, id)
		return fmt.Sprintf("INSERT INTO orders VALUES (%d, %s)", id, strings.Join(w.values(), ", "))
	}
	at := w.r.IntN(len(w.ids))
	id := w.ids[at]
	switch {
	case kind < 75:
		// A total that no row had, or nothing might change.
		sets := []string{fmt.Sprintf("total = %d.%02d", w.r.IntN(1_000_000_000), w.r.IntN(100))}
		for i, name := range []string{"region", "", "paid", "placed", "changed", "due", "detail", "picture"} {
			if name != "" && w.r.IntN(3) == 0 {
				sets = append(sets, name+" = "+w.values()[i])
			}
		}
		return fmt.Sprintf("UPDATE orders SET %s WHERE id = %d", strings.Join(sets, ", "), id)
	case kind < 88:
		w.ids = slices.Delete(w.ids, at, at+1)
		w.free = append(w.free, id)
		return fmt.Sprintf("DELETE FROM orders WHERE id = %d", id)
	default:
		w.ids[at] = w.newID()
		w.free = append(w.free, id)
		return fmt.Sprintf("UPDATE orders SET id = %d WHERE id = %d", w.ids[at], id)
	}
}

// newID returns the id of no row, and half of the time one that was of another
// row before.
func (w *writer) newID() int {
	if len(w.free) > 0 && w.r.IntN(2) == 0 {
		at := w.r.IntN(len(w.free))
		id := w.free[at]
		w.free = slices.Delete(w.free, at, at+1)
		return id
	}
	return len(w.ids) + len(w.free) + 1
}

// values returns one per column but the id, some of them NULL.
func (w *writer) values() []string {
	regions := []string{"'north'", "'süd'", "'it''s \"far\"'", "'東'", "'🌍'"}
	moment := func() string {
		return fmt.Sprintf("'2026-%02d-%02d %02d:%02d:%02d.%06d'", 1+w.r.IntN(12), 1+w.r.IntN(28), w.r.IntN(24), w.r.IntN(60), w.r.IntN(60), w.r.IntN(1_000_000))
	}
	all := []string{
		regions[w.r.IntN(len(regions))],
		fmt.Sprintf("%d.%02d", w.r.Int64N(19_999_999_999)-9_999_999_999, w.r.IntN(100)),
		[]string{"true", "false"}[w.r.IntN(2)],
		moment(), moment(), moment()[:11] + "'",
		fmt.Sprintf(`'{"n": %d, "tags": ["a"]}'`, w.r.IntN(1000)),
		w.source.bytes(fmt.Sprintf("%08x", w.r.Uint32())),
	}
	for i := range all {
		if w.r.IntN(10) == 0 {
			all[i] = "NULL"
		}
	}
	return all
}
