package main_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestAFlagWinsOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	runs := func(want string, args ...string) {
		t.Helper()
		p := s.follow(t, append(args, "--from", "now", "--until", "now")...)
		p.succeeds(t)
		if got, want := p.following(t)["checkpoint"], filepath.Join(s.folder, want); got != want {
			t.Errorf("checkpoint: got %v, want %s", got, want)
		}
	}
	runs("checkpoint.json")
	s.env["TAILRACE_CHECKPOINT"] = "file://" + s.folder + "/environment.json"
	runs("environment.json")
	runs("flag.json", "--checkpoint", "file://"+s.folder+"/flag.json")
}

func TestTheEnvironmentAloneIsEnough(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	for name, value := range map[string]string{
		"NAME": s.name, "SOURCE": s.source(), "TABLES": "public.*,!public.audit_*", "SNAPSHOT": "never", "FROM": "now",
		"PUBLISH": "stdout:", "CHECKPOINT": "file://" + s.checkpoint(),
	} {
		s.env["TAILRACE_"+name] = value
	}
	p := s.start(t, "run")
	p.following(t)
	s.insert(t, 1, 3)
	eventually.True(t, patience, "the events are there", func() bool { return len(idsOf(t, p.stdout.String())) == 3 })
	p.stop(t)
	wantIDs(t, idsOf(t, p.stdout.String()), 1, 3)
}

func TestOneLineSaysWhatIsFollowed(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		p := s.follow(t, "--from", "now", "--until", "now")
		p.succeeds(t)
		lines := p.lines(t, "following")
		if len(lines) != 1 {
			t.Fatalf("start lines: got %d, want 1", len(lines))
		}
		line := lines[0]
		for field, want := range map[string]string{
			"pipeline": s.name, "tables": "[public.orders]", "sink": "file://" + s.events(), "checkpoint": s.checkpoint(),
			"server": fmt.Sprintf("127.0.0.1:%d", s.db.Port),
		} {
			if got := fmt.Sprint(line[field]); got != want {
				t.Errorf("%s: got %s, want %s", field, got, want)
			}
		}
		for field, want := range map[string]string{"version": fmt.Sprintf("PostgreSQL %d.", version), "position": "lsn:"} {
			if got := fmt.Sprint(line[field]); !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %s, want one that begins with %s", field, got, want)
			}
		}
	})
}

func TestUntilNowPublishesWhatIsThereAndEnds(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		s.establish(t)
		s.insert(t, 1, 100)
		s.follow(t, "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 100)
		s.wantConfirmed(t)
	})
}

// wantConfirmed fails unless the server was told of the place that the ended
// pipeline has saved.
func (s *site) wantConfirmed(t *testing.T) {
	t.Helper()
	got := "lsn:" + s.db.One(t, "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1", s.slot)
	if want := string(s.state(t).Position); got != want {
		t.Errorf("confirmed to the server: got %s, want the checkpoint's %s", got, want)
	}
}

// An idle table must not hold the log of busy ones back on the server (C1.1).
func TestThePlaceMovesWhileTheCapturedTableIsIdle(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		s.db.Exec(t, "CREATE TABLE busy (id serial PRIMARY KEY)")
		p := s.follow(t, fromNow...)
		p.following(t)
		s.db.Exec(t, "INSERT INTO busy SELECT FROM generate_series(1, 1000)")
		end := s.db.One(t, "SELECT pg_current_wal_lsn()")
		eventually.True(t, patience, "slot and checkpoint have passed the busy table's changes", func() bool {
			return s.db.One(t, `SELECT $1::pg_lsn >= $3::pg_lsn AND confirmed_flush_lsn >= $3::pg_lsn
				FROM pg_replication_slots WHERE slot_name = $2`, strings.TrimPrefix(string(s.state(t).Position), "lsn:"), s.slot, end) == "t"
		})
		p.stop(t)
		s.wantConfirmed(t)
		wantIDs(t, s.ids(t), 1, 0)
	})
}
