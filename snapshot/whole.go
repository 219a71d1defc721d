package snapshot

import (
	"context"
	"slices"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// A hold keeps the stream at a place while a table without a key is handed on there in
// one view: without keys nobody could tell which of its rows the stream has brought
// (C5.5).
type hold struct {
	begun   chan struct{} // closed once it is granted
	granted bool
	seen    capture.Delivered
	units   chan *event.Unit
}

// whole copies a table in one view.
func (w *worker) whole(ctx context.Context, c *copying) error {
	h := &hold{begun: make(chan struct{}), units: make(chan *event.Unit)}
	if !w.ask(ctx, h) {
		return ctx.Err()
	}
	defer w.resume()
	chunk, err := w.session.Open(ctx, c.table, h.seen, true)
	if err != nil {
		return err
	}
	shows, err := w.showing(chunk.View)
	if err == nil {
		err = w.pour(ctx, c, h, &chunk)
	}
	if e := w.session.Finish(ctx); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c.parts, c.rows, c.now = nil, c.rows+uint64(chunk.Rows), 0
	w.ledger.hidden = append(w.ledger.hidden, &hiding{checkpoint.HiddenTable{Table: c.table, View: chunk.View, End: string(chunk.End)}, shows})
	w.ledger.dirty = true
	w.finish(c, Done, "")
	return nil
}

// ask has the stream stop at the next end of a transaction. It reports false when ctx
// has ended.
func (w *worker) ask(ctx context.Context, h *hold) bool {
	free := func() bool {
		if w.hold != nil {
			return false
		}
		w.hold = h
		return true
	}
	if w.until(ctx, free) != nil {
		return false
	}
	w.Look()
	select {
	case <-h.begun:
		return true
	case <-ctx.Done():
		w.resume()
		return false
	}
}

// resume has the stream go on.
func (w *worker) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hold = nil
	w.notify()
	w.Look()
}

// pour reads all rows and hands them on as they come. Where some may have been handed
// on before, a truncate goes first.
func (w *worker) pour(ctx context.Context, c *copying, h *hold, chunk *capture.Chunk) error {
	send := func(u *event.Unit) error {
		w.mu.Lock()
		w.stamp(chunk, u)
		w.mu.Unlock()
		select {
		case h.units <- u:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	w.mu.Lock()
	if !slices.Contains(w.ledger.list, c) {
		w.mu.Unlock()
		return capture.ErrAgain // it was cancelled meanwhile
	}
	again := c.begun || c.rows > 0 || c.since < w.ledger.state.Life || c.id != 0
	c.begun, c.now = true, 0
	w.mu.Unlock()
	if again {
		u := w.pool.get()
		u.Split, u.Cost = truncation{}, chunk.Table.RowCost
		u.Items = append(u.Items, event.Item{Op: event.Truncate, Table: chunk.Table})
		if err := send(u); err != nil {
			return err
		}
	}
	var last *event.Unit
	next := func() (*event.Unit, error) {
		if last != nil {
			n := len(last.Items)
			if err := send(last); err != nil {
				return nil, err
			}
			if err := w.slow(ctx, c, n); err != nil {
				return nil, err
			}
		}
		last = w.pool.get()
		return last, nil
	}
	err := w.session.Read(ctx, chunk, capture.Part{Table: c.table, Whole: true}, capture.Limits{}, next)
	if err == nil && last != nil && len(last.Items) > 0 {
		err = send(last)
	}
	return err
}

// truncation is the splitter of a truncate that no log holds.
type truncation struct{}

// Split implements event.Splitter.
func (truncation) Split(_ *event.Unit, it *event.Item, c *event.Change, emit func(*event.Change) error) error {
	c.Before, c.After, c.Moved, c.Pos = nil, nil, nil, it.Pos
	return emit(c)
}

// slow counts rows that were handed on, and keeps a read within RowsPerSec.
func (w *worker) slow(ctx context.Context, c *copying, rows int) error {
	w.mu.Lock()
	c.now += uint64(rows)
	w.count(rows)
	timer := time.NewTimer(time.Until(w.pace.notBefore))
	w.mu.Unlock()
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
