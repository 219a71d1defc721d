package main_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
)

func TestAPersonIsAskedBeforeAPlaceIsMoved(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	s.establish(t)
	s.insert(t, 1, 10)
	before := s.saved(t)
	move := []string{"position", "set", "now", "-c", "testdata/" + s.config}
	for _, answer := range []string{"n\n", "\n"} {
		if shown := s.onTerminal(t, answer, 1, move...); !strings.Contains(shown, "skips about ") || !strings.Contains(shown, "[y/N]") {
			t.Errorf("got %q, want what it skips and a question", shown)
		}
		if got := s.saved(t); got != before {
			t.Errorf("checkpoint after %q: got %q, want it as it was: %q", answer, got, before)
		}
	}
	if shown := s.onTerminal(t, "y\n", 0, move...); !strings.Contains(shown, "moved") {
		t.Errorf("got %q, want that it is moved", shown)
	}
	s.insert(t, 11, 20)
	s.follow(t, "--until", "now").succeeds(t)
	wantIDs(t, s.ids(t), 11, 20)
}
