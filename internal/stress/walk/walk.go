package walk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tailrace/tailrace/internal/workload"
)

// Config says how to walk.
type Config struct {
	URL     string // a database that Setup has made tables in
	Seed    uint64
	Rows    int // that Setup has put into each table
	Writers int
	// Pace is how long a writer pauses between two transactions, on average.
	Pace time.Duration
	// Empty is how long after one truncate the next one comes; 0: there are none.
	Empty time.Duration
}

// A Report counts what was committed.
type Report struct {
	Transactions, RolledBack, Long, Conflicts  int
	Changes, Inserts, Deletes, Moves, Truncate int
}

// Run changes rows until stop is closed, and returns when nothing is open any more.
func Run(ctx context.Context, stop <-chan struct{}, cfg Config) (Report, error) {
	kind, _, err := workload.KindOf(cfg.URL)
	if err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &walk{cfg: cfg, tables: tables(kind), stop: stop}
	for i, t := range w.tables {
		if t.form == wide {
			w.widest = append(w.widest, i)
		}
	}
	var all sync.WaitGroup
	var writers []*writer
	for i := range cfg.Writers {
		s, err := open(ctx, kind, cfg.URL)
		if err != nil {
			cancel(err)
			break
		}
		defer s.close()
		writers = append(writers, newWriter(w, s, i))
	}
	for _, one := range writers {
		all.Go(func() {
			if err := one.run(ctx); err != nil {
				cancel(fmt.Errorf("walk: %w", err))
			}
		})
	}
	if cfg.Empty > 0 {
		all.Go(func() {
			if err := w.empty(ctx, kind, writers); err != nil {
				cancel(fmt.Errorf("walk: empty a table: %w", err))
			}
		})
	}
	all.Wait()
	for _, one := range writers {
		w.report.add(one.report)
	}
	return w.report, context.Cause(ctx)
}

// A walk is what the writers share.
type walk struct {
	cfg    Config
	tables []*table
	widest []int // of tables: those with wide values, which are changed more often
	stop   <-chan struct{}
	report Report
	// emptying is held by a writer while it has a transaction, and by who empties a
	// table, which ends all of its rows.
	emptying sync.RWMutex
}

// empty empties tables now and then.
func (w *walk) empty(ctx context.Context, kind workload.Kind, writers []*writer) error {
	s, err := open(ctx, kind, w.cfg.URL)
	if err != nil {
		return err
	}
	defer s.close()
	for w.pause(ctx, w.cfg.Empty) {
		for i, t := range w.tables {
			if t.form != truncate {
				continue
			}
			w.emptying.Lock()
			_, err := s.exec(ctx, "TRUNCATE TABLE "+t.Name)
			for _, one := range writers {
				for id := range one.slots[i] {
					one.slots[i][id].there = false
				}
			}
			w.emptying.Unlock()
			if err != nil {
				return err
			}
			w.report.Truncate++
		}
	}
	return ctx.Err()
}

// pause waits, and reports whether the walk goes on.
func (w *walk) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.stop:
		return false
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (r *Report) add(o Report) {
	r.Transactions += o.Transactions
	r.RolledBack += o.RolledBack
	r.Long += o.Long
	r.Conflicts += o.Conflicts
	r.Changes += o.Changes
	r.Inserts += o.Inserts
	r.Deletes += o.Deletes
	r.Moves += o.Moves
}

// A slot is a row, or room for one.
type slot struct {
	there   bool
	n       int64 // the last that the key had, -1 if it had none
	folding int
}

// A writer has a share of the rows of each table.
type writer struct {
	*walk
	s      session
	r      *rand.Rand
	index  int
	slots  [][]slot // by table and own number; the id is number * writers + index
	undo   []func()
	report Report
	here   Report // of the transaction at hand
}

// spare is how much room there is for rows beside the first ones.
const spare = 1.3

func newWriter(w *walk, s session, index int) *writer {
	one := &writer{walk: w, s: s, r: rand.New(rand.NewPCG(w.cfg.Seed, uint64(index))), index: index}
	for range w.tables {
		slots := make([]slot, int(float64(w.cfg.Rows)*spare)/w.cfg.Writers+1)
		for i := range slots {
			slots[i] = slot{n: -1}
			if i*w.cfg.Writers+index < w.cfg.Rows {
				slots[i] = slot{there: true}
			}
		}
		one.slots = append(one.slots, slots)
	}
	return one
}

