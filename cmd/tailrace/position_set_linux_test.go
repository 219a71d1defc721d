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

// A slot keeps the server's log from its first moment on: who says no gets none.
func TestWhoDoesNotAgreeToAPlaceGetsNoSlot(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	s.establish(t)
	s.insert(t, 1, 10)
	before := s.saved(t)
	s.db.Exec(t, "SELECT pg_drop_replication_slot($1)", s.slot)
	s.db.Exec(t, "DROP PUBLICATION "+s.slot)
	there := func() string {
		t.Helper()
		return s.db.One(t, "SELECT (SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1) + (SELECT count(*) FROM pg_publication WHERE pubname = $1)", s.slot)
	}
	for _, to := range []string{"now", "earliest"} {
		move := []string{"position", "set", to, "-c", "testdata/" + s.config}
		shown := s.onTerminal(t, "n\n", 1, move...)
		for _, want := range []string{"makes", "slot " + s.slot, "skips about ", "[y/N]"} {
			if !strings.Contains(shown, want) {
				t.Errorf("to %s: got %q, want %q in it", to, shown, want)
			}
		}
		if got := there(); got != "0" {
			t.Errorf("to %s: there are %s of slot and publication, want none", to, got)
		}
	}
	if got := s.saved(t); got != before {
		t.Errorf("checkpoint: got %q, want it as it was: %q", got, before)
	}
	if shown := s.onTerminal(t, "y\n", 0, "position", "set", "now", "-c", "testdata/"+s.config); !strings.Contains(shown, "moved to "+string(s.state(t).Position)) {
		t.Errorf("got %q, want that it is moved to %s", shown, s.state(t).Position)
	}
	if got := there(); got != "2" {
		t.Errorf("there are %s of slot and publication, want both", got)
	}
	s.insert(t, 11, 20)
	s.follow(t, "--until", "now").succeeds(t)
	wantIDs(t, s.ids(t), 11, 20)
}
