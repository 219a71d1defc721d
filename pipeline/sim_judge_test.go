package pipeline_test

import (
	"errors"

	"github.com/tailrace/tailrace/internal/failure"
)

// judge looks at how a process ended. mu is held.
func (w *world) judge(p *proc, err error, opened, signalled bool, enc encoder) {
	calm := opened && !w.failed && w.cfg.drain > lastSave
	switch {
	case p.err() != nil:
	case err == nil && calm:
		w.settled(w.handed, w.reached)
	case err == nil:
	case errors.Is(err, errPoison):
		if enc.stop == nil {
			w.violate("an encode error came from nowhere")
		}
		if calm {
			w.settled(w.log.rowsUpTo(enc.poison)-1, -1)
		}
	case signalled && (w.failed || w.cfg.drain <= lastSave):
	default:
		w.violate("Run returned with code %d: %v", failure.ExitCode(err), err)
	}
}

// settled checks that everything before a row, and no more, is published and
// saved, and that the saved place is the given one. mu is held.
func (w *world) settled(row, place int) {
	if got := w.resume(w.saved); got != row {
		w.violate("Run ended with %d rows saved, want %d", got, row)
	}
	// Processes before this one may have published more than they saved.
	if got := w.shelf.prefix; got < row || got > row && w.cfg.calm() {
		w.violate("Run ended with %d rows published, want %d", w.shelf.prefix, row)
	}
	if got := passed(w.saved.Position); place >= 0 && got != place {
		w.violate("Run ended with place %d saved, want %d", got, place)
	}
	if place > w.begun && w.confirmed < place {
		w.violate("Run ended with place %d saved and %d confirmed", place, w.confirmed)
	}
}

// finish checks what the whole world has become.
func (w *world) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shelf.prefix != len(w.log.rows) {
		w.violate("%d rows of %d are published without a gap", w.shelf.prefix, len(w.log.rows))
	}
	for i := range w.log.entries {
		e := &w.log.entries[i]
		if _, ok := w.shelf.ends[e.txn.Commit]; !ok && e.last > e.first {
			w.violate("the end of commit %d never came", e.txn.Commit)
		}
	}
	if w.life == 0 {
		w.violate("no stream was ever opened")
	}
}
