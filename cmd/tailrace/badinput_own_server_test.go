package main_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

// eachVersion runs a test on two versions of Postgres, side by side.
func eachVersion(t *testing.T, test func(t *testing.T, version int)) {
	t.Helper()
	for _, version := range servers.Versions() {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) {
			t.Parallel()
			test(t, version)
		})
	}
}

func TestAServerThatDoesNotLogChangesIsRefused(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.NewPostgres(t, version, map[string]string{"wal_level": "replica"}).Database(t))
		refuse(t, refusal{args: fromNow, code: 4, want: `wal_level is replica, and changes are in the log only with logical; ALTER SYSTEM SET wal_level = logical, then restart the server (on RDS and Aurora: rds.logical_replication = 1)`}, s)
	})
}

func TestASlotThatTheServerGaveUpIsRefused(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.NewPostgres(t, version, map[string]string{"max_slot_wal_keep_size": "1MB"}).Database(t))
		s.establish(t)
		eventually.True(t, patience, "the server gives the slot up", func() bool {
			s.db.Exec(t, "INSERT INTO orders SELECT coalesce(max(id), 0) + 1 FROM orders")
			s.db.Exec(t, "SELECT pg_switch_wal()")
			s.db.Exec(t, "CHECKPOINT")
			return s.db.One(t, "SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", s.slot) == "lost"
		})
		lost := refusal{code: 4, want: `slot SLOT is lost: the server removed log that it needed (max_slot_wal_keep_size): the place is lost; run: SELECT pg_drop_replication_slot('SLOT'); then tailrace position set now; then copy the tables again, and start`}
		refuse(t, lost, s)

		// A new start would have to read from the same slot.
		s.moveCheckpointAway(t)
		lost.args = fromNow
		refuse(t, lost, s)
		s.db.Exec(t, "SELECT pg_drop_replication_slot($1)", s.slot)
		s.follow(t, "--from", "now", "--until", "now").succeeds(t)
	})
}

func TestASlotThatSomebodyElseReadsIsRefused(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		s.establish(t)
		other := *s
		other.folder = t.TempDir()
		other.env = map[string]string{}
		for name, value := range s.env {
			other.env[name] = value
		}
		other.env["FOLDER"] = other.folder
		other.write(t, other.checkpoint(), s.saved(t))
		s.follow(t).following(t)
		refuse(t, refusal{code: 3, want: `slot SLOT is read by somebody else; stop the other one: SELECT * FROM pg_stat_replication WHERE pid = PID says who it is`}, &other)
	})
}

func TestARowThatIsTooLargeStopsBeforeItAndNothingIsLost(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		s.establish(t)
		s.insert(t, 1, 3)
		s.db.Exec(t, "INSERT INTO orders VALUES (4, repeat($1, 100000))", rowValue+"0123456789")
		s.insert(t, 5, 6)
		p := s.follow(t, "--memory", "16MiB")
		p.exits(t, 4)
		got, want := s.normalize(p.verdict(t)), `the server sends a row of N bytes, and at most 2097152 are read at --memory's size; raise --memory to at least eight times that, or exclude the table`
		if got != want {
			t.Errorf("sentence:\n got %s\nwant %s", got, want)
		}
		wantIDs(t, s.ids(t), 1, 3)
		s.follow(t, "--memory", "64MiB", "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 6)
	})
}

func TestAReaderOfStdoutThatLeavesEndsTheRunAndLosesNothing(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		s.establish(t)
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p := new(process).begin(t, s.command(t.Context(), "run", "-c", "testdata/tailrace.yaml", "--publish", "stdout:"), write)
		if err := write.Close(); err != nil {
			t.Fatal(err)
		}
		p.following(t)
		if err := read.Close(); err != nil {
			t.Fatal(err)
		}
		s.insert(t, 1, 3)
		p.exits(t, 4)
		got, want := p.verdict(t), `stdout was closed by its reader; start it again with a reader that stays: it goes on where it stopped`
		if got != want {
			t.Errorf("sentence:\n got %s\nwant %s", got, want)
		}
		again := s.follow(t, "--publish", "stdout:", "--until", "now")
		again.succeeds(t)
		wantIDs(t, idsOf(t, again.stdout.String()), 1, 3)
	})
}

// From version 18 on the server goes on without a publication that is gone.
func TestAPublicationThatIsDroppedUnderTheStreamStopsIt(t *testing.T) {
	t.Parallel()
	wants := map[int]string{
		15: `read the log: the publication was dropped: the place is lost: publication "SLOT" does not exist (SQLSTATE 42704)`,
		18: `read the log: the publication was dropped: skipped loading publication "SLOT": the place is lost`,
	}
	eachVersion(t, func(t *testing.T, version int) {
		want := wants[version] + "; changes since the checkpoint can't be read any more; run: tailrace position set now; then copy the tables again, and start"
		s := newSite(t, servers.Postgres(t, version))
		p := s.follow(t, fromNow...)
		p.following(t)
		s.insert(t, 1, 3)
		eventually.True(t, patience, "the rows are there", func() bool { return len(s.ids(t)) == 3 })
		s.db.Exec(t, "DROP PUBLICATION "+s.slot)
		s.insert(t, 4, 4)
		p.exits(t, 4)
		if got := s.normalize(p.verdict(t)); got != want {
			t.Errorf("sentence:\n got %s\nwant %s", got, want)
		}
		// Making it again does not bring the row back, so it is not enough.
		s.db.Exec(t, "CREATE PUBLICATION "+s.slot+" FOR TABLE orders")
		again := s.follow(t, "--until", "now")
		again.exits(t, 4)
		if got := s.normalize(again.verdict(t)); got != want {
			t.Errorf("sentence:\n got %s\nwant %s", got, want)
		}
	})
}

// What the sentences advise after a loss has to work.
func TestANewStartFromNowHelpsAfterALoss(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, loss string }{
		{"the slot was dropped", "SELECT pg_drop_replication_slot('%s')"},
		{"the publication was dropped", "DROP PUBLICATION %s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachVersion(t, func(t *testing.T, version int) {
				s := newSite(t, servers.Postgres(t, version))
				s.establish(t)
				s.db.Exec(t, fmt.Sprintf(c.loss, s.slot))
				s.insert(t, 1, 3)
				s.moveCheckpointAway(t)
				p := s.follow(t, fromNow...)
				p.following(t)
				s.insert(t, 4, 6)
				eventually.True(t, patience, "the new rows are there", func() bool { return len(s.ids(t)) == 3 })
				p.stop(t)
				wantIDs(t, s.ids(t), 4, 6)
			})
		})
	}
}
