package snapshot

import (
	"context"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
)

// Begin returns next, the state that a life is about to begin at, with what is to be
// copied. st is the state that it was made of: the zero State but for its Generation
// before the first start. same says that both select the same tables. It is called
// before next is saved, by the pipeline's goroutine. Its errors are the Copier's.
func (c *Copies) Begin(ctx context.Context, st, next checkpoint.State, same bool) (checkpoint.State, error) {
	var s checkpoint.Snapshot
	if st.Snapshot != nil {
		s = *st.Snapshot
	}
	s.Copies, s.Copied = slices.Clone(s.Copies), slices.Clone(s.Copied)
	if c.cfg.Mode != Never || len(s.Copies) > 0 {
		if err := c.choose(ctx, &s, st, same); err != nil {
			return next, err
		}
	}
	if next.Epoch != st.Epoch {
		// Another log: what was left out of the former one can't be told in it.
		for _, h := range s.Hidden {
			s.Copies = append(s.Copies, checkpoint.TableCopy{Table: h.Table}) // Since 0: it has rows
		}
		s.Hidden = nil
	}
	if slices.ContainsFunc(s.Copies, c.wanted) {
		if s.Life++; s.Life == 0 {
			return next, failure.Stop("start with a new checkpoint", "the copies of pipeline %s have begun 4,294,967,295 times", next.Pipeline)
		}
	}
	if st.Snapshot != nil || c.cfg.Mode != Never {
		next.Snapshot = &s
	}
	return next, nil
}

// choose adds the tables that were never copied and forgets those that are captured no
// more: should one be again, changes between are missing.
func (c *Copies) choose(ctx context.Context, s *checkpoint.Snapshot, st checkpoint.State, same bool) error {
	tables, err := c.cfg.Copier.Tables(ctx)
	if err != nil {
		return err
	}
	there := c.remember(tables)
	s.Copied = slices.DeleteFunc(s.Copied, func(t string) bool { return !there[t] })
	if c.cfg.Mode == Never {
		return c.parkable(s)
	}
	known := make(map[string]bool, len(tables))
	for _, t := range s.Copied {
		known[t] = true
	}
	for _, t := range s.Copies {
		if t.ID == 0 {
			known[t.Table] = true
		}
	}
	// A checkpoint from before there were copies, or with none wanted, is that of a
	// reader who has the rows already.
	old := !s.First && st.Position != "" && c.cfg.Mode == Initial
	for _, t := range tables {
		switch {
		case known[t.Table]:
		case old, s.First && same && !c.cfg.CopyNew:
			s.Copied = append(s.Copied, t.Table)
		case st.Position == "", s.First && same:
			s.Copies = append(s.Copies, checkpoint.TableCopy{Table: t.Table, Since: s.Life + 1})
		default:
			// It may have been captured before: its reader may have rows of it.
			s.Copies = append(s.Copies, checkpoint.TableCopy{Table: t.Table})
		}
	}
	s.First = true
	return nil
}

// parkable says why a copy that is under way can't be left for later: what the stream
// brought of a table without a key was left out, as the copy would show it.
func (c *Copies) parkable(s *checkpoint.Snapshot) error {
	for _, t := range s.Copies {
		if t.ID == 0 && c.extent(t.Table).Whole {
			return failure.Stop("let it be copied, with --snapshot initial, or exclude it",
				"changes of table %s, which has no key, were left out since its first copy shows them, and that is not made", t.Table)
		}
	}
	return nil
}

// wanted reports whether a copy is made in this mode. One that is not stays in the
// state: its table is not copied.
func (c *Copies) wanted(t checkpoint.TableCopy) bool { return c.cfg.Mode != Never || t.ID != 0 }

// remember keeps what the server says of the tables.
func (c *Copies) remember(tables []capture.Extent) (there map[string]bool) {
	there = make(map[string]bool, len(tables))
	extents := make(map[string]capture.Extent, len(tables))
	for _, t := range tables {
		there[t.Table], extents[t.Table] = true, t
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extents = extents
	return there
}

// extent is what is known of a table.
func (c *Copies) extent(table string) capture.Extent {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, found := c.extents[table]
	if !found {
		e = capture.Extent{Table: table, Rows: capture.Unknown, Bytes: capture.Unknown}
	}
	return e
}
