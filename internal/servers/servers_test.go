package servers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// eachVersion runs a test on every version of Postgres.
func eachVersion(t *testing.T, test func(t *testing.T, version int)) {
	for _, version := range local.Versions() {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) { test(t, version) })
	}
}

func TestADatabaseIsClean(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		d := servers.Postgres(t, version)
		if got, want := d.One(t, "SELECT count(*) FROM pg_stat_user_tables"), "0"; got != want {
			t.Errorf("tables: got %s, want %s", got, want)
		}
		settings := d.Rows(t, `SELECT current_setting('wal_level'), current_setting('server_encoding'),
			current_setting('server_version_num')::int / 10000, datcollate, NULL
			FROM pg_database WHERE datname = $1`, d.Name)
		got, want := fmt.Sprint(settings), fmt.Sprintf("[[logical UTF8 %d C.UTF-8 NULL]]", version)
		if got != want {
			t.Errorf("settings: got %s, want %s", got, want)
		}
	})
}

func TestADatabaseIsDroppedWithItsSlotsAndRoles(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		watcher := servers.Postgres(t, version)
		all := t
		var name string
		t.Run("while a client reads a slot", func(t *testing.T) {
			d := servers.Postgres(t, version)
			name = d.Name
			d.Role(t, "secret", "REPLICATION")
			d.Exec(t, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", name+"_idle")
			d.Exec(t, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", name+"_read")
			// Kept open beyond the drop, and not read, as by a daemon that hangs.
			conn, err := pgx.Connect(t.Context(), d.URL()+"&replication=database")
			if err != nil {
				t.Fatalf("connect for replication: %v", err)
			}
			all.Cleanup(func() { _ = conn.PgConn().Conn().Close() }) // nor collected as garbage, which would close it
			d.Exec(t, "CREATE PUBLICATION p FOR ALL TABLES")
			conn.PgConn().Frontend().SendQuery(startReplication(name + "_read"))
			if err := conn.PgConn().Frontend().Flush(); err != nil {
				t.Fatalf("start replication: %v", err)
			}
			eventually.True(t, time.Minute, "the slot is read", func() bool {
				return watcher.One(t, "SELECT active FROM pg_replication_slots WHERE slot_name = $1", name+"_read") == "t"
			})
		})
		for _, left := range []string{
			"SELECT count(*) FROM pg_database WHERE datname = $1",
			"SELECT count(*) FROM pg_replication_slots WHERE database = $1",
			"SELECT count(*) FROM pg_stat_activity WHERE datname = $1",
			"SELECT count(*) FROM pg_roles WHERE starts_with(rolname, $1)",
		} {
			if got, want := watcher.One(t, left, name), "0"; got != want {
				t.Errorf("%s: got %s, want %s", left, got, want)
			}
		}
	})
}

func TestOnlyTheSuperuserNeedsNoPassword(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		d := servers.Postgres(t, version)
		role := d.Role(t, "right", "REPLICATION")
		for _, c := range []struct {
			name, url, want string
		}{
			{"the right password is taken", d.URLAs(role, "right"), ""},
			{"a wrong password is refused", d.URLAs(role, "wrong"), "28P01"},
			{"a wrong password is refused for replication", d.URLAs(role, "wrong") + "&replication=database", "28P01"},
		} {
			t.Run(c.name, func(t *testing.T) {
				conn, err := pgx.Connect(t.Context(), c.url)
				if err == nil {
					defer conn.Close(t.Context())
				}
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("connect: got %v, want %q", err, c.want)
				}
			})
		}
	})
}

func TestAServerOfATestLivesThroughStopKillAndFreeze(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		t.Parallel()
		s := servers.NewPostgres(t, version, map[string]string{"application_name": "it's mine"})
		d := s.Database(t)
		if got, want := d.One(t, "SHOW application_name"), "it's mine"; got != want {
			t.Errorf("setting: got %q, want %q", got, want)
		}
		d.Exec(t, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)")

		s.Restart(t)
		d.Exec(t, "INSERT INTO kept VALUES (2)")
		s.Kill(t)
		if _, err := pgx.Connect(t.Context(), d.URL()); err == nil {
			t.Error("connect to a killed server: got no error")
		}
		s.Start(t)
		if got, want := d.One(t, "SELECT count(*) FROM kept"), "2"; got != want {
			t.Errorf("rows after a crash: got %s, want %s", got, want)
		}

		conn := d.Conn(t).PgConn()
		s.Freeze(t)
		eventually.True(t, time.Minute, "a frozen server's backend stands still", func() bool {
			return len(threadsThatGoOn(t, strconv.Itoa(int(conn.PID())))) == 0
		})
		conn.Frontend().SendQuery(&pgproto3.Query{String: "SELECT 1"})
		if err := conn.Frontend().Flush(); err != nil {
			t.Fatalf("ask a frozen server: %v", err)
		}
		s.Thaw(t)
		if answer, err := conn.ReceiveMessage(t.Context()); err != nil {
			t.Errorf("ask a thawed server: got %T, %v, want an answer", answer, err)
		}
	})
}

func TestAPromotedServerIsOnTheNextTimeline(t *testing.T) {
	eachVersion(t, func(t *testing.T, version int) {
		t.Parallel()
		s := servers.NewPostgres(t, version, nil)
		d := s.Database(t)
		d.Exec(t, "SELECT pg_create_logical_replication_slot('kept', 'pgoutput')")
		s.NewTimeline(t)
		// The control file learns of the timeline from the next checkpoint.
		d.Exec(t, "CHECKPOINT")
		if got, want := d.One(t, "SELECT timeline_id FROM pg_control_checkpoint()"), "2"; got != want {
			t.Errorf("timeline: got %s, want %s", got, want)
		}
		if got, want := d.One(t, "SELECT count(*) FROM pg_replication_slots"), "1"; got != want {
			t.Errorf("slots: got %s, want %s", got, want)
		}
	})
}

func TestNothingIsLeftOfAClosedServer(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(*testing.T, *servers.Server)
	}{
		{"that runs", func(*testing.T, *servers.Server) {}},
		{"that was frozen", func(t *testing.T, s *servers.Server) { s.Freeze(t) }},
		{"that was killed", func(t *testing.T, s *servers.Server) { s.Kill(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var folder string
			t.Run("the test that has it", func(t *testing.T) {
				s := servers.NewPostgres(t, 15, nil)
				folder = filepath.Dir(s.DataDir)
				s.Database(t).Conn(t)
				c.before(t, s)
			})
			if folder == "" {
				t.Fatal("there was no server to close")
			}
			if _, err := os.Stat(folder); !os.IsNotExist(err) {
				t.Errorf("look for the folder: got %v, want that it does not exist", err)
			}
			if got := processesOf(t, folder); len(got) != 0 {
				t.Errorf("processes left: got %v, want none", got)
			}
		})
	}
}

func TestWithoutAnOwnerATestIsToldWhatToDo(t *testing.T) {
	t.Setenv(servers.OwnerVariable, "")
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		servers.Postgres(r, 15)
	}()
	<-done
	for _, want := range []string{"make test", "make servers", servers.OwnerVariable} {
		if !strings.Contains(r.fatal, want) {
			t.Errorf("message: got %q, want it to name %q", r.fatal, want)
		}
	}
}
