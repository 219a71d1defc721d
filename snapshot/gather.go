package snapshot

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
)

// stepBytes is about how much of a chunk is read at once where processors are few. A
// server makes an answer in one go, however slowly it is read: the kernels between us
// take megabytes of it. In steps either the server is at work on rows or we are, and a
// processor is left for what the stream brings.
const stepBytes = 64 << 10

// gather reads the rows of a chunk into the units of its window, and returns their
// bytes. Beside a lively stream that lacks processors it goes step by step in the one
// view, and stops when a chunk's time is over.
func (w *worker) gather(ctx context.Context, t *task, win *window, chunk *capture.Chunk, room int) (bytes int, err error) {
	next := func() (*event.Unit, error) {
		u := w.pool.get()
		win.units = append(win.units, u)
		return u, ctx.Err()
	}
	part, left, rows := t.part(), capture.Limits{Rows: t.size, Bytes: room}, 0
	if part.Keys != nil {
		left.Rows = 0
	}
	for end := time.Now().Add(w.cfg.Chunk); ; {
		limits, from := w.step(t.c, left), len(win.units)
		if err := w.session.Read(ctx, chunk, part, limits, next); err != nil {
			return 0, err
		}
		n := 0
		for _, u := range win.units[from:] {
			n += len(u.Raw)
			for i := range u.Items {
				u.Items[i].Row += uint32(rows) // its number in the chunk
			}
		}
		w.fit(t.c, chunk.Rows, n)
		rows, bytes = rows+chunk.Rows, bytes+n
		left.Rows, left.Bytes = left.Rows-chunk.Rows, left.Bytes-n
		if chunk.Done || chunk.Rows == 0 || left.Rows <= 0 || left.Bytes <= 0 || time.Now().After(end) {
			chunk.Rows = rows
			return bytes, nil
		}
		part.After = chunk.Last
	}
}

// step returns what of a chunk is read next.
func (w *worker) step(c *copying, left capture.Limits) capture.Limits {
	w.mu.Lock()
	defer w.mu.Unlock()
	if left.Rows > 0 && w.scarce() {
		left.Rows = min(left.Rows, c.step)
	}
	return left
}

// fit adapts the next step to a read of so many rows and bytes.
func (w *worker) fit(c *copying, rows, bytes int) {
	if rows == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c.step = max(1, min(2*c.step, rows*stepBytes/max(bytes, 1)))
}
