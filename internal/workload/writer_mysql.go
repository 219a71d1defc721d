package workload

import (
	"context"
	"fmt"
)

// truncation empties a table. In MySQL that is a transaction of its own, and
// nothing can mark it.
func (w *writer) truncation(ctx context.Context) error {
	if err := w.session.ready(ctx); err != nil {
		return err
	}
	w.txn = txn{}
	w.begun++
	w.txn.id = fmt.Sprintf("%d-%d", w.id, w.begun)
	for _, m := range w.models {
		if m.table.emptied {
			w.truncate(m)
		}
	}
	return w.commit(ctx, w.session.flush)
}

// global runs an XA transaction. Between its two phases others commit, one of
// the same writer among them, which makes new rows only, as the prepared one
// holds locks on old ones; and much time may pass.
func (w *writer) global(ctx context.Context) error {
	rollback := w.begin()
	if w.r.IntN(4) == 0 {
		rollback = true
	}
	name := fmt.Sprintf("'%s','%d-%d'", w.schema, w.id, w.begun)
	if err := w.session.beginGlobal(ctx, w.txn.img, name); err != nil {
		return err
	}
	if err := w.fill(ctx, ""); err != nil {
		return err
	}
	if err := w.session.prepare(ctx); err != nil {
		return err
	}
	w.report.Prepared++
	prepared, session := w.txn, w.session
	w.session = w.second
	for range w.r.IntN(3) {
		if err := w.pace(ctx); err != nil {
			return err
		}
		if err := w.interlude(ctx); err != nil {
			return err
		}
	}
	w.txn, w.session = prepared, session
	if err := w.pace(ctx); err != nil {
		return err
	}
	return w.decide(ctx, rollback)
}

// interlude commits new rows.
func (w *writer) interlude(ctx context.Context) error {
	w.begin()
	if _, err := w.session.begin(ctx, w.txn.img); err != nil {
		return err
	}
	w.mark()
	w.insert(w.models[w.r.IntN(len(w.models))], 1+w.r.IntN(manyRows))
	if err := w.session.flush(ctx); err != nil {
		return err
	}
	return w.decide(ctx, false)
}
