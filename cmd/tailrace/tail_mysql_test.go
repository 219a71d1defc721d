package main_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// watch starts a tail and returns when it sees changes.
func (s *mysqlSite) watch(t *testing.T, args ...string) *process {
	t.Helper()
	s.env["TAILRACE_SOURCE"] = s.source()
	p := s.start(t, append(append([]string{"tail"}, args...), s.db.Name+".*")...)
	eventually.True(t, patience, "tail watches", func() bool {
		return strings.Contains(p.stderr.String(), "watching "+s.db.Name+".orders of "+title(s.db.Product))
	})
	return p
}

// dumps returns the sessions of the site's user that read the binlog.
func (s *mysqlSite) dumps(t *testing.T) []string {
	t.Helper()
	var ids []string
	for _, r := range s.db.Rows(t, "SELECT ID FROM information_schema.processlist WHERE USER = '"+s.user+"' AND COMMAND LIKE 'Binlog Dump%'") {
		ids = append(ids, r[0])
	}
	return ids
}

// leavesNothing waits until the server knows nothing of the site's user.
func (s *mysqlSite) leavesNothing(t *testing.T) {
	t.Helper()
	eventually.True(t, patience, "the server has no session of the user any more", func() bool {
		return s.db.One(t, "SELECT count(*) FROM information_schema.processlist WHERE USER = '"+s.user+"'") == "0"
	})
	if got := s.db.Rows(t, "SHOW TABLES"); len(got) != 1 {
		t.Errorf("tables: got %q, want the one of the test", got)
	}
}

func TestTailShowsChangesOfMySQLAndLeavesNothing(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		p := s.watch(t)
		s.db.Exec(t,
			`INSERT INTO orders VALUES (7, concat('one', char(27 USING utf8mb4), '[31m'))`,
			`UPDATE orders SET note = 'two' WHERE id = 7`,
			`UPDATE orders SET id = 8 WHERE id = 7`,
			`DELETE FROM orders WHERE id = 8`,
			`TRUNCATE orders`)
		table := s.db.Name + ".orders"
		p.shows(t, "insert   "+table+"  id 7  note \"one\\x1b[31m\"\n")
		p.shows(t, "update   "+table+"  id 7  note \"one\\x1b[31m\" → two\n")
		p.shows(t, "delete   "+table+"  id 7  note two")
		p.shows(t, "insert   "+table+"  id 8  note two")
		p.shows(t, "delete   "+table+"  id 8  note two\n")
		p.shows(t, "truncate "+table+"\n")
		p.signal(t, syscall.SIGINT)
		p.exits(t, 0)
		s.leavesNothing(t)
	})
}

func TestTailLivesBesideOthersInMySQL(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		one, two, run := s.watch(t), s.watch(t), s.follow(t, fromNow...)
		run.following(t)
		s.insert(t, 1, 1)
		one.shows(t, "insert", "id 1")
		two.shows(t, "insert", "id 1")
		one.stop(t)
		s.insert(t, 2, 2)
		two.shows(t, "insert", "id 2")
		two.stop(t)
		eventually.True(t, patience, "the events are there", func() bool { return len(s.ids(t)) == 2 })
		run.stop(t)
		s.leavesNothing(t)
		for _, p := range []*process{one, two, run} {
			if strings.Contains(p.stderr.String(), "starting again") {
				t.Error("a connection was lost to another one")
			}
		}
	})
}

func TestTailGoesOnAfterItsConnectionToMySQLWasLost(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		p := s.watch(t, "--json")
		s.insert(t, 1, 3)
		p.shows(t, `"id":3`)
		for _, id := range s.dumps(t) {
			s.db.Exec(t, "KILL "+id)
		}
		s.insert(t, 4, 6)
		p.shows(t, `"id":6`)
		p.stop(t)
		wantIDs(t, idsOf(t, p.stdout.String()), 1, 6)
	})
}

func TestTailOfMySQLRefusesAtOnce(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		good, scheme := s.source(), s.env["SCHEME"]
		other := map[string]string{"mysql": "mariadb", "mariadb": "mysql"}[scheme]
		for _, c := range []struct {
			name string
			args []string
			code int
			want string
		}{
			{"the URL is of no source", []string{"oracle://localhost/shop"}, 1, "not one of Postgres, MySQL or MariaDB"},
			{"nobody listens", []string{scheme + "://me@127.0.0.1:1/shop"}, 4, "connection refused"},
			{"the server is of the other kind", []string{strings.Replace(good, scheme, other, 1)}, 4, "write the source URL as " + scheme + "://"},
			{"the table does not exist", []string{good, "nothing"}, 4, "there is no table " + s.db.Name + ".nothing"},
			{"the password is wrong", []string{s.db.URLAs(s.user, "wrong")}, 4, "the server refused the login"},
		} {
			t.Run(c.name, func(t *testing.T) {
				p := s.start(t, append([]string{"tail"}, c.args...)...)
				p.exits(t, c.code)
				if got := p.stderr.String(); !strings.Contains(got, c.want) || strings.Count(got, "\n") != 1 {
					t.Errorf("got %q, want one line that says %q", got, c.want)
				}
			})
		}
	})
}

// An image without what did not change shows what it has.
func TestTailShowsThatMySQLDidNotSendAColumn(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		s.db.Exec(t, "ALTER TABLE orders ADD total decimal(5,2) NOT NULL DEFAULT 0")
		p := s.watch(t)
		s.db.Exec(t, "SET binlog_row_image = 'MINIMAL'", "UPDATE orders SET total = 1.5")
		p.shows(t, fmt.Sprintf("update   %s.orders  id 0  total 1.50  note not sent\n", s.db.Name))
		p.stop(t)
	})
}
