package main_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// wantWarning fails unless got has a warning about the source with each of the
// phrases, in what it says or in what can be done.
func wantWarning(t *testing.T, got []finding, phrases ...string) {
	t.Helper()
	if !slices.ContainsFunc(warnings(got), func(f finding) bool {
		return f.Part == "source" && !slices.ContainsFunc(phrases, func(p string) bool { return !strings.Contains(f.What+"; "+f.Fix, p) })
	}) {
		t.Errorf("found %+v, want a warning with %q", got, phrases)
	}
}

func TestCheckWarnsOfAPostgresThatKeepsTooLittleOrTooMuch(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		server := servers.NewPostgres(t, version, nil)
		s := newSite(t, server.Database(t))
		s.env["TAILRACE_ADMIN"] = "off"
		wantWarning(t, s.check(t, 0), "max_slot_wal_keep_size is -1", "its disk may fill up", "ALTER SYSTEM SET max_slot_wal_keep_size")
		s.db.Exec(t, "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
		s.db.Exec(t, "SELECT pg_reload_conf()")
		s.establish(t)
		eventually.True(t, patience, "the server is about to give the slot up", func() bool {
			s.db.Exec(t, "INSERT INTO orders SELECT coalesce(max(id), 0) + 1 FROM orders")
			s.db.Exec(t, "SELECT pg_switch_wal()")
			return s.db.One(t, "SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", s.slot) == "unreserved"
		})
		wantWarning(t, s.check(t, 0), "gives slot "+s.slot+" up at its next checkpoint", "max_slot_wal_keep_size: 1048576", "start Tailrace now")
		s.db.Exec(t, "CHECKPOINT")
		s.saysWhatRunSays(t, 4)
	})
}

func TestCheckWarnsOfAMySQLThatKeepsItsLogForTooShort(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.NewMySQL(t, product, nil).Database(t))
		s.env["TAILRACE_ADMIN"] = "off"
		s.db.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 600", "SET GLOBAL binlog_row_image = 'MINIMAL'")
		s.establish(t)
		found := s.check(t, 0)
		wantWarning(t, found, "deletes its binlogs after 10m0s", "binlog_expire_logs_seconds = 604800")
		wantWarning(t, found, "may delete the log at the checkpoint's place in ", "binlog_expire_logs_seconds", "start Tailrace now")
		wantWarning(t, found, "binlog_row_image: MINIMAL", "binlog_row_image = 'FULL'")
		s.db.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 604800", "SET GLOBAL binlog_row_image = 'FULL'")
		if found := warnings(s.check(t, 0)); len(found) > 0 && !strings.Contains(found[0].What, "binlog_row_metadata") {
			t.Errorf("found %+v, want nothing of what was mended", found)
		}
	})
}
