package capturetest

import (
	"context"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// A Measured is a Database whose log can be looked at.
type Measured interface {
	Database
	// Gauge returns a new gauge of the pipeline that Source is of. The suite closes
	// it.
	Gauge(t testing.TB) capture.Gauge
}

// RunGauge runs the suite of capture.Gauge. open gives each behaviour a database
// of its own, which ends with the test.
func RunGauge(t *testing.T, open func(t testing.TB) Measured) {
	for _, b := range []struct {
		sentence string
		run      func(t *testing.T, s *measuredScene)
	}{
		{"a pipeline without a place sees the log's ends and nothing of a place", looksWithoutAPlace},
		{"what is written is behind a place until it is read", looksBehind},
		{"the ends are those that a source tells", looksAtTheEnds},
		{"a place that is gone is lost in the words of the start that it stops", looksAtWhatIsGone},
		{"a place of another server is lost in the words of the start that it stops", looksAtAnotherServer},
		{"a place of another kind of source is refused", looksAtNonsense},
		{"a look ends with its context, and the next one is a new one", looksAgain},
	} {
		t.Run(b.sentence, func(t *testing.T) {
			db := open(t)
			s := &measuredScene{scene{db: db, app: db.Session(t)}, db.Gauge(t)}
			t.Cleanup(func() {
				if err := s.gauge.Close(); err != nil {
					t.Errorf("close the gauge: %v", err)
				}
			})
			s.app.Exec(t, "CREATE TABLE captured (id int PRIMARY KEY, note varchar(100))")
			b.run(t, s)
		})
	}
}

// A measuredScene is a scene and a gauge that looks at it.
type measuredScene struct {
	scene
	gauge capture.Gauge
}

func (s *measuredScene) look(t *testing.T, st checkpoint.State) capture.Sight {
	t.Helper()
	return Look(t, s.gauge, st)
}

// Look is a look that must succeed.
func Look(t testing.TB, g capture.Gauge, st checkpoint.State) capture.Sight {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sight, err := g.Look(ctx, st)
	if err != nil {
		t.Fatalf("look at the log: %v", err)
	}
	return sight
}

func looksWithoutAPlace(t *testing.T, s *measuredScene) {
	got := s.look(t, checkpoint.State{})
	if got.Oldest == "" || got.Newest == "" {
		t.Errorf("the log's ends are %q and %q, want both", got.Oldest, got.Newest)
	}
	if got.Lost != "" || got.Behind != capture.Unknown || got.Left != capture.Unknown {
		t.Errorf("got %+v, want neither a loss nor numbers of a place", got)
	}
}

func looksBehind(t *testing.T, s *measuredScene) {
	r := s.start(t)
	s.insert(t, 1)
	r.ToEnd()
	at := r.State
	none := s.look(t, at).Behind
	if none < 0 {
		t.Fatalf("behind the end are %d bytes, want a number", none)
	}
	const rows = 100
	for id := 2; id < 2+rows; id++ {
		s.insert(t, id)
	}
	some := s.look(t, at)
	if least := none + rows*50; some.Behind < least || some.Lost != "" {
		t.Errorf("behind the place are %d bytes, lost is %q; want at least %d after %d rows", some.Behind, some.Lost, least, rows)
	}
	r.ToEnd()
	if got := s.look(t, r.State).Behind; got < 0 || got > some.Behind-rows*50 {
		t.Errorf("behind what was read are %d bytes, want a number that is %d less than before, which was %d", got, rows*50, some.Behind)
	}
}

func looksAtTheEnds(t *testing.T, s *measuredScene) {
	r := s.start(t)
	s.insert(t, 1)
	r.ToEnd()
	got := s.look(t, r.State)
	oldest, newest, err := r.Source.Range(t.Context())
	if err != nil {
		t.Fatalf("ask for the range: %v", err)
	}
	if got.Oldest != oldest || !r.Source.Reached(newest, got.Newest) || !r.Source.Reached(got.Newest, r.State.Position) {
		t.Errorf("the log is from %s to %s, want from %s to %s or shortly before", got.Oldest, got.Newest, oldest, newest)
	}
}

func looksAtWhatIsGone(t *testing.T, s *measuredScene) {
	r := s.start(t)
	old := r.State
	s.db.Split(t)
	s.insert(t, 1)
	r.ToEnd()
	r.Confirm()
	confirmed := r.State
	r.Close()
	s.db.Forget(t, confirmed.Position)
	s.wantLost(t, old)
	if got := s.look(t, confirmed).Lost; got != "" {
		t.Errorf("what was confirmed is lost: %s", got)
	}
}

func looksAtAnotherServer(t *testing.T, s *measuredScene) {
	r := s.start(t)
	r.Close()
	s.wantLost(t, s.db.Foreign(r.State))
}

// wantLost fails unless a look says what a start at st ends with.
func (s *measuredScene) wantLost(t *testing.T, st checkpoint.State) {
	t.Helper()
	_, err := Open(t, s.db.Source(t), st, "")
	if err == nil {
		t.Fatal("a start at the place succeeds, want that it is lost")
	}
	if got := s.look(t, st); got.Lost != err.Error() {
		t.Errorf("lost is %q, want %q", got.Lost, err)
	}
}

func looksAtNonsense(t *testing.T, s *measuredScene) {
	for _, at := range []event.Position{"nonsense:1", "now"} {
		if sight, err := s.gauge.Look(t.Context(), checkpoint.State{Position: at}); err == nil {
			t.Errorf("a look at %s says %+v, want an error", at, sight)
		}
	}
}

func looksAgain(t *testing.T, s *measuredScene) {
	r := s.start(t)
	r.Close()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if sight, err := s.gauge.Look(over, r.State); err == nil {
		t.Errorf("a look without time says %+v, want an error", sight)
	}
	if got := s.look(t, r.State); got.Lost != "" || got.Newest == "" {
		t.Errorf("the next look says %+v, want the log's ends and no loss", got)
	}
}
