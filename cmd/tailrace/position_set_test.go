package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// sets moves the saved place.
func (s *site) sets(t *testing.T, to string) *process {
	t.Helper()
	return s.tellsPosition(t, "set", to, "--yes")
}

// newest is the end of the server's log as a person would copy it: whole, or of
// GTIDs without their file.
func (k *kafkaSite) newest(t *testing.T) string {
	t.Helper()
	at := k.shown(t).Server.Newest
	if k.config == "kafka-once.yaml" {
		at, _, _ = strings.Cut(at, "@")
	}
	return at
}

// published returns how often each row is in Kafka, by the key of its events.
func (k *kafkaSite) published(t *testing.T) map[string]int {
	t.Helper()
	times := map[string]int{}
	for _, partition := range k.committed(t, k.topic) {
		for _, r := range partition {
			times[r.key]++
		}
	}
	return times
}

// wantTimes fails unless the rows from first to last were published so often.
func (k *kafkaSite) wantTimes(t *testing.T, want, first, last int) {
	t.Helper()
	times := k.published(t)
	for id := first; id <= last; id++ {
		if got := times[fmt.Sprintf(`{"id":%d}`, id)]; got != want {
			t.Errorf("row %d was published %d times, want %d", id, got, want)
		}
	}
}

func TestAPlaceThatWasSetIsWhereTheNextStartGoesOn(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, k *kafkaSite) {
		d := k.follow(t, fromNow...)
		d.following(t)
		k.insert(t, 1, 10)
		eventually.True(t, patience, "the events are there", func() bool { return count(k.committed(t, k.topic)) == 10 })
		held := k.sets(t, "now")
		held.exits(t, 3)
		d.stop(t)
		stopped := k.position(t)

		k.insert(t, 11, 20)
		middle := k.newest(t)
		k.insert(t, 21, 30)

		unasked := k.tellsPosition(t, "set", middle)
		unasked.exits(t, 1)
		if got := unasked.verdict(t); !strings.Contains(got, "--yes") {
			t.Errorf("without a terminal: got %q, want --yes in it", got)
		}
		if got := k.position(t); got != stopped {
			t.Errorf("the place is %s, want that it is still %s", got, stopped)
		}

		forward := k.sets(t, middle)
		forward.succeeds(t)
		for _, want := range []string{stopped, k.position(t), "skips about ", "bytes"} {
			if !strings.Contains(forward.stdout.String(), want) {
				t.Errorf("forward: got %q, want %q in it", forward.stdout.String(), want)
			}
		}
		// A container restarts with the arguments that it always has.
		k.follow(t, append(fromNow, "--until", "now")...).succeeds(t)
		k.wantTimes(t, 1, 1, 10)
		k.wantTimes(t, 0, 11, 20)
		k.wantTimes(t, 1, 21, 30)

		k.insert(t, 31, 40)
		k.sets(t, "now").succeeds(t)
		k.insert(t, 41, 50)
		k.follow(t, append(fromNow, "--until", "now")...).succeeds(t)
		k.wantTimes(t, 0, 31, 40)
		k.wantTimes(t, 1, 41, 50)

		back := k.sets(t, middle)
		if postgres := k.site.db != nil; postgres {
			back.exits(t, 4)
			if got := back.verdict(t); !strings.Contains(got, "lies before the place of slot") {
				t.Errorf("back before the slot's place: got %q, want that the server does not have it", got)
			}
			k.follow(t, append(fromNow, "--until", "now")...).succeeds(t)
			k.wantTimes(t, 1, 41, 50)
			return
		}
		back.succeeds(t)
		if !strings.Contains(back.stdout.String(), "repeats about ") {
			t.Errorf("back: got %q, want that it repeats", back.stdout.String())
		}
		k.follow(t, append(fromNow, "--until", "now")...).succeeds(t)
		k.wantTimes(t, 1, 1, 10)
		k.wantTimes(t, 0, 11, 20)
		k.wantTimes(t, 2, 21, 30)
		k.wantTimes(t, 1, 31, 40)
		k.wantTimes(t, 2, 41, 50)
	})
}

// The environment of set may name a start that the checkpoint does not know yet.
func TestAStartThatIsToComeDoesNotJumpOverAPlaceThatWasSet(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	s.establish(t)
	s.insert(t, 1, 10)
	s.env["TAILRACE_FROM"] = "earliest"
	s.sets(t, "now").succeeds(t)
	s.insert(t, 11, 20)
	s.follow(t, "--until", "now").succeeds(t)
	wantIDs(t, s.ids(t), 11, 20)
}

func TestAPlaceCanBeSetForAPipelineThatHasOneOnly(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, k *kafkaSite) {
		p := k.sets(t, "now")
		p.exits(t, 4)
		if got := p.verdict(t); !strings.HasPrefix(got, "pipeline "+k.name+" has no checkpoint at ") || !strings.Contains(got, "--from") {
			t.Errorf("got %q, want that there is none, and how one is begun", got)
		}
		if got := k.shown(t); got.Position != "" {
			t.Errorf("the position is %s, want none", got.Position)
		}
	})
}

func TestAPlaceThatIsNoneIsRefusedAndLeavesTheCheckpoint(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	s.establish(t)
	m := newMySQLSite(t, servers.MySQL(t, local.MySQL97))
	m.establish(t)
	for _, c := range []struct {
		name string
		site *site
		to   string
		code int
		want string
	}{
		{"nonsense for Postgres", s, "nonsense", 4, "is not one of a Postgres source"},
		{"a place of MySQL for Postgres", s, "file:binlog.000001:4", 4, "is not one of a Postgres source"},
		{"a place ahead of the log", s, "lsn:FFFFFFF/0", 4, "lies ahead of the server's log"},
		{"a time that is none", s, "time:yesterday", 1, "time:yesterday is not a time; write it as time:2026"},
		{"GTIDs that are none of MySQL", m.site, "gtid:zzz", 1, "write it as gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77 or file:"},
		{"nonsense for MySQL", m.site, "nonsense", 1, "is not a place in a binlog"},
		{"a place that is no end of a transaction", m.site, "file:binlog.000001:5", 4, "is not the end of a transaction"},
		{"transactions that the server does not have", m.site, "gtid:ffffffff-ffff-ffff-ffff-ffffffffffff:1-7", 4, "does not have the transactions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := c.site.saved(t)
			p := c.site.sets(t, c.to)
			p.exits(t, c.code)
			if got := p.verdict(t); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
			if got := c.site.saved(t); got != before {
				t.Errorf("checkpoint: got %q, want it as it was: %q", got, before)
			}
		})
	}
}
