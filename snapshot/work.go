package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// Work reads chunks on a connection of its own, one after the other.
func (j *Join) Work(ctx context.Context) {
	w := worker{Join: j}
	defer w.hangUp()
	for {
		t := j.next(ctx, w.session != nil)
		switch {
		case ctx.Err() != nil:
			return
		case t == nil:
			w.hangUp() // nothing is to be copied
			continue
		}
		err := w.connect(ctx)
		if err == nil {
			err = w.do(ctx, t)
		}
		j.after(t, err)
		if err == nil || errors.Is(err, capture.ErrAgain) || errors.Is(err, capture.ErrNoTable) || errors.Is(err, capture.ErrParts) {
			continue
		}
		w.hangUp() // who knows what is left in it
	}
}

// A worker is one connection.
type worker struct {
	*Join
	session capture.CopySession
}

func (w *worker) connect(ctx context.Context) (err error) {
	if w.session == nil {
		w.session, err = w.cfg.Copier.Connect(ctx)
	}
	return err
}

func (w *worker) hangUp() {
	if w.session != nil {
		_ = w.session.Close() // it holds nothing
		w.session = nil
	}
}

// A task is what a worker does next.
type task struct {
	c     *copying
	p     *part // nil: the whole table
	size  int
	split bool // another worker has nothing to do

	opened bool // a window was made of it, which gives its slot back
}

func (w *worker) do(ctx context.Context, t *task) error {
	if t.p == nil {
		return w.whole(ctx, t.c)
	}
	if t.split {
		key, err := w.session.Split(ctx, t.part(), ahead*t.size)
		if err != nil {
			return err
		}
		w.mu.Lock()
		if t.p.fenced = true; key != nil {
			t.c.split(t.p, key)
			w.notify()
		}
		w.mu.Unlock()
	}
	win, err := w.open(ctx, t)
	if err != nil {
		return err
	}
	err = w.read(ctx, t, win)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.shut(win)
		return err
	}
	win.offered = true
	w.Look()
	return nil
}

func (t *task) part() capture.Part {
	return capture.Part{Table: t.c.table, After: t.p.after, UpTo: t.p.upTo, Keys: t.p.keys, Where: t.c.where}
}

// open has the keys of the table noted from the next end of a transaction on.
func (w *worker) open(ctx context.Context, t *task) (*window, error) {
	win := &window{c: t.c, p: t.p, armed: make(chan struct{})}
	w.mu.Lock()
	w.tracker.arms = append(w.tracker.arms, win)
	t.opened = true
	w.mu.Unlock()
	w.Look()
	select {
	case <-win.armed:
		return win, nil
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		w.shut(win)
		return nil, ctx.Err()
	}
}

// read reads the chunk of a window.
func (w *worker) read(ctx context.Context, t *task, win *window) (err error) {
	begin := time.Now()
	chunk, err := w.session.Open(ctx, t.c.table, win.seen, false)
	if err != nil {
		return err
	}
	defer func() {
		if e := w.session.Finish(ctx); err == nil {
			err = e
		}
	}()
	if win.shows, err = w.showing(chunk.View); err != nil {
		return err
	}
	room := w.chunkBytes()
	bytes, err := w.gather(ctx, t, win, &chunk, room)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.p.keys != nil && !chunk.Done {
		return w.fewer(t)
	}
	if !chunk.Done && chunk.Last == nil {
		return failure.Stop("report this as a bug", "a read of table %s ended before its first row", t.c.table)
	}
	if shape := keyShape(&chunk); shape != t.c.shape {
		former := t.c.shape
		if t.c.shape = shape; former != "" {
			w.restart(t.c, "the key was altered")
			return nil // the window is lost
		}
	}
	win.chunk = chunk
	if !chunk.Done && t.p.keys == nil {
		t.c.shorten(t.p, chunk.Last)
	}
	if t.p.keys == nil {
		t.c.resize(chunk.Rows, bytes+itemSize*chunk.Rows, time.Since(begin), w.cfg.Chunk, room)
	}
	w.count(chunk.Rows)
	return nil
}

// fewer has keys read in two pieces, whose rows together are too many bytes.
func (w *worker) fewer(t *task) error {
	n := len(t.p.keys)
	if n == 1 {
		return failure.Stop("report this as a bug", "a read of one key of table %s has not brought its row", t.c.table)
	}
	t.c.again = append(t.c.again, t.p.keys[n/2:]...)
	t.p.keys = t.p.keys[:n/2]
	return fmt.Errorf("the rows of %d keys are too many bytes: %w", n, capture.ErrAgain)
}

// keyShape is what the bounds of parts depend on: the key's columns as the log has them.
func keyShape(c *capture.Chunk) string {
	var b strings.Builder
	for _, i := range c.Table.Key {
		fmt.Fprintf(&b, "%s %s,", c.Table.Columns[i].Name, c.Table.Columns[i].Wire)
	}
	return b.String() + c.Order
}

// showing returns what a view shows, and forgets what need not be waited for again.
func (w *worker) showing(view string) (func(*event.Txn) bool, error) {
	shows, err := w.cfg.Copier.Shows(view)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settle.shown(shows)
	return shows, nil
}

// itemSize is what a row takes beside its bytes.
const itemSize = 64

// chunkBytes is the share of one chunk: each worker reads one while another waits for
// its place, and a quarter is left for keys.
func (j *Join) chunkBytes() int {
	return int(max(j.cfg.Memory*3/4/int64(2*j.cfg.Connections), 64<<10))
}

// next returns what a worker does next. It returns nil when nothing is to be copied and
// the worker has a connection, or when ctx has ended.
func (j *Join) next(ctx context.Context, connected bool) *task {
	for {
		j.mu.Lock()
		t, wait := j.pick(time.Now())
		idle := len(j.ledger.list) == 0
		changed := j.changed
		j.mu.Unlock()
		if t != nil || idle && connected {
			return t
		}
		timer := time.NewTimer(wait)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// after takes back a task whose rows were not read.
func (j *Join) after(t *task, err error) {
	if err == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if t.p != nil {
		t.p.busy = false
		if !t.opened {
			j.pace.slots++
		}
	}
	t.c.busy = false
	defer j.notify()
	switch {
	case errors.Is(err, context.Canceled):
	case errors.Is(err, capture.ErrNoTable):
		j.log.Info("a table that was to be copied is not there any more", tableField(t.c.table))
		j.finish(t.c, Failed, "the table is not there any more")
	case errors.Is(err, capture.ErrParts):
		t.c.shape, j.stale = "", true
		j.restart(t.c, err.Error())
	case errors.Is(err, capture.ErrAgain) || failure.Retryable(err):
		if t.c.why != err.Error() {
			j.log.Warn("a chunk is read again", tableField(t.c.table), zap.Error(err))
		}
		t.c.why = err.Error()
		t.c.after = time.Now().Add(pauseAfter)
	case t.c.id != 0 && (t.p != nil || !t.c.begun): // else its reader is left with a part of the table
		j.log.Warn("a copy that was asked for has failed", zap.Uint64("copy", t.c.id), tableField(t.c.table), zap.Error(err))
		j.finish(t.c, Failed, err.Error())
	default:
		j.fail(fmt.Errorf("copy table %s: %w", t.c.table, err))
	}
}

// pauseAfter is how long a table is left alone after a read that has to be repeated.
const pauseAfter = time.Second
