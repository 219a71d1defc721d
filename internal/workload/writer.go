package workload

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// A writer runs transactions on a connection of its own. One goroutine has it.
type writer struct {
	id        int
	cfg       Config
	r         *rand.Rand
	models    []*model
	books     map[string]*book
	ledger    *ledger
	committed *atomic.Int64
	conn      *pgx.Conn
	report    Report

	txn txn
}

// A txn is the transaction at hand.
type txn struct {
	batch  pgx.Batch
	undo   undo
	events []tableEvents // in the order of the first change of each table
	rows   int           // that it has changed
	size   int           // how many it shall change
	counts Report        // of the rest
}

type tableEvents struct {
	table  string
	events []string
}

// clock is what Transaction.Asked and Done are read from.
var clock = time.Now()

func newWriter(id int, cfg Config, l *ledger, committed *atomic.Int64) *writer {
	w := &writer{
		id: id, cfg: cfg, ledger: l, committed: committed,
		r:     rand.New(rand.NewPCG(cfg.Seed, uint64(id))),
		books: make(map[string]*book),
	}
	for _, t := range tables() {
		w.books[t.Name] = &book{path: ChangesFile(cfg.Truth, t.Name, id)}
		// TRUNCATE removes everybody's rows: such a table has one writer.
		if !t.emptied || id == 0 {
			w.models = append(w.models, &model{table: t})
		}
	}
	return w
}

func (w *writer) run(ctx context.Context) (err error) {
	w.conn, err = pgx.Connect(ctx, w.cfg.URL)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() {
		for _, b := range w.books {
			err = errors.Join(err, b.close())
		}
		_ = w.conn.Close(context.WithoutCancel(ctx)) // its transactions have ended
	}()
	share := (w.cfg.Changes + w.cfg.Writers - 1) / w.cfg.Writers
	for w.report.Changes < share {
		if w.cfg.Pace != nil {
			if err := w.cfg.Pace(ctx, int(w.committed.Load())); err != nil {
				return err
			}
		}
		if err := w.transaction(ctx); err != nil {
			return err
		}
	}
	return nil
}

// transaction runs one, small ones as often as large ones of ten times the
// size, and a few that are rolled back.
func (w *writer) transaction(ctx context.Context) error {
	size := int(math.Exp(w.r.Float64() * math.Log(float64(w.cfg.MaxRows)+0.999)))
	rollback := w.r.IntN(25) == 0
	w.txn = txn{size: size}
	if _, err := w.conn.Exec(ctx, "BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	var id string
	if err := w.conn.QueryRow(ctx, "SELECT pg_current_xact_id()::text").Scan(&id); err != nil {
		return fmt.Errorf("ask for the transaction's id: %w", err)
	}
	full, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return fmt.Errorf("read the transaction's id: %w", err)
	}
	for w.txn.rows < w.txn.size {
		if w.r.IntN(40) == 0 {
			err = w.savepoint(ctx)
		} else {
			err = w.change(ctx)
		}
		if err == nil && w.txn.batch.Len() > 60 {
			err = w.flush(ctx)
		}
		if err != nil {
			return err
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	if rollback {
		w.txn.undo.to(0)
		w.report.RolledBack++
		_, err := w.conn.Exec(ctx, "ROLLBACK")
		return err
	}
	return w.commit(ctx, uint32(full))
}

// commit commits and writes down what was committed. An error of the commit
// leaves open what became of it, and ends the workload.
func (w *writer) commit(ctx context.Context, xid uint32) error {
	asked := time.Since(clock)
	if _, err := w.conn.Exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	done := time.Since(clock)
	counts := make(map[string]int)
	for _, t := range w.txn.events {
		if len(t.events) == 0 {
			continue
		}
		counts[t.table] = len(t.events)
		if err := w.books[t.table].add(xid, t.events); err != nil {
			return err
		}
	}
	w.txn.counts.Transactions = 1
	if len(counts) == 0 {
		w.txn.counts.Empty = 1
	} else if err := w.ledger.add(Transaction{XID: xid, Writer: w.id, Counts: counts, Asked: int64(asked), Done: int64(done)}); err != nil {
		return err
	}
	w.txn.counts.Changes, w.txn.counts.Largest = w.txn.rows, w.txn.rows
	w.report.add(w.txn.counts)
	w.committed.Add(int64(w.txn.rows))
	return nil
}

// savepoint makes some changes and takes them back.
func (w *writer) savepoint(ctx context.Context) error {
	events := make(map[string]int)
	for _, t := range w.txn.events {
		events[t.table] = len(t.events)
	}
	mark, rows, counts := len(w.txn.undo), w.txn.rows, w.txn.counts
	w.txn.batch.Queue("SAVEPOINT s")
	for i := 1 + w.r.IntN(4); i > 0 && w.txn.rows < w.txn.size; i-- {
		if err := w.change(ctx); err != nil {
			return err
		}
	}
	w.txn.batch.Queue("ROLLBACK TO SAVEPOINT s")
	w.txn.undo.to(mark)
	for i := range w.txn.events {
		t := &w.txn.events[i]
		t.events = t.events[:events[t.table]]
	}
	w.txn.rows, w.txn.counts = rows, counts
	w.txn.counts.Savepoints++
	return nil
}

// flush runs what was queued.
func (w *writer) flush(ctx context.Context) error {
	if w.txn.batch.Len() == 0 {
		return nil
	}
	err := w.conn.SendBatch(ctx, &w.txn.batch).Close()
	w.txn.batch = pgx.Batch{}
	if err != nil {
		return fmt.Errorf("change rows: %w", err)
	}
	return nil
}

// saw notes that events for a table are due.
func (w *writer) saw(table string, events ...string) {
	for i := range w.txn.events {
		if t := &w.txn.events[i]; t.table == table {
			t.events = append(t.events, events...)
			return
		}
	}
	w.txn.events = append(w.txn.events, tableEvents{table, events})
}
