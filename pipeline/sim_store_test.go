package pipeline_test

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
)

var errSave = failure.Retry(errors.New("the store is away"))

// A simStore keeps the world's State for one process. In a world whose sink is
// a Committer it looks at the sink's own.
type simStore struct {
	w          *world
	proc       *proc
	r          *rand.Rand
	generation uint64
}

var _ checkpoint.Store = (*simStore)(nil)

func (s *simStore) Acquire(context.Context) (checkpoint.State, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.saved.Generation++
	s.generation = s.w.saved.Generation
	return s.w.saved, nil
}

func (s *simStore) Load(context.Context) (checkpoint.State, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.w.saved, s.proc.err()
}

func (s *simStore) Save(ctx context.Context, st checkpoint.State) error {
	if err := s.proc.pause(ctx, s.r, s.w.cfg.storePace); err != nil {
		return err
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.act()
	if s.proc.err() != nil {
		return errCrash
	}
	if s.w.inTransaction {
		s.w.violate("a State was saved beside an open transaction")
	}
	if s.w.chance(s.r, s.w.cfg.saveFails) {
		s.w.failed = true
		return errSave
	}
	if st.Generation != s.generation {
		s.w.violate("generation %d was saved by %d", st.Generation, s.generation)
	}
	s.w.save(st)
	return nil
}

func (s *simStore) Close() error { return nil }

// save makes st what a process finds. Everything up to it must be published.
// mu is held.
func (w *world) save(st checkpoint.State) {
	row := w.resume(st)
	w.trace("%s %s is saved: %d rows", st.Position, st.Ver, row)
	if w.shelf.prefix < row {
		w.violate("the saved state covers %d rows, but only the first %d are published", row, w.shelf.prefix)
	}
	if w.hasSaved {
		if old, at := passed(w.saved.Position), passed(st.Position); at < old {
			w.violate("the saved position went back from %d to %d", old, at)
		}
		if old := w.resume(w.saved); row < old {
			w.violate("the saved state went back from row %d to %d", old, row)
		}
		if st.Bound < w.saved.Bound {
			w.violate("the saved bound went back from %d to %d", w.saved.Bound, st.Bound)
		}
	}
	w.saved, w.hasSaved = st, true
}
