package main_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

// watch starts a tail and returns when it sees changes.
func (s *site) watch(t *testing.T, args ...string) *process {
	t.Helper()
	s.env["TAILRACE_SOURCE"] = s.source()
	p := s.start(t, append([]string{"tail"}, args...)...)
	p.watches(t)
	return p
}

func (p *process) watches(t *testing.T) {
	t.Helper()
	eventually.True(t, patience, "tail watches", func() bool {
		return strings.Contains(p.stderr.String(), "watching public.orders of PostgreSQL")
	})
}

// shows waits for a line on stdout that contains all parts.
func (p *process) shows(t *testing.T, parts ...string) {
	t.Helper()
	eventually.True(t, patience, fmt.Sprintf("a line shows %q", parts), func() bool {
		for line := range strings.Lines(p.stdout.String()) {
			n := 0
			for _, part := range parts {
				if strings.Contains(line, part) {
					n++
				}
			}
			if n == len(parts) {
				return true
			}
		}
		return false
	})
}

// leftovers counts publications and slots in the site's database.
func (s *site) leftovers(t *testing.T) (publications, slots string) {
	t.Helper()
	return s.db.One(t, "SELECT count(*) FROM pg_publication"),
		s.db.One(t, "SELECT count(*) FROM pg_replication_slots WHERE database = $1", s.db.Name)
}

func (s *site) wantLeftovers(t *testing.T, publications, slots int) {
	t.Helper()
	gotP, gotS := s.leftovers(t)
	if got, want := gotP+" and "+gotS, fmt.Sprintf("%d and %d", publications, slots); got != want {
		t.Errorf("publications and slots: got %s, want %s", got, want)
	}
}

// eachServer runs a test on a site of each of two versions of Postgres.
func eachServer(t *testing.T, test func(t *testing.T, s *site)) {
	for _, version := range servers.Versions() {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) {
			test(t, newSite(t, servers.Postgres(t, version)))
		})
	}
}

func TestTailShowsChangesAndLeavesNothing(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			eachServer(t, func(t *testing.T, s *site) {
				p := s.watch(t)
				s.db.Exec(t, `INSERT INTO orders VALUES (7, E'one\x1b[31m')`)
				s.db.Exec(t, `UPDATE orders SET note = 'two' WHERE id = 7`)
				s.db.Exec(t, `DELETE FROM orders WHERE id = 7`)
				s.db.Exec(t, `TRUNCATE orders`)
				p.shows(t, "insert   public.orders  id 7  note \"one\\x1b[31m\"\n")
				p.shows(t, "update   public.orders  id 7  note two\n")
				p.shows(t, "delete   public.orders  id 7\n")
				p.shows(t, "truncate public.orders\n")
				p.signal(t, signal)
				p.exits(t, 0)
				s.wantLeftovers(t, 0, 0)
				if strings.Contains(p.stdout.String(), "\x1b") {
					t.Error("stdout is no terminal and got an escape")
				}
			})
		})
	}
}

func TestTailRemovesWhatAKilledOneLeft(t *testing.T) {
	eachServer(t, func(t *testing.T, s *site) {
		dead := s.watch(t)
		dead.signal(t, syscall.SIGKILL)
		dead.wait(t)
		eventually.True(t, patience, "the server has noticed", func() bool {
			return s.db.One(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'walsender'`, s.db.Name) == "0"
		})
		s.wantLeftovers(t, 1, 0)
		p := s.watch(t)
		s.wantLeftovers(t, 1, 1)
		p.stop(t)
		s.wantLeftovers(t, 0, 0)
	})
}

func TestTwoTailsLiveTogether(t *testing.T) {
	eachServer(t, func(t *testing.T, s *site) {
		one, two := s.watch(t), s.watch(t, "orders")
		s.insert(t, 1, 1)
		one.shows(t, "insert", "id 1")
		two.shows(t, "insert", "id 1")
		one.stop(t)
		s.insert(t, 2, 2)
		two.shows(t, "insert", "id 2")
		two.stop(t)
		s.wantLeftovers(t, 0, 0)
	})
}

func TestTailPrintsTheEventsThemselvesForMachines(t *testing.T) {
	s := newSite(t, servers.Postgres(t, 18))
	p := s.watch(t, "--json")
	s.insert(t, 1, 3)
	eventually.True(t, patience, "three events are printed", func() bool {
		return len(idsOf(t, p.stdout.String())) == 3
	})
	p.stop(t)
	wantIDs(t, idsOf(t, p.stdout.String()), 1, 3)
}

func TestTailEndsQuietlyWhenItsReaderHasGone(t *testing.T) {
	s := newSite(t, servers.Postgres(t, 18))
	s.env["TAILRACE_SOURCE"] = s.source()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p := new(process).begin(t, s.command(t.Context(), "tail"), w)
	p.watches(t)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s.insert(t, 1, 1)
	p.exits(t, 0)
	if got := strings.Count(p.stderr.String(), "\n"); got != 1 {
		t.Errorf("lines on stderr: got %d, want the one of the start", got)
	}
	s.wantLeftovers(t, 0, 0)
}

func TestTailEndsWithASentenceWhenTheConnectionIsLost(t *testing.T) {
	eachServer(t, func(t *testing.T, s *site) {
		p := s.watch(t)
		s.db.Exec(t, `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = $1`, s.db.Name)
		p.exits(t, 4)
		last := p.stderr.String()[strings.Index(p.stderr.String(), "\n")+1:]
		if strings.Count(last, "\n") != 1 || !strings.Contains(last, "the connection to the server was lost, and the temporary slot with it") {
			t.Errorf("got %q, want one sentence that the connection was lost", last)
		}
		s.wantLeftovers(t, 0, 0)
	})
}

func TestTailRefusesAtOnce(t *testing.T) {
	s := newSite(t, servers.Postgres(t, 18))
	good := s.source()
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no database is named", nil, 1, "tail needs to know which database"},
		{"the URL is that of another database", []string{"oracle://localhost/shop"}, 1, "not one of Postgres"},
		{"nobody listens", []string{"postgres://me@127.0.0.1:1/shop"}, 4, "connection refused"},
		{"the table does not exist", []string{good, "nothing"}, 4, "there is no table public.nothing"},
		{"the password is wrong", []string{s.db.URLAs(s.user, "wrong")}, 4, "the server refused the login"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.start(t, append([]string{"tail"}, c.args...)...)
			p.exits(t, c.code)
			if got := p.stderr.String(); !strings.Contains(got, c.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("got %q, want one line that says %q", got, c.want)
			}
			s.wantLeftovers(t, 0, 0)
		})
	}
}
