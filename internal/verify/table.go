package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tailrace/tailrace/internal/workload"
)

// table verifies the events of one table.
func (v *verifier) table(ctx context.Context, t workload.Table) error {
	partitions, err := v.data(t.Name)
	if err != nil {
		return err
	}
	e := events{
		v: v, table: t, changes: make([]change, len(partitions)), replica: newReplica(t),
		place: placement{by: v.cfg.PartitionBy, table: t, keys: v.stream == nil, first: make(map[string]int)},
	}
	m := v.merge(partitions, e.look)
	defer m.close()
	if e.books, err = v.truth.books(t.Name); err != nil {
		return err
	}
	defer func() {
		for _, b := range e.books {
			b.close()
		}
	}()
	if err := e.all(m); err != nil {
		return err
	}
	v.report.Events += e.count
	v.report.Read += e.read
	for _, r := range m.readers {
		v.report.Again += r.seen.again
		v.report.Runs = max(v.report.Runs, r.seen.runs)
		if v.stream == nil {
			v.report.Bytes += r.end
		}
	}
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

// events verifies the topic of one table.
type events struct {
	v       *verifier
	table   workload.Table
	changes []change // the last of each partition
	books   []*book
	place   placement
	replica *replica
	count   int   // of what is in the log
	read    int   // rows that snapshots read
	asked   int64 // the latest of the transactions seen
}

// look is the readers'.
func (e *events) look(index int, record []byte) (ver string, read bool, err error) {
	c := &e.changes[index]
	*c = change{}
	if err := json.Unmarshal(record, c); err != nil {
		return "", false, fmt.Errorf("it is no event: %w", err)
	}
	return c.Ver, c.read(), c.coherent(&e.v.cfg, e.table.Name)
}

func (e *events) all(m *merger) error {
	for {
		at, err := m.next()
		if err != nil {
			return err
		}
		if len(at) == 0 {
			break
		}
		if err := e.one(at, len(m.readers)); err != nil {
			return at[0].broken("%v", err)
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
		return m.readers[0].lacking("lost: what writer %d committed from line %d of its book on, first of transaction %s", i, b.number, id)
	}
	return nil
}

// one verifies the next change, which the readers at hold of all there are. The
// error says what is wrong with it.
func (e *events) one(at []*reader, of int) error {
	c := &e.changes[at[0].index]
	if err := c.parse(); err != nil {
		return err
	}
	if err := e.place.check(at, of, c); err != nil {
		return err
	}
	e.v.versions[c.Version] = true
	if c.read() {
		if c.Op == "r" {
			e.read++
		}
		if err := e.replica.holds(c); err != nil {
			return fmt.Errorf("%w (ver %s)", err, c.Ver)
		}
		return nil
	}
	e.count++
	if err := e.expected(c, at[0].record); err != nil {
		return err
	}
	if err := e.replica.apply(c); err != nil {
		return fmt.Errorf("%w (ver %s)", err, c.Ver)
	}
	return nil
}

// expected holds a change against the truth.
func (e *events) expected(c *change, record []byte) error {
	if err := e.name(c); err != nil {
		return err
	}
	t := e.v.transaction(c.Transaction.ID)
	if t == nil {
		return fmt.Errorf("transaction %s was not committed by the workload", c.Transaction.ID)
	}
	if t.Done < e.asked {
		return fmt.Errorf("transaction %s was committed before another that has come already", t.ID)
	}
	e.asked = max(e.asked, t.Asked)
	if t.commit == "" {
		t.commit = commitOf(c.Ver)
	}
	if t.commit != commitOf(c.Ver) {
		return fmt.Errorf("transaction %s has two commits: %s and %s", t.ID, t.commit, commitOf(c.Ver))
	}
	b := e.books[t.Writer]
	id, want, err := b.change()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("writer %d committed nothing more", t.Writer)
	}
	if err != nil {
		return err
	}
	if id != t.ID {
		return fmt.Errorf("it is of transaction %s; next of writer %d is line %d of its book, of transaction %s", t.ID, t.Writer, b.number, id)
	}
	rest, ok := bytes.CutPrefix(record, want)
	if !ok || !bytes.HasPrefix(rest, []byte(`,"source":{`)) {
		return fmt.Errorf("it is not the event that line %d of the book of writer %d says (transaction %s)", b.number, t.Writer, id)
	}
	return nil
}