// run makes transactions.
func (w *writer) run(ctx context.Context) error {
	if w.index == 0 && w.tables[0].kind != workload.Postgres {
		// The log carries the key and what changed: the rest is absent.
		if _, err := w.s.exec(ctx, "SET SESSION binlog_row_image = 'MINIMAL'"); err != nil {
			return err
		}
	}
	for w.pause(ctx, time.Duration(w.r.Int64N(2*int64(w.cfg.Pace)+1))) {
		w.emptying.RLock()
		err := w.transaction(ctx)
		w.emptying.RUnlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// transaction changes some rows, mostly few, and at times forgets about it.
func (w *writer) transaction(ctx context.Context) error {
	w.undo, w.here = w.undo[:0], Report{}
	changes := 1 + w.r.IntN(8)
	if w.r.IntN(12) == 0 {
		changes = 40 + w.r.IntN(80)
	}
	_, err := w.s.exec(ctx, "BEGIN")
	for i := 0; i < changes && err == nil; i++ {
		err = w.change(ctx)
	}
	if err == nil && w.r.IntN(40) == 0 {
		w.here.Long++
		w.pause(ctx, time.Second)
	}
	if err == nil && w.r.IntN(12) != 0 {
		if _, err = w.s.exec(ctx, "COMMIT"); err == nil {
			w.here.Transactions++
			w.report.add(w.here)
			return nil
		}
	}
	if err != nil && !gives(err) {
		return err
	}
	if err != nil {
		w.report.Conflicts++
	}
	for i := len(w.undo) - 1; i >= 0; i-- {
		w.undo[i]()
	}
	w.report.RolledBack++
	_, rollback := w.s.exec(ctx, "ROLLBACK")
	return rollback
}

// change changes a row.
func (w *writer) change(ctx context.Context) error {
	at := w.r.IntN(len(w.tables))
	if w.r.IntN(4) == 0 {
		at = w.widest[w.r.IntN(len(w.widest))]
	}
	t, slots := w.tables[at], w.slots[at]
	i := w.r.IntN(len(slots))
	s := &slots[i]
	former := *s
	id := w.id(i)
	var sql string
	switch dice := w.r.IntN(100); {
	case !s.there:
		s.there, s.n, s.folding = true, s.n+1, w.fold(t)
		w.here.Inserts++
		sql = "INSERT INTO " + t.Name + " VALUES " + t.row(id, s.folding, s.n)
		if t.form == keyless && dice < 30 {
			sql += ", " + t.row(id, s.folding, s.n)
		}
	case dice < 12:
		s.there = false
		w.here.Deletes++
		sql = "DELETE FROM " + t.Name + " WHERE " + t.where(id, s.folding)
	case dice < 22 && t.form == folded:
		s.folding = (s.folding + 1 + w.r.IntN(foldings-1)) % foldings
		w.here.Moves++
		sql = "UPDATE " + t.Name + " SET " + t.rekey(id, s.folding) + " WHERE " + t.where(id, former.folding)
	case dice < 20 && t.form != keyless:
		j := w.r.IntN(len(slots))
		other := &slots[j]
		if other.there || other.n > s.n {
			return nil // its key has had a higher n
		}
		before := *other
		w.undo = append(w.undo, func() { *other = before })
		other.there, other.n, other.folding = true, s.n, w.fold(t)
		s.there = false
		w.here.Moves++
		sql = "UPDATE " + t.Name + " SET " + t.rekey(w.id(j), other.folding) + " WHERE " + t.where(id, s.folding)
	default:
		s.n++
		sql = "UPDATE " + t.Name + " SET " + t.raise(t.form == wide && dice > 85) + " WHERE " + t.where(id, s.folding)
	}
	w.undo = append(w.undo, func() { *s = former })
	w.here.Changes++
	changed, err := w.s.exec(ctx, sql)
	if err == nil && changed == 0 {
		err = errors.New("a statement has not found its row in " + t.Name)
	}
	return err
}

func (w *writer) id(i int) int { return i*w.cfg.Writers + w.index }

func (w *writer) fold(t *table) int {
	if t.form != folded {
		return 0
	}
	return w.r.IntN(foldings)
}
