package snapshot

import (
	"context"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/glob"
)

// ask implements Copies.Ask.
func (j *Join) ask(ctx context.Context, patterns []string, where string) ([]Entry, error) {
	tables, err := j.cfg.Copier.Tables(ctx)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(tables, patterns, j.cfg.Namespace)
	if err != nil {
		return nil, err
	}
	if where != "" {
		for _, t := range chosen {
			if t.Whole {
				return nil, failure.Usage("leave --where out: such a table is copied as a whole, with a truncate before it", "table %s has no key by which some of its rows could be copied again", t.Table)
			}
		}
		if err := j.try(ctx, chosen, where); err != nil {
			return nil, err
		}
	}
	j.mu.Lock()
	if err := j.tooMany(chosen); err != nil {
		j.mu.Unlock()
		return nil, err
	}
	asked := make([]*copying, len(chosen))
	for i, t := range chosen {
		j.ledger.state.Asked++
		asked[i] = j.add(checkpoint.TableCopy{ID: j.ledger.state.Asked, Table: t.Table, Where: where}, t)
	}
	last := j.ledger.state.Asked
	j.mu.Unlock()
	for _, c := range asked {
		j.log.Info("a copy was asked for", zap.Uint64("copy", c.id), tableField(c.table))
	}
	if err := j.until(ctx, func() bool { return j.ledger.asked >= last }); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	entries := make([]Entry, len(asked))
	for i, c := range asked {
		entries[i] = j.entry(c)
	}
	return entries, nil
}

// mostOfTable is how many copies of one table there may be that have not ended: the
// checkpoint holds each, and whoever asks once more is likely to be a script gone wild.
const mostOfTable = 100

// tooMany returns an error if a table has as many copies as it may have. The lock is
// held.
func (j *Join) tooMany(tables []capture.Extent) error {
	of := make(map[string]int)
	for _, c := range j.ledger.list {
		of[c.table]++
	}
	for _, t := range tables {
		if of[t.Table] >= mostOfTable {
			return failure.Usage("wait for them, or end some with tailrace snapshot cancel", "%d copies of table %s were asked for and have not ended", mostOfTable, t.Table)
		}
	}
	return nil
}

// until waits until ok, which is called with the lock held, is true.
func (j *Join) until(ctx context.Context, ok func() bool) error {
	for {
		j.mu.Lock()
		yes, closed, changed := ok(), j.closed, j.changed
		j.mu.Unlock()
		switch {
		case yes:
			return nil
		case closed:
			return errNotFollowing
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return failure.Retry(ctx.Err())
		}
	}
}

// choose returns the tables that patterns name.
func choose(tables []capture.Extent, patterns []string, namespace string) ([]capture.Extent, error) {
	if len(patterns) == 0 {
		return nil, failure.Usage("name them as schema.table, or by a pattern such as shop.*", "no table is named")
	}
	var chosen []capture.Extent
	for _, text := range patterns {
		p := glob.Parse(text, namespace)
		found := false
		for _, t := range tables {
			namespace, name, _ := strings.Cut(t.Table, ".")
			if text != t.Table && !p.Match(namespace, name) {
				continue
			}
			found = true
			if !slices.ContainsFunc(chosen, func(c capture.Extent) bool { return c.Table == t.Table }) {
				chosen = append(chosen, t)
			}
		}
		if !found {
			return nil, failure.Usage("name a table that is captured ("+some(tables)+")", "no captured table is named %q", text)
		}
	}
	return chosen, nil
}

// some names the first few tables.
func some(tables []capture.Extent) string {
	const few = 5
	var names []string
	for _, t := range tables[:min(few, len(tables))] {
		names = append(names, t.Table)
	}
	text := strings.Join(names, ", ")
	if len(tables) > few {
		text += ", …"
	}
	return text
}

// try has the server read a condition, which is text of a person.
func (j *Join) try(ctx context.Context, tables []capture.Extent, where string) error {
	s, err := j.cfg.Copier.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // it has read nothing
	for _, t := range tables {
		if _, err := s.Split(ctx, capture.Part{Table: t.Table, Where: "CASE WHEN " + where + "\nTHEN 1 END = 0 AND 1 = 0"}, 1); err != nil {
			if failure.Retryable(err) {
				return err
			}
			return failure.Usage("see whether the condition is one for this table: it stands behind WHERE ("+err.Error()+")", "the rows of %s can't be chosen by it", t.Table)
		}
	}
	return nil
}

// cancel implements Copies.Cancel.
func (j *Join) cancel(ctx context.Context, id uint64) error {
	j.mu.Lock()
	at := slices.IndexFunc(j.ledger.list, func(c *copying) bool { return c.id == id && id != 0 })
	if at >= 0 {
		c := j.ledger.list[at]
		if c.extent.Whole && (c.begun || c.since < j.ledger.state.Life) {
			j.mu.Unlock()
			return failure.Usage("wait for its end", "the copy of %s has begun with a truncate, and its reader would be left with a part of the table", c.table)
		}
		j.finish(c, Cancelled, "")
		j.ledger.dirty = true
		j.log.Info("a copy was cancelled", zap.Uint64("copy", id), tableField(c.table))
	}
	j.mu.Unlock()
	if at >= 0 {
		return j.until(ctx, func() bool {
			return j.ledger.saved != nil && j.ledger.asked >= id && !slices.ContainsFunc(j.ledger.saved.Copies, func(t checkpoint.TableCopy) bool { return t.ID == id })
		})
	}
	return failure.Usage("see their numbers with tailrace snapshot list", "no copy that was asked for and has not ended has the number %d", id)
}
