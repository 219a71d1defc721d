package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/tailrace/tailrace/internal/workload"
)

// Config says what to verify.
type Config struct {
	Events string // folder of the file sink; nothing writes to it any more
	Name   string // of the pipeline
	Kind   workload.Kind
	Schema string  // in the names of topics: workload.KindOf says it
	Truth  string  // folder that the workload wrote
	URL    string  // of the source, which nobody changes any more; "": it is not asked
	Runs   int     // how many times a suffix of a file may have been sent again; 0: nothing was
	Fences []Fence // what Watch saw; may be nil
}

// A Report counts what was found.
type Report struct {
	Events       int // first arrivals
	Again        int // events that were sent again
	Runs         int // of them, in the file that has most
	Transactions int // with an END marker
	Marks        int // progress records
	Rows         int // in the end, in all tables
	Bytes        int64
}

// Run verifies everything. The error is the first *Violation, or says what kept
// it from being verified.
func Run(ctx context.Context, cfg Config) (Report, error) {
	v := &verifier{cfg: cfg, versions: make(map[string]bool)}
	var err error
	if v.truth, err = loadTruth(cfg.Truth); err != nil {
		return v.report, err
	}
	if cfg.URL != "" {
		if v.server, err = connect(ctx, cfg.Kind, cfg.URL); err != nil {
			return v.report, fmt.Errorf("verify: connect to the source: %w", err)
		}
		defer v.server.close()
	}
	for _, t := range workload.Tables(cfg.Kind) {
		if err := v.table(ctx, t); err != nil {
			return v.report, err
		}
	}
	if err := v.ends(); err != nil {
		return v.report, err
	}
	if err := v.progress(); err != nil {
		return v.report, err
	}
	return v.report, v.schemas()
}

type verifier struct {
	cfg      Config
	truth    *truth
	server   server // nil: the source is not asked
	versions map[string]bool
	report   Report
}

func (v *verifier) open(file string) (*lines, error) {
	return openLines(filepath.Join(v.cfg.Events, file))
}

func (v *verifier) topic(table string) string { return v.cfg.Name + "." + v.cfg.Schema + "." + table }

// table verifies the events of one table.
func (v *verifier) table(ctx context.Context, t workload.Table) error {
	file := v.topic(t.Name) + ".ndjson"
	l, err := v.open(file)
	if err != nil {
		return err
	}
	defer l.close()
	books, err := v.truth.books(t.Name)
	if err != nil {
		return err
	}
	defer func() {
		for _, b := range books {
			b.close()
		}
	}()
	e := events{v: v, lines: l, table: t, books: books, seen: newArrivals(), replica: newReplica(t), fences: fencesOf(v.cfg.Fences, file)}
	if err := e.all(); err != nil {
		return err
	}
	v.report.Events += e.seen.count
	v.report.Again += e.seen.again
	v.report.Runs = max(v.report.Runs, e.seen.runs)
	v.report.Bytes += l.end
	v.report.Rows += len(e.replica.documents())
	if v.server == nil {
		return nil
	}
	missing, extra, err := v.server.compare(ctx, t, e.replica.documents())
	if err != nil {
		return fmt.Errorf("verify: compare %s: %w", t.Name, err)
	}
	if missing+extra > 0 {
		return &Violation{What: fmt.Sprintf("table %s: the events give %d rows that the source has not, and miss %d that it has", t.Name, extra, missing)}
	}
	return nil
}

// events verifies the file of one table.
type events struct {
	v *verifier
	*lines
	table   workload.Table
	books   []*book
	seen    *arrivals
	replica *replica
	fences  fences
	asked   int64 // the latest of the transactions seen
}

func (e *events) all() error {
	for {
		line, err := e.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := e.one(line); err != nil {
			return err
		}
	}
	for i, b := range e.books {
		id, _, err := b.change()
		if errors.Is(err, io.EOF) {
			continue
		}
		if err != nil {
			return err
		}
		return e.lacking("lost: what writer %d committed from line %d of its book on, first of transaction %s", i, b.number, id)
	}
	return nil
}

func (e *events) one(line []byte) error {
	var c change
	if err := json.Unmarshal(line, &c); err != nil {
		return e.broken("it is no event: %v", err)
	}
	if err := c.coherent(&e.v.cfg, e.table.Name); err != nil {
		return e.broken("%v", err)
	}
	first, err := e.seen.take(c.Ver, line)
	if err != nil {
		return e.broken("%v", err)
	}
	if !first {
		if e.seen.runs > e.v.cfg.Runs {
			return e.broken("ver %s is sent again, in run %d, with at most %d to be expected", c.Ver, e.seen.runs, e.v.cfg.Runs)
		}
		return nil
	}
	if err := e.fences.check(c.Ver, e.end); err != nil {
		return e.broken("%v", err)
	}
	if err := e.expected(&c, line); err != nil {
		return err
	}
	e.v.versions[c.Version] = true
	if err := e.replica.apply(&c); err != nil {
		return e.broken("%v (ver %s)", err, c.Ver)
	}
	return nil
}

// expected holds a first arrival against the truth.
func (e *events) expected(c *change, line []byte) error {
	if err := e.name(c); err != nil {
		return e.broken("%v", err)
	}
	t := e.v.transaction(c.Transaction.ID)
	if t == nil {
		return e.broken("transaction %s was not committed by the workload", c.Transaction.ID)
	}
	if t.Done < e.asked {
		return e.broken("transaction %s was committed before another that has come already", t.ID)
	}
	e.asked = max(e.asked, t.Asked)
	if t.commit == "" {
		t.commit = commitOf(c.Ver)
	}
	if t.commit != commitOf(c.Ver) {
		return e.broken("transaction %s has two commits: %s and %s", t.ID, t.commit, commitOf(c.Ver))
	}
	b := e.books[t.Writer]
	id, want, err := b.change()
	if errors.Is(err, io.EOF) {
		return e.broken("writer %d committed nothing more", t.Writer)
	}
	if err != nil {
		return err
	}
	if id != t.ID {
		return e.broken("it is of transaction %s; next of writer %d is line %d of its book, of transaction %s", t.ID, t.Writer, b.number, id)
	}
	rest, ok := bytes.CutPrefix(line, want)
	if !ok || !bytes.HasPrefix(rest, []byte(`,"source":{`)) {
		return e.broken("it is not the event that line %d of the book of writer %d says (transaction %s)", b.number, t.Writer, id)
	}
	return nil
}
