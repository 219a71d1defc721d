package main_test

import (
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
)

// What a command and a daemon say, and what they leave, has neither a secret nor a
// value of a row: those are in the events, and nowhere else.
func TestNoSecretAndNoValueIsAnywhereButInTheEvents(t *testing.T) {
	t.Parallel()
	everyCanarySite(t, func(t *testing.T, c *canarySite, how, format string) {
		c.configure(t, how)
		for _, command := range []string{"run", "check", "setup", "position", "position set", "position diff", "status"} {
			c.tries(t, append(strings.Fields(command), "--help"), 0)
		}
		c.tries(t, []string{"setup"}, 0)
		c.tries(t, []string{"setup", "--apply", "--yes"}, 0)
		c.tries(t, []string{"check", "--from", "now"}, 0, 1)
		p, address := c.daemon(t, "--log-format", format, "--from", "now")
		c.writeRows(t)
		c.arrive(t)
		c.pages(t, address)
		for _, args := range [][]string{{"check"}, {"check", "-o", "json"}, {"position"}, {"position", "-o", "json"}, {"position", "diff"}, {"position", "diff", "-o", "json"}} {
			c.tries(t, args, 0, 1)
		}
		c.tries(t, []string{"setup"}, 0)
		c.tries(t, []string{"position", "set", "now", "--yes"}, 3)
		c.tries(t, []string{"run", "--log-level", "debug"}, 3)
		p.signal(t, syscall.SIGQUIT)
		p.exits(t, 2)
		if dump := p.stderr.String(); !strings.Contains(dump, "SIGQUIT") || !strings.Contains(dump, "goroutine 1 ") || !strings.Contains(dump, "main.run(") {
			t.Errorf("the last words of the daemon: got %q, want what its goroutines do", dump)
		}
		c.leavings(t)

		c.writeRowsAgain(t)
		c.tries(t, []string{"run", "--log-level", "debug", "--log-format", format, "--until", "now"}, 0)
		c.tries(t, []string{"position", "set", "now", "--yes"}, 0)
		c.tries(t, []string{"setup", "--remove", "--yes"}, 0)
		c.leavings(t)
		name := "the name of a file"
		if c.saved == "kafka:" {
			name = "the name of a topic"
		}
		for _, where := range []string{"/metrics", "/status", "the arguments of the daemon", name} {
			if c.evidence[where] == "" {
				t.Errorf("there is nothing of %s", where)
			}
		}
	})
}

// writeRowsAgain is writeRows for a table that has the column already.
func (c *canarySite) writeRowsAgain(t *testing.T) {
	t.Helper()
	c.exec(t, "ALTER TABLE canaries DROP COLUMN extra")
	c.writeRows(t)
}

// The user that setup makes has a password too, which the statement holds that
// is run and not the one that is shown.
func TestNoSecretIsInWhatSetupSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		site func(t *testing.T) *canarySite
	}{
		{"Postgres", func(t *testing.T) *canarySite { return newCanarySite(t, servers.Postgres(t, 18)) }},
		{"MySQL", func(t *testing.T) *canarySite {
			return newMySQLCanarySite(t, servers.MySQL(t, servers.MySQLProducts()[0]))
		}},
		{"MariaDB", func(t *testing.T) *canarySite {
			return newMySQLCanarySite(t, servers.MySQL(t, servers.MySQLProducts()[1]))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.site(t)
			password, _ := s.from.User.Password()
			s.from.User = url.UserPassword(s.user+"_n", password)
			s.configure(t, "environment")
			admin := s.env["TAILRACE_SETUP_URL"]
			delete(s.env, "TAILRACE_SETUP_URL")
			printed := s.tries(t, []string{"setup"}, 0)
			if !strings.Contains(printed.stdout.String(), "<password>") {
				t.Errorf("setup printed %q, want <password> in it", printed.stdout.String())
			}
			s.env["TAILRACE_SETUP_URL"] = admin
			s.tries(t, []string{"setup", "--apply"}, 1) // nobody can be asked
			applied := s.tries(t, []string{"setup", "--apply", "--yes"}, 0)
			if !strings.Contains(applied.stdout.String(), "<password>") || !strings.Contains(applied.stdout.String(), "done: ") {
				t.Errorf("setup said %q, want what it has done, with <password>", applied.stdout.String())
			}
			checked := s.tries(t, []string{"check", "--from", "now"}, 0, 1)
			if said := checked.stdout.String(); strings.Contains(said, "refused the login") || !strings.Contains(said, "source") {
				t.Errorf("check says %q, want that the user of setup can log in", said)
			}
		})
	}
}

// With the sink away, rows lie in memory, which a dump of the goroutines may not
// show either.
func TestNoSecretAndNoValueIsInWhatIsSaidWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	broker := servers.NewKafka(t, nil)
	c := newCanarySite(t, servers.Postgres(t, 18)).into(t, &broker.KafkaCluster).configure(t, "environment")
	p, address := c.daemon(t, "--log-format", "json", "--from", "now")
	c.writeRows(t)
	c.arrive(t)
	c.leavings(t)
	broker.Kill(t)
	c.writeRowsAgain(t)
	p.answers(t, "/readyz", 503, "the sink has owed an answer for ")
	c.pages(t, address)
	c.tries(t, []string{"check"}, 1)
	p.signal(t, syscall.SIGQUIT)
	p.exits(t, 2)
}

// A source that comes back is asked again with the same password, and what was
// read of it before lies in memory.
func TestNoSecretAndNoValueIsInWhatIsSaidWhileTheSourceIsAway(t *testing.T) {
	t.Parallel()
	postgres := servers.NewPostgres(t, 18, nil)
	mysql := servers.NewMySQL(t, servers.MySQLProducts()[0], nil)
	for _, source := range []struct {
		name        string
		site        *canarySite
		stop, start func(testing.TB)
	}{
		{"Postgres", newCanarySite(t, postgres.Database(t)), postgres.Stop, postgres.Start},
		{"MySQL", newMySQLCanarySite(t, mysql.Database(t)), mysql.Stop, mysql.Start},
	} {
		c := source.site.configure(t, "environment")
		p, address := c.daemon(t, "--log-format", "json", "--from", "now")
		c.writeRows(t)
		c.arrive(t)
		source.stop(t)
		p.answers(t, "/readyz", 503, "waiting: ")
		c.pages(t, address)
		c.tries(t, []string{"position"}, 0, 1, 4)
		source.start(t)
		p.answers(t, "/readyz", 200, "ready")
		c.writeRowsAgain(t)
		c.pages(t, address)
		p.stop(t)
		if got := p.stderr.String(); !strings.Contains(got, "starting again from the saved state") {
			t.Errorf("%s: the log: got %q, want that it started again", source.name, got)
		}
		c.leavings(t)
	}
}
