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
)

// A writer runs transactions on a connection of its own. One goroutine has it.
type writer struct {
	id        int
	cfg       Config
	r         *rand.Rand
	models    []*model
	marks     *table // nil on Postgres
	books     map[string]*book
	ledger    *ledger
	committed *atomic.Int64
	kind      Kind
	schema    string
	session   session
	second    session // MySQL: for what is done while the first has a prepared transaction
	begun     int     // transactions
	report    Report

	txn txn
}

// A txn is the transaction at hand.
type txn struct {
	id     string // as the truth calls it
	img    image
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

func newWriter(id int, kind Kind, schema string, cfg Config, l *ledger, committed *atomic.Int64) *writer {
	w := &writer{
		id: id, kind: kind, schema: schema, cfg: cfg, ledger: l, committed: committed,
		r:     rand.New(rand.NewPCG(cfg.Seed, uint64(id))),
		books: make(map[string]*book),
	}
	for _, t := range tables(kind) {
		w.books[t.Name] = &book{path: ChangesFile(cfg.Truth, t.Name, id)}
		switch {
		case t.Name == Marks:
			w.marks = t
		case !t.emptied || id == 0: // TRUNCATE removes everybody's rows: such a table has one writer
			w.models = append(w.models, &model{table: t})
		}
	}
	return w
}

func (w *writer) run(ctx context.Context) (err error) {
	if w.session, err = w.kind.open(ctx, w.cfg.URL); err != nil {
		return err
	}
	defer func() {
		for _, b := range w.books {
			err = errors.Join(err, b.close())
		}
		w.session.close()
		if w.second != nil {
			w.second.close()
		}
	}()
	if w.kind != Postgres {
		if w.second, err = w.kind.open(ctx, w.cfg.URL); err != nil {
			return err
		}
	}
	share := (w.cfg.Changes + w.cfg.Writers - 1) / w.cfg.Writers
	for w.report.Changes < share {
		if err := w.pace(ctx); err != nil {
			return err
		}
		if err := w.next(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pace waits until the next transaction may begin.
func (w *writer) pace(ctx context.Context) error {
	if w.cfg.Pace == nil {
		return nil
	}
	return w.cfg.Pace(ctx, int(w.committed.Load()))
}

// next runs the next transaction.
func (w *writer) next(ctx context.Context) error {
	if w.kind != Postgres {
		switch {
		case w.id == 0 && w.begun%25 == 24:
			return w.truncation(ctx)
		case w.id == w.cfg.Writers-1 && w.r.IntN(2) == 0:
			return w.global(ctx)
		}
	}
	return w.transaction(ctx)
}

// transaction runs one, small ones as often as large ones of ten times the
// size, and a few that are rolled back.
func (w *writer) transaction(ctx context.Context) error {
	rollback := w.begin()
	id, err := w.session.begin(ctx, w.txn.img)
	if err != nil {
		return err
	}
	if err := w.fill(ctx, id); err != nil {
		return err
	}
	return w.decide(ctx, rollback)
}

// begin makes up a transaction.
func (w *writer) begin() (rollback bool) {
	size := int(math.Exp(w.r.Float64() * math.Log(float64(w.cfg.MaxRows)+0.999)))
	rollback = w.r.IntN(25) == 0
	w.txn = txn{size: size, img: identity}
	if w.kind != Postgres {
		w.txn.img = []image{full, full, minimal, noBlob, fullNoDup}[w.r.IntN(5)]
	}
	w.begun++
	return rollback
}

// fill makes the changes of a transaction that the server calls id.
func (w *writer) fill(ctx context.Context, id string) (err error) {
	if w.txn.id = id; w.marks != nil {
		w.mark()
	}
	for w.txn.rows < w.txn.size {
		if w.r.IntN(40) == 0 {
			err = w.savepoint(ctx)
		} else {
			err = w.change(ctx)
		}
		if err == nil && w.session.queued() > 60 {
			err = w.session.flush(ctx)
		}
		if err != nil {
			return err
		}
	}
	return w.session.flush(ctx)
}

// mark names the transaction by a row of its own.
func (w *writer) mark() {
	w.txn.id = fmt.Sprintf("%d-%d", w.id, w.begun)
	row := []value{plain(strconv.Itoa(w.id)), plain(strconv.Itoa(w.begun))}
	w.session.queue(insertion(w.session, w.marks, [][]value{row}))
	w.saw(w.marks.Name, w.marks.inserted(row))
}

// decide ends the transaction.
func (w *writer) decide(ctx context.Context, rollback bool) error {
	if !rollback {
		return w.commit(ctx, w.session.commit)
	}
	w.txn.undo.to(0)
	w.report.RolledBack++
	return w.session.rollback(ctx)
}

// commit commits and writes down what was committed. An error of the commit
// leaves open what became of it, and ends the workload.
func (w *writer) commit(ctx context.Context, commit func(context.Context) error) error {
	asked := time.Since(clock)
	if err := commit(ctx); err != nil {
		return err
	}
	done := time.Since(clock)
	counts := make(map[string]int)
	for _, t := range w.txn.events {
		if len(t.events) == 0 {
			continue
		}
		counts[t.table] = len(t.events)
		if err := w.books[t.table].add(w.txn.id, t.events); err != nil {
			return err
		}
	}
	w.txn.counts.Transactions = 1
	if len(counts) == 0 {
		w.txn.counts.Empty = 1
	} else if err := w.ledger.add(Transaction{ID: w.txn.id, Writer: w.id, Counts: counts, Asked: int64(asked), Done: int64(done)}); err != nil {
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
	w.session.queue("SAVEPOINT s", nil)
	for i := 1 + w.r.IntN(4); i > 0 && w.txn.rows < w.txn.size; i-- {
		if err := w.change(ctx); err != nil {
			return err
		}
	}
	w.session.queue("ROLLBACK TO SAVEPOINT s", nil)
	w.txn.undo.to(mark)
	for i := range w.txn.events {
		t := &w.txn.events[i]
		t.events = t.events[:events[t.table]]
	}
	w.txn.rows, w.txn.counts = rows, counts
	w.txn.counts.Savepoints++
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
