package main_test

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// saysWhatRunSays fails unless check, which changes nothing, finds the one reason
// that run then stops with, in the same words.
func (s *site) saysWhatRunSays(t *testing.T, code int, args ...string) {
	t.Helper()
	made := s.made(t)
	found := s.check(t, 1, args...)
	if got := s.made(t); got != made {
		t.Errorf("slots and publications: got %s, want %s as before", got, made)
	}
	found = slices.DeleteFunc(found, func(f finding) bool { return f.Level != "error" })
	sentence := s.refused(t, code, args...)
	if len(found) != 1 || s.normalize(found[0].What+"; "+found[0].Fix) != s.normalize(sentence) {
		t.Errorf("check found %+v, and run says %q", found, sentence)
	}
}

func TestCheckSaysOfAPostgresWhatRunWouldStopWith(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		code    int // of run; 0: 4
		args    []string
		config  string
		prepare func(t *testing.T, s *site)
	}{
		{name: "the password is wrong", args: fromNow, prepare: func(_ *testing.T, s *site) { s.env["DB_PASSWORD"] = "canary-password-wrong" }},
		{name: "the role does not own the table", args: fromNow, prepare: func(t *testing.T, s *site) { s.db.Exec(t, "ALTER TABLE orders OWNER TO postgres") }},
		{name: "the role does not own the publication", args: append(fromNow, "--table", "public.*"), prepare: func(t *testing.T, s *site) {
			s.db.Exec(t, "CREATE PUBLICATION "+s.slot+" FOR TABLE orders; CREATE TABLE more (id int PRIMARY KEY); ALTER TABLE more OWNER TO "+s.user)
		}},
		{name: "a publication leaves out changes", args: fromNow, prepare: func(t *testing.T, s *site) {
			s.db.Exec(t, "CREATE PUBLICATION "+s.slot+" FOR TABLE orders WITH (publish = 'insert')")
		}},
		{name: "there is no slot and none may be made", args: fromNow, config: "create-nothing.yaml", prepare: func(t *testing.T, s *site) {
			s.db.Exec(t, "CREATE PUBLICATION "+s.slot+" FOR TABLE orders")
		}},
		{name: "there is no publication and none may be made", args: fromNow, config: "create-nothing.yaml", prepare: func(t *testing.T, s *site) {
			s.db.Exec(t, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", s.slot)
		}},
		{name: "the start lies before the slot's place", args: []string{"--from", "lsn:0/1000000"}, prepare: established},
		{name: "the start lies ahead of the log", args: []string{"--from", "lsn:FFFF/0"}, prepare: established},
		{name: "the position is of another source", args: []string{"--from", "gtid:0-1-100"}},
		{name: "the checkpoint is of another server", prepare: func(t *testing.T, s *site) {
			s.establish(t)
			s.alter(t, func(st *checkpoint.State) { st.Source.System = "7000000000000000001" })
		}},
		{name: "the checkpoint is of another pipeline", prepare: func(t *testing.T, s *site) {
			s.establish(t)
			s.alter(t, func(st *checkpoint.State) { st.Pipeline = "other" })
		}},
		{name: "the checkpoint is damaged", prepare: func(t *testing.T, s *site) {
			s.establish(t)
			s.write(t, s.checkpoint(), "{")
		}},
		{name: "the checkpoint is ahead of the log", prepare: func(t *testing.T, s *site) {
			s.establish(t)
			s.alter(t, func(st *checkpoint.State) { st.Position = "lsn:FFFF/0" })
		}},
		{name: "the slot was dropped", prepare: func(t *testing.T, s *site) {
			s.establish(t)
			s.db.Exec(t, "SELECT pg_drop_replication_slot($1)", s.slot)
		}},
		{name: "the slot is ahead of the checkpoint", prepare: func(t *testing.T, s *site) {
			s.establish(t)
			s.insert(t, 1, 10)
			s.db.Exec(t, "SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", s.slot)
		}},
		{name: "the publication was dropped", prepare: func(t *testing.T, s *site) {
			s.establish(t)
			s.db.Exec(t, "DROP PUBLICATION "+s.slot)
		}},
		{name: "a table was taken out of the publication", prepare: func(t *testing.T, s *site) {
			s.establish(t)
			s.db.Exec(t, "CREATE TABLE more (id int PRIMARY KEY); ALTER PUBLICATION "+s.slot+" SET TABLE more")
		}},
		{name: "somebody else reads the slot", code: 3, prepare: func(t *testing.T, s *site) {
			s.establish(t)
			other := *s
			other.folder, other.env = t.TempDir(), map[string]string{}
			for name, value := range s.env {
				other.env[name] = value
			}
			other.env["FOLDER"] = other.folder
			other.write(t, other.checkpoint(), s.saved(t))
			other.follow(t).following(t)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, servers.Postgres(t, 18))
			s.env["TAILRACE_ADMIN"] = "off"
			if c.prepare != nil {
				c.prepare(t, s)
			}
			if c.config != "" {
				s.config = c.config
			}
			s.saysWhatRunSays(t, cmp.Or(c.code, 4), c.args...)
		})
	}
}

