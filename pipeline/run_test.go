package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
)

func TestEncodeErrorComesAfterWhatPrecedesIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const bad = 70
		p, _, ctx, cancel := w.start()
		defer cancel()
		p.NewEncoder = func() encode.Encoder { return encoder{w.log.rows[bad].ver, errPoison} }
		err := p.Run(ctx)
		wantCode(t, err, failure.ExitStop)
		if !errors.Is(err, errPoison) {
			t.Errorf("Run: %v, want the encode error", err)
		}
		w.settled(bad, -1)

		p, _, ctx, cancel = w.start()
		defer cancel()
		wantCode(t, p.Run(ctx), failure.ExitOK)
		w.finish()
	})
}

func TestSourceStopComesAfterWhatPrecedesIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		stop := failure.Stop("", "a schema can't be decoded")
		p, _, ctx, cancel := w.start()
		defer cancel()
		p.Source = &hookSource{Source: p.Source, next: func(_ context.Context, n int) error {
			if n == 9 {
				return stop
			}
			return nil
		}}
		if err := p.Run(ctx); !errors.Is(err, stop) {
			t.Errorf("Run: %v, want the source's error", err)
		}
		if w.handed == 0 {
			t.Error("nothing was read before the error")
		}
		w.settled(w.handed, w.reached)
	})
}

func TestUntil(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const until = 3
		p, _, ctx, cancel := w.start()
		defer cancel()
		p.Until = string(position(until))
		wantCode(t, p.Run(ctx), failure.ExitOK)
		if ctx.Err() != nil {
			t.Fatal("Run did not end by itself")
		}
		if got := passed(w.saved.Position); got < until || got == len(w.log.entries) {
			t.Errorf("saved place %d, want %d or little more", got, until)
		}

		p, _, ctx, cancel = w.start()
		defer cancel()
		p.Until = string(position(until))
		p.Source = &hookSource{Source: p.Source, next: func(context.Context, int) error {
			t.Error("a unit was read although the end had been reached before")
			return nil
		}}
		wantCode(t, p.Run(ctx), failure.ExitOK)
	})
}

func TestNoCheckpointAndNoFromIsStop(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		p.From = ""
		p.OpenSink = func(context.Context, checkpoint.State) (publish.Publisher, error) {
			t.Error("the sink was opened")
			return nil, errSink
		}
		wantCode(t, p.Run(ctx), failure.ExitStop)
		if w.hasSaved || w.life > 0 {
			t.Error("the source was opened, or a state saved")
		}
	})
}

func TestFromIsAppliedOncePerValue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var got []string
		for _, from := range []string{event.Earliest, event.Earliest, string(position(8)), string(position(8)), ""} {
			p, _, ctx, cancel := w.start()
			defer cancel()
			p.From, p.Until = from, string(position(3))
			p.Source = &hookSource{Source: p.Source, locate: func(from string) { got = append(got, from) }}
			wantCode(t, p.Run(ctx), failure.ExitOK)
			w.shelf.prefix = len(w.log.rows) // what From skips is nobody's loss
		}
		want := []string{event.Earliest, "", string(position(8)), "", ""}
		if !slices.Equal(got, want) {
			t.Errorf("Locate was given %q, want %q", got, want)
		}
	})
}

func TestStartIsSavedBeforeTheSourceIsOpened(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		stop := failure.Stop("", "the disk is full")
		p.Store = &hookStore{Store: p.Store, save: func(int, checkpoint.State) error { return stop }}
		p.Source = &hookSource{Source: p.Source, open: func() { t.Error("the source was opened") }}
		if err := p.Run(ctx); !errors.Is(err, stop) {
			t.Errorf("Run: %v, want the store's error", err)
		}
	})
}

func TestFencedStoreEndsRun(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		w.cfg.pace = 20 * time.Millisecond
		fenced := &failure.StopError{Sentence: "fenced", Code: failure.ExitFenced, Err: checkpoint.ErrFenced}
		store := &hookStore{Store: p.Store, save: func(n int, _ checkpoint.State) error {
			if n >= 3 {
				return fenced
			}
			return nil
		}}
		p.Store = store
		err := p.Run(ctx)
		wantCode(t, err, failure.ExitFenced)
		if !errors.Is(err, checkpoint.ErrFenced) || store.n != 3 {
			t.Errorf("Run: %v after %d saves, want ErrFenced after 3", err, store.n)
		}
	})
}

func TestOpenTransactionMustComeAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		p.Until = string(position(4))
		wantCode(t, p.Run(ctx), failure.ExitOK)
		// No commit of the log is a bound: this transaction has vanished.
		w.saved.Ver = event.Ver{Commit: w.saved.Bound, Event: 1}

		p, _, ctx, cancel = w.start()
		defer cancel()
		err := p.Run(ctx)
		wantCode(t, err, failure.ExitStop)
		if err == nil || !strings.Contains(err.Error(), "does not come again") {
			t.Errorf("Run: %v, want that the transaction does not come again", err)
		}
	})
}

