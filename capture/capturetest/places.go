package capturetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
)

func forgotten(t *testing.T, s *scene) {
	r := s.start(t)
	old := r.State
	s.db.Split(t)
	s.insert(t, 1)
	r.ToEnd()
	r.Confirm()
	confirmed := r.State
	r.Close()
	s.db.Forget(t, confirmed.Position)
	oldest, _, err := r.Source.Range(t.Context())
	if err != nil {
		t.Fatalf("ask for the range: %v", err)
	}
	if !r.Source.Reached(oldest, old.Position) || r.Source.Reached(old.Position, oldest) {
		t.Errorf("the oldest place is %s, want one behind %s", oldest, old.Position)
	}
	if !r.Source.Reached(confirmed.Position, oldest) {
		t.Errorf("the oldest place is %s, want %s or an earlier one", oldest, confirmed.Position)
	}
	for _, from := range []string{"", string(old.Position)} {
		_, err := Open(t, s.db.Source(t), old, from)
		if !errors.Is(err, capture.ErrLost) || failure.ExitCode(err) != failure.ExitStop {
			t.Errorf("open at the old place, from %q: %v; want a Stop that is ErrLost", from, err)
		}
	}
	s.insert(t, 2)
	Equal(t, lines(Start(t, s.db.Source(t), confirmed, "").ToEnd()), inserted(2))
}

func unconfirmed(t *testing.T, s *scene) {
	r := s.start(t)
	old := r.State
	s.insert(t, 1)
	first := Texts(r.ToEnd())
	r.Close()
	r = Start(t, s.db.Source(t), old, "")
	Equal(t, Texts(r.ToEnd()), first)
}

func foreignPlace(t *testing.T, s *scene) {
	_, err := Open(t, s.db.Source(t), checkpoint.State{}, "nonsense:1")
	if failure.ExitCode(err) != failure.ExitStop {
		t.Errorf("open at nonsense:1: %v, want a Stop", err)
	}
	r := s.start(t)
	r.Close()
	if _, err = Open(t, s.db.Source(t), s.db.Foreign(r.State), ""); failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) {
		t.Errorf("open with a checkpoint of another server: %v, want a Stop", err)
	}
}

func ranges(t *testing.T, s *scene) {
	r := s.start(t)
	start := r.State.Position
	s.insert(t, 1)
	oldest, newest, err := r.Source.Range(t.Context())
	if err != nil {
		t.Fatalf("ask for the range: %v", err)
	}
	for _, c := range []struct {
		sentence   string
		at, target event.Position
		want       bool
	}{
		{"a place has reached itself", newest, newest, true},
		{"the start has not reached the end", start, newest, false},
		{"the end has reached the start", newest, start, true},
		{"the end has reached the oldest place", newest, oldest, true},
		{"the start has reached the oldest place", start, oldest, true},
	} {
		if got := r.Source.Reached(c.at, c.target); got != c.want {
			t.Errorf("%s: Reached(%s, %s) = %t, want %t", c.sentence, c.at, c.target, got, c.want)
		}
	}
	Equal(t, lines(r.To(newest)), inserted(1))
}

func endOfContext(t *testing.T, s *scene) {
	const soon = time.Second
	r := s.start(t)
	r.ToEnd()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan time.Time, 1)
	timer := time.AfterFunc(50*time.Millisecond, func() {
		ended <- time.Now()
		cancel()
	})
	defer timer.Stop()
	for {
		_, err := r.Next(ctx)
		if err == nil {
			continue // the idle server says where its log ends
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Next = %v, want %v", err, context.Canceled)
		}
		break
	}
	if got := time.Since(<-ended); got > soon {
		t.Errorf("Next returned %v after the context's end, want at most %v", got, soon)
	}
}

func closing(t *testing.T, s *scene) {
	const soon = 5 * time.Second
	r := s.start(t)
	s.insert(t, 1)
	r.ToEnd()
	begin := time.Now()
	r.Close()
	r = Start(t, s.db.Source(t), r.State, "")
	if got := time.Since(begin); got > soon {
		t.Errorf("closing and opening again took %v, want at most %v", got, soon)
	}
	s.insert(t, 2)
	Equal(t, lines(r.ToEnd()), inserted(2))
}

func cut(t *testing.T, s *scene) {
	r := s.start(t)
	s.insert(t, 1)
	r.ToEnd()
	s.db.Cut(t)
	if err := r.Broken(); !failure.Retryable(err) {
		t.Fatalf("Next = %v, want an error of the class Retry", err)
	}
	r.Close()
	s.insert(t, 2)
	// The same source, as a pipeline goes on.
	Equal(t, lines(Start(t, r.Source, r.State, "").ToEnd()), inserted(2))
}

func startTime(t *testing.T, s *scene) {
	r := s.start(t)
	s.insert(t, 1)
	events := r.ToEnd()
	r.Close()
	var since time.Time
	eventually.True(t, patience, "the server's clock is behind the commit", func() bool {
		since = s.db.Clock(t)
		return since.UnixMilli() > events[0].Source.Millis
	})
	s.app.Exec(t, "BEGIN", insertion(2), insertion(3), "COMMIT")
	s.insert(t, 4)
	r = Start(t, s.db.Source(t), checkpoint.State{}, "time:"+since.Format(time.RFC3339Nano))
	start := r.State
	Equal(t, lines(r.ToEnd()), inserted(2, 3, 4))
	reached := r.State
	r.Close()

	r = Start(t, s.db.Source(t), start, "")
	Equal(t, lines(r.ToEnd()), inserted(2, 3, 4))
	r.Close()

	s.insert(t, 5)
	r = Start(t, s.db.Source(t), reached, "")
	Equal(t, lines(r.ToEnd()), inserted(5))
}

func startPosition(t *testing.T, s *scene) {
	r := s.start(t)
	s.insert(t, 1)
	r.ToEnd()
	at := r.State.Position
	s.insert(t, 2)
	r.ToEnd()
	r.Close()
	for sentence, st := range map[string]checkpoint.State{
		"without a checkpoint": {},
		"with a later one":     r.State,
	} {
		r := Start(t, s.db.Source(t), st, string(at))
		if r.State.Position != at {
			t.Errorf("%s: the place is %s, want %s", sentence, r.State.Position, at)
		}
		Equal(t, lines(r.ToEnd()), inserted(2))
		r.Close()
	}
}