func TestCheckSaysOfAMySQLWhatRunWouldStopWith(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		server := servers.NewMySQL(t, product, nil)
		for _, c := range []struct {
			name    string
			code    int
			args    []string
			prepare func(t *testing.T, s *mysqlSite)
		}{
			{name: "the password is wrong", code: 4, args: fromNow, prepare: func(_ *testing.T, s *mysqlSite) { s.env["DB_PASSWORD"] = "canary-password-wrong" }},
			{name: "the start is in a file that is not there", code: 4, args: []string{"--from", "file:binlog.009999:4"}},
			{name: "the checkpoint is of another server", code: 4, prepare: func(t *testing.T, s *mysqlSite) {
				s.establish(t)
				s.alter(t, func(st *checkpoint.State) { st.Source.Connector = "postgresql" })
			}},
			{name: "the binlog was purged", code: 4, prepare: func(t *testing.T, s *mysqlSite) {
				s.establish(t)
				s.insert(t, 1, 3)
				s.purge(t)
			}},
			{name: "somebody else reads with our server_id", code: 3, prepare: func(t *testing.T, s *mysqlSite) {
				s.establish(t)
				other := s.twin(t)
				other.write(t, other.checkpoint(), s.saved(t))
				other.follow(t).following(t)
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				s := newMySQLSite(t, server.Database(t))
				s.env["TAILRACE_ADMIN"] = "off"
				if c.prepare != nil {
					c.prepare(t, s)
				}
				s.saysWhatRunSays(t, c.code, c.args...)
			})
		}
	})
}

// phrases fails unless every one of want is among what check printed.
func (p *process) phrases(t *testing.T, want ...string) {
	t.Helper()
	for _, phrase := range want {
		if !strings.Contains(p.stdout.String(), phrase) {
			t.Errorf("got\n%s\nwant %q in it", p.stdout.String(), phrase)
		}
	}
}

func TestCheckFindsNothingWhereRunWorks(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, k *kafkaSite) {
		k.env["TAILRACE_ADMIN"] = "off"
		before := k.topics(t)
		first := k.check(t, 0)
		if !slices.ContainsFunc(first, func(f finding) bool {
			return f.Part == "checkpoint" && f.Level == "warning" && strings.HasPrefix(f.What, "there is no checkpoint yet") && strings.Contains(f.Fix, "--from now")
		}) {
			t.Errorf("before the first start: found %+v, want a warning that it must be told where to begin", first)
		}
		if got := k.topics(t); !slices.Equal(got, before) {
			t.Errorf("topics: got %q, want %q as before", got, before)
		}
		p := k.start(t, "check", "-c", "testdata/"+k.config, "--from", "now")
		p.succeeds(t)
		p.phrases(t, "orders", "a start from now is possible", "\nready")

		k.follow(t, "--from", "now", "--until", "now").succeeds(t)
		saved := k.saved(t)
		p = k.start(t, "check", "-c", "testdata/"+k.config)
		p.succeeds(t)
		p.phrases(t, "everything behind the checkpoint's place", k.position(t), "\nready")
		if got := k.saved(t); got != saved {
			t.Errorf("checkpoint: got %q, want it as it was: %q", got, saved)
		}
	})
}