// TestAPositionHeldBackRepeatsNothing is of sources that keep their place before
// a prepared transaction: what was published behind it is known by its ver.
func TestAPositionHeldBackRepeatsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		p.Until = string(position(6))
		wantCode(t, p.Run(ctx), failure.ExitOK)
		if len(w.shelf.ends) < 2 {
			t.Fatalf("%d transactions have ended, want some to repeat", len(w.shelf.ends))
		}
		w.saved.Position, w.saved.Bound, w.confirmed = position(1), w.log.entries[0].bound, 1

		p, _, ctx, cancel = w.start()
		defer cancel()
		p.Until = string(position(len(w.log.entries)))
		wantCode(t, p.Run(ctx), failure.ExitOK) // the world tells of what came twice
		if w.shelf.prefix != len(w.log.rows) {
			t.Errorf("%d rows were published, want %d", w.shelf.prefix, len(w.log.rows))
		}
	})
}

func TestACheckpointThatIsAwayAtTheStartIsWaitedFor(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		p.Store = &lateStore{Store: p.Store, until: time.Now().Add(20 * time.Second)}
		wantCode(t, p.Run(ctx), failure.ExitOK)
		w.finish()
	})
}

// A lateStore can't be taken for a while.
type lateStore struct {
	checkpoint.Store
	until time.Time
}

func (s *lateStore) Acquire(ctx context.Context) (checkpoint.State, error) {
	if time.Now().Before(s.until) {
		return checkpoint.State{}, errSave
	}
	return s.Store.Acquire(ctx)
}

func TestAStartElsewhereForgetsPartitions(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var got []bool
		for _, from := range []string{event.Earliest, event.Earliest, string(position(8)), string(position(8)), ""} {
			p, _, ctx, cancel := w.start()
			defer cancel()
			p.From, p.Until = from, string(position(3))
			open := p.OpenSink
			p.OpenSink = func(ctx context.Context, st checkpoint.State) (publish.Publisher, error) {
				got = append(got, len(st.Partitions) > 0)
				return open(ctx, st)
			}
			wantCode(t, p.Run(ctx), failure.ExitOK)
			if from == string(position(8)) && len(w.saved.Partitions) > 0 != got[len(got)-1] {
				t.Errorf("after a start from %s: %d numbers of partitions are saved", from, len(w.saved.Partitions))
			}
			w.shelf.prefix, w.spread = len(w.log.rows), nil // what From skips and spreads anew is nobody's loss
		}
		if want := []bool{false, true, false, false, false}; !slices.Equal(got, want) {
			t.Errorf("the sink was told of partitions: %v, want %v", got, want)
		}
	})
}

// In a world whose sink commits the State, a transaction that is half published
// can't be sent again.
func TestOtherTablesInTheMiddleOfATransactionAreAStopForExactlyOnce(t *testing.T) {
	for _, c := range []struct {
		name      string
		committer bool
		open      bool
		accepted  bool
		want      int
	}{
		{"exactly once, in the middle of a transaction", true, true, false, failure.ExitStop},
		{"exactly once, at the end of one", true, false, false, failure.ExitOK},
		{"exactly once, with a start that accepts it", true, true, true, failure.ExitOK},
		{"at least once", false, true, false, failure.ExitOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.cfg.committer = c.committer
				p, _, ctx, cancel := w.start()
				defer cancel()
				wantCode(t, p.Run(ctx), failure.ExitOK)
				if c.open {
					w.saved.Ver = event.Ver{Commit: w.saved.Bound, Event: 1}
				}

				p, _, ctx, cancel = w.start()
				defer cancel()
				at := string(w.saved.Position)
				p.Selection = "others"
				if c.accepted {
					p.From = at
				}
				err := p.Run(ctx)
				wantCode(t, err, c.want)
				if c.want == failure.ExitStop && (w.saved.Selection == p.Selection || err == nil || !strings.HasSuffix(err.Error(), "--from "+at)) {
					t.Errorf("Run: %v, with selection %s saved; want a way on, and the former selection", err, w.saved.Selection)
				}
			})
		})
	}
}

func TestALifeOfALostPipelineDoesNotBeginWhereTheSinkCommits(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.cfg.committer = true
		p, _, ctx, cancel := w.start()
		defer cancel()
		opened := 0
		p.Source = &hookSource{Source: p.Source, open: func() { opened++ }, next: func(_ context.Context, n int) error {
			return failure.Retry(errors.New("another instance has the slot"))
		}}
		fenced := &failure.StopError{Sentence: "fenced", Code: failure.ExitFenced, Err: checkpoint.ErrFenced}
		p.Store = &hookStore{Store: p.Store, save: func(n int, _ checkpoint.State) error {
			if n == 2 {
				return fenced
			}
			return nil
		}}
		err := p.Run(ctx)
		wantCode(t, err, failure.ExitFenced)
		if !errors.Is(err, checkpoint.ErrFenced) || opened != 1 {
			t.Errorf("Run: %v after %d streams, want ErrFenced after one", err, opened)
		}
	})
}

func TestACheckpointThatIsGoneIsNoStartElsewhere(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.cfg.committer = true
		w.cfg.sinkFails, w.faults = 1, 1
		p, _, ctx, cancel := w.start()
		defer cancel()
		begun := 0
		p.Source = &hookSource{Source: p.Source, locate: func(string) { begun++ }}
		p.Store = goneStore{p.Store}
		err := p.Run(ctx)
		wantCode(t, err, failure.ExitStop)
		if begun != 1 {
			t.Errorf("Run: %v after %d lives, want one", err, begun)
		}
	})
}

// A goneStore loses its State once it was taken.
type goneStore struct{ checkpoint.Store }

func (goneStore) Load(context.Context) (checkpoint.State, error) { return checkpoint.State{}, nil }