func TestCheckBesideADaemonSaysSoAndDisturbsNothing(t *testing.T) {
	t.Parallel()
	for _, once := range []bool{false, true} {
		name := "checkpoint in a file"
		if once {
			name = "checkpoint in Kafka"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, k *kafkaSite) {
				k.env["TAILRACE_ADMIN"] = "off"
				if once {
					k.once()
					k.env["INTERVAL"] = "200ms"
				}
				daemon := k.follow(t, fromNow...)
				daemon.following(t)
				k.insert(t, 1, 3)
				eventually.True(t, patience, "the rows are there", func() bool { return count(k.committed(t, k.topic)) == 3 })
				found := k.checkBeside(t, 0)
				running := fmt.Sprintf("process %d", daemon.cmd.Process.Pid)
				if !slices.ContainsFunc(warnings(found), func(f finding) bool {
					return f.Part == "checkpoint" && strings.HasPrefix(f.What, "a daemon runs with these settings: ") && strings.Contains(f.What, running)
				}) {
					t.Errorf("found %+v, want a warning that %s runs", found, running)
				}
				k.insert(t, 4, 6)
				eventually.True(t, patience, "the rows are there", func() bool { return count(k.committed(t, k.topic)) == 6 })
				daemon.stop(t)
				if again := daemon.lines(t, "starting again from the saved state"); len(again) > 0 {
					t.Errorf("the daemon was disturbed: %v", again)
				}
			})
		})
	}
}

// listen returns a port that takes connections and says nothing.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestCheckWaitsForNobodyForLong(t *testing.T) {
	t.Parallel()
	silent := listen(t)
	s := &site{folder: t.TempDir(), config: "kafka-once.yaml"}
	s.env = map[string]string{
		"PIPELINE": "silent", "FOLDER": s.folder, "BROKER": silent.Addr().String(), "INTERVAL": "1s", "TAILRACE_ADMIN": "off",
		"TAILRACE_SOURCE": "postgres://user:" + password + "@" + silent.Addr().String() + "/db?sslmode=disable",
	}
	found := s.check(t, 1, fromNow...)
	for _, part := range []string{"source", "sink", "checkpoint"} {
		if !slices.ContainsFunc(found, func(f finding) bool {
			return f.Part == part && f.Level == "error" && strings.Contains(f.Fix, "reached from here")
		}) {
			t.Errorf("found %+v, want that there is no answer for the %s", found, part)
		}
	}

	silent = listen(t) // to the other one the first process has connected
	s.env["BROKER"] = silent.Addr().String()
	p := s.start(t, "check", "-c", "testdata/"+s.config)
	connected, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	p.signal(t, syscall.SIGINT)
	p.exits(t, 1)
	if got, want := p.stderr.String(), "tailrace: interrupted before everything was checked\n"; got != want {
		t.Errorf("stderr: got %q, want %q", got, want)
	}
}

func TestCheckFindsThatTheAdminAddressIsTaken(t *testing.T) {
	t.Parallel()
	taken := listen(t)
	s := newSite(t, servers.Postgres(t, 18))
	p := s.start(t, "check", "-c", "testdata/tailrace.yaml", "--admin", taken.Addr().String(), "--from", "now")
	p.exits(t, 1)
	p.phrases(t, "admin.listen: "+taken.Addr().String()+" is taken", "not ready: 1 error")
}

func TestCheckNamesWrongSettingsAsRunDoes(t *testing.T) {
	t.Parallel()
	s := &site{folder: t.TempDir(), config: "unknown-key.yaml", env: map[string]string{}}
	found := s.check(t, 1)
	if len(found) != 1 || found[0].Part != "settings" || !strings.Contains(found[0].What, "tabels") {
		t.Errorf("found %+v, want the key that is not known", found)
	}
	p := s.start(t, "check", "-c", "testdata/unknown-key.yaml")
	p.exits(t, 1)
	if !strings.Contains(p.stderr.String(), "tabels") {
		t.Errorf("stderr: got %q, want the key that is not known", p.stderr.String())
	}
	if _, err := os.Stat(s.checkpoint()); !os.IsNotExist(err) {
		t.Errorf("a checkpoint was made: %v", err)
	}
}
