package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/status"
)

// A copySite is a site whose table had many rows before anybody followed it.
type copySite struct {
	*site
	table string // orders, as events and people name it
	exec  func(t *testing.T, sql string)
	one   func(t *testing.T, sql string) string
}

// there is how many rows orders has at the start, with the ids from 0 on.
const there = 5000

// newCopySites are sites on a Postgres, and on each product of the MySQL family.
func eachCopySite(t *testing.T, test func(t *testing.T, s *copySite)) {
	t.Helper()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, newCopySite(t))
	})
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		s.env["TAILRACE_SOURCE"], s.env["TAILRACE_TABLES"] = s.source(), "orders"
		exec := func(t *testing.T, sql string) { t.Helper(); s.db.Exec(t, strings.Split(sql, ";\n")...) }
		one := func(t *testing.T, sql string) string { t.Helper(); return s.db.One(t, sql) }
		c := &copySite{s.site, s.db.Name + ".orders", exec, one}
		c.fill(t)
		test(t, c)
	})
}

func newCopySite(t *testing.T) *copySite {
	t.Helper()
	s := newSite(t, servers.Postgres(t, 18))
	s.env["TAILRACE_SOURCE"], s.env["TAILRACE_TABLES"] = s.source(), "public.orders"
	exec := func(t *testing.T, sql string) { t.Helper(); s.db.Exec(t, sql) }
	one := func(t *testing.T, sql string) string { t.Helper(); return s.db.One(t, sql) }
	c := &copySite{s, "public.orders", exec, one}
	c.fill(t)
	return c
}

func (s *copySite) fill(t *testing.T) {
	t.Helper()
	s.config, s.env["RATE"] = "copy.yaml", "0"
	s.add(t, 1, there-1)
	s.exec(t, map[bool]string{true: "ANALYZE orders", false: "ANALYZE TABLE orders"}[s.table == "public.orders"])
}

// add adds rows in a few transactions.
func (s *copySite) add(t *testing.T, first, last int) {
	t.Helper()
	for ; first <= last; first += 1000 {
		var values []string
		for id := first; id <= min(first+999, last); id++ {
			values = append(values, fmt.Sprintf("(%d, '%s')", id, rowValue))
		}
		s.exec(t, "INSERT INTO orders VALUES "+strings.Join(values, ", "))
	}
}

// rows replays the file of a topic, and returns the ids of the rows that are there at
// its end, and how many events of each kind it has.
func (s *site) rows(t *testing.T, topic string) (ids []int, ops map[string]int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.events(), topic+".ndjson"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	rows, ops := make(map[int]bool), make(map[string]int)
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "\n") {
			break // the rest is not there yet
		}
		var e struct {
			Op            string
			Before, After struct{ ID int }
			Source        struct{ Snapshot string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("an event is not JSON: %v", err)
		}
		if got, want := e.Source.Snapshot, fmt.Sprint(e.Op == "r"); got != want {
			t.Errorf("an event %s says that it is of a snapshot: %s, want %s", e.Op, got, want)
		}
		ops[e.Op]++
		switch e.Op {
		case "d":
			delete(rows, e.Before.ID)
		case "t":
			clear(rows)
		default:
			rows[e.After.ID] = true
		}
	}
	for id := range rows {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, ops
}

// wantRows fails unless orders has arrived as it is: the ids from 0 to last.
func (s *copySite) wantRows(t *testing.T, last int) map[string]int {
	t.Helper()
	got, ops := s.rows(t, s.topic)
	wantIDs(t, got, 0, last)
	return ops
}

// arrive waits until so many rows have arrived.
func (s *site) arrive(t *testing.T, topic string, n int) {
	t.Helper()
	eventually.True(t, patience, fmt.Sprintf("%d rows arrive", n), func() bool {
		got, _ := s.rows(t, topic)
		return len(got) >= n
	})
}

// snapshot runs `tailrace snapshot` for a daemon at address.
func (s *site) snapshot(t *testing.T, address string, args ...string) *process {
	t.Helper()
	return s.start(t, append([]string{"snapshot", "--admin", address}, args...)...)
}

func TestRowsThatWereThereAreCopiedWhileTheirChangesFollow(t *testing.T) {
	t.Parallel()
	eachCopySite(t, func(t *testing.T, s *copySite) {
		p := s.follow(t)
		p.following(t)
		s.add(t, there, there+99)
		s.exec(t, "DELETE FROM orders WHERE id = 4000;\nINSERT INTO orders VALUES (4000, 'again')")
		s.arrive(t, s.topic, there+100)
		p.logs(t, "all tables are copied")
		s.add(t, there+100, there+109)
		s.arrive(t, s.topic, there+110)
		p.stop(t)
		ops := s.wantRows(t, there+109)
		if ops["r"] < there-1 || ops["r"] > there+101 || ops["c"] < 111 {
			t.Errorf("got %v, want the rows that were there read once, and the others inserted", ops)
		}
		// What is copied stays so, and a later start copies nothing.
		before := ops["r"]
		s.follow(t, "--until", "now").succeeds(t)
		if got := s.wantRows(t, there+109)["r"]; got != before {
			t.Errorf("rows that were read: got %d after a second start, want %d as before", got, before)
		}
	})
}

func TestACopyThatWasStoppedGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	eachCopySite(t, func(t *testing.T, s *copySite) {
		s.env["RATE"] = "200"
		p := s.follow(t)
		p.logs(t, "copying tables")
		line := p.lines(t, "copying tables")[0]
		if line["table_count"] != 1.0 || line["tables_done"] != 0.0 || line["rows"].(float64) == 0 || line["rows_estimate"].(float64) < 1000 || line["rows_per_second"].(float64) == 0 || line["left"] == nil {
			t.Errorf("the log says %v, want how far the copy is", line)
		}
		s.add(t, there, there+9)
		p.stop(t)
		_, ops := s.rows(t, s.topic)
		before := ops["r"]
		if before == 0 || before >= there {
			t.Fatalf("rows before the stop: got %d, want some and not all", before)
		}
		s.env["RATE"] = "0"
		s.follow(t, "--snapshot", "only").succeeds(t)
		ops = s.wantRows(t, there+9)
		if twice := ops["r"] - there; twice >= before {
			t.Errorf("%d rows were read, %d of them before the stop: the copy began anew", ops["r"], before)
		}
	})
}

func TestACopyThatIsAllThereIsToDoEndsTheDaemon(t *testing.T) {
	t.Parallel()
	eachCopySite(t, func(t *testing.T, s *copySite) {
		s.follow(t, "--snapshot", "only").succeeds(t)
		if ops := s.wantRows(t, there-1); ops["r"] != there || len(ops) != 1 {
			t.Errorf("got %v, want each row read once", ops)
		}
		s.add(t, there, there+4)
		s.follow(t, "--snapshot", "only").succeeds(t)
		s.follow(t, "--until", "now").succeeds(t)
		if ops := s.wantRows(t, there+4); ops["r"] != there || ops["c"] != 5 {
			t.Errorf("after a second start: got %v, want the five changes since, and no row again", ops)
		}
	})
}

func TestATableThatIsAddedLaterIsCopiedWhileTheOthersGoOn(t *testing.T) {
	t.Parallel()
	eachCopySite(t, func(t *testing.T, s *copySite) {
		p := s.follow(t)
		p.logs(t, "all tables are copied")
		p.stop(t)
		_, ops := s.rows(t, s.topic)
		before := ops["r"]
		s.exec(t, "CREATE TABLE more (id int PRIMARY KEY, note text);\nINSERT INTO more VALUES (0, 'x'), (1, 'y')")
		if s.table == "public.orders" {
			s.exec(t, "ALTER TABLE more OWNER TO "+s.user)
		}
		s.env["TAILRACE_TABLES"] += ",more"
		p = s.follow(t)
		p.following(t)
		s.add(t, there, there+9)
		more := strings.TrimSuffix(s.topic, "orders") + "more"
		s.arrive(t, more, 2)
		s.arrive(t, s.topic, there+10)
		p.logs(t, "all tables are copied")
		p.stop(t)
		if got, ops := s.rows(t, more); !slices.Equal(got, []int{0, 1}) || ops["r"] != 2 {
			t.Errorf("the new table: got the rows %v of %v, want both read", got, ops)
		}
		if got := s.wantRows(t, there+9)["r"]; got != before {
			t.Errorf("rows of the other table that were read: got %d, want %d as before", got, before)
		}
	})
}

func TestATableIsCopiedAgainWhenSomebodyAsks(t *testing.T) {
	t.Parallel()
	eachCopySite(t, func(t *testing.T, s *copySite) {
		p := s.follow(t, append([]string{"--snapshot", "never", "--from", "now"}, onFree...)...)
		p.following(t)
		address := p.admin(t)
		refused := s.snapshot(t, address, "--table", "order*", "--where", "nothing = 1")
		refused.exits(t, 1)
		said := `column "nothing" does not exist`
		if s.table != "public.orders" {
			said = "Unknown column 'nothing' in "
		}
		if got, want := refused.stderr.String(), "the rows of "+s.table+" can't be chosen by it"; !strings.Contains(got, want) || !strings.Contains(got, said) {
			t.Errorf("a condition on a column that is not there: got %q, want %q and %q in it", got, want, said)
		}
		asked := s.snapshot(t, address, "--table", "order*", "--where", "id % 10 = 0 AND note <> ''", "--wait")
		asked.succeeds(t)
		want := fmt.Sprintf("of %s where id %% 10 = 0 AND note <> '', %d rows", s.table, there/10)
		if got := strings.ReplaceAll(asked.stdout.String(), ",000", "000"); !strings.Contains(got, "asked for copy ") || !strings.Contains(got, "done: copy ") || !strings.Contains(got, want) {
			t.Errorf("it says %q, want that it is done, %q", got, want)
		}
		s.arrive(t, s.topic, there/10)
		if got, ops := s.rows(t, s.topic); len(got) != there/10 || got[1] != 10 || ops["r"] != there/10 {
			t.Errorf("got %d rows of %v, want every tenth", len(got), ops)
		}
		whole := s.snapshot(t, address, "--table", s.table)
		whole.succeeds(t)
		if got := whole.stdout.String(); !strings.Contains(got, "tailrace snapshot list") {
			t.Errorf("without --wait it says %q, want how to see how far it is", got)
		}
		s.arrive(t, s.topic, there)
		eventually.True(t, patience, "the list says that it is done", func() bool {
			list := s.snapshot(t, address, "list")
			list.succeeds(t)
			return strings.Count(list.stdout.String(), " done ") == 2 && strings.HasPrefix(list.stdout.String(), "ID ")
		})
		var page status.SnapshotPage
		list := s.snapshot(t, address, "list", "-o", "json")
		list.succeeds(t)
		if err := json.Unmarshal([]byte(list.stdout.String()), &page); err != nil || len(page.Copies) != 2 || page.Copies[1].Rows != there {
			t.Errorf("as JSON: got %v, %+v, want two copies, the last of %d rows", err, page.Copies, there)
		}
		p.stop(t)
	})
}

func TestACopyIsCancelled(t *testing.T) {
	t.Parallel()
	s := newCopySite(t)
	s.env["RATE"] = "200"
	p := s.follow(t, append([]string{"--snapshot", "never", "--from", "now"}, onFree...)...)
	p.following(t)
	address := p.admin(t)
	waiting := s.snapshot(t, address, "--table", s.table, "--wait")
	eventually.True(t, patience, "the copy is under way", func() bool {
		_, ops := s.rows(t, s.topic)
		return ops["r"] > 0
	})
	p.answers(t, "/livez", 200, "copying tables, 0 of 1 done")
	p.answers(t, "/readyz", 200, "ready")
	shown := s.status(t, address)
	if got := shown.stdout.String(); !strings.Contains(got, "copies      0 of 1 table, ") || !strings.Contains(got, " rows, ") {
		t.Errorf("the status says %q, want how far the copy is", got)
	}
	if got := s.state(t).Snapshot; got == nil || len(got.Copies) != 1 {
		t.Errorf("the checkpoint has %+v, want the copy in it", got)
	}
	cancelled := s.snapshot(t, address, "cancel", "1")
	cancelled.succeeds(t)
	if got, want := cancelled.stdout.String(), "cancelled copy 1; rows that were published stay\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	waiting.exits(t, 4)
	if got, want := waiting.stderr.String(), "copy 1 of public.orders was cancelled"; !strings.Contains(got, want) {
		t.Errorf("who waits is told %q, want %q", got, want)
	}
	p.stop(t)
	if got := s.state(t).Snapshot; got != nil && len(got.Copies) != 0 {
		t.Errorf("the checkpoint has %+v, want no copy left", got.Copies)
	}
}

func TestARequestForACopyThatCanNotBeMadeIsRefused(t *testing.T) {
	t.Parallel()
	s := newCopySite(t)
	p := s.follow(t, append([]string{"--snapshot", "never", "--from", "now"}, onFree...)...)
	p.following(t)
	address := p.admin(t)
	nobody := freePort(t)
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no table is named", []string{"--admin", address}, "nothing was said of which tables to copy; name one with --table"},
		{"a table that is not captured", []string{"--admin", address, "--table", "public.nothing"}, `no captured table is named "public.nothing"; name a table that is captured (public.orders)`},
		{"a condition that is empty", []string{"--admin", address, "--table", "orders", "--where", " "}, "--where is empty; leave it out to copy all rows"},
		{"SQL that is none", []string{"--admin", address, "--table", "orders", "--where", "nothing = 1"}, `column "nothing" does not exist`},
		{"SQL that is more than a condition", []string{"--admin", address, "--table", "orders", "--where", "true); DROP TABLE orders; --"}, "the rows of public.orders can't be chosen by it"},
		{"a copy that is not there", []string{"cancel", "7", "--admin", address}, "no copy that was asked for and has not ended has the number 7"},
		{"no number", []string{"cancel", "first", "--admin", address}, `"first" is not the number of a copy`},
		{"nobody answers", []string{"--admin", nobody, "--table", "orders"}, "nobody answers at " + nobody + ": connect: connection refused; copies are made by a running daemon: start tailrace run, or say where it listens (--admin, admin.listen)"},
		{"a list of nobody", []string{"list", "--admin", nobody}, "start tailrace run"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.start(t, append([]string{"snapshot"}, c.args...)...)
			p.exits(t, 1)
			if got := p.stderr.String(); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
		})
	}
	if got := s.one(t, "SELECT count(*) FROM orders"); got != fmt.Sprint(there) {
		t.Errorf("the table has %s rows, want all %d", got, there)
	}
	response, err := http.Post("http://"+address+"/snapshots", "text/plain", strings.NewReader(`{"tables":["orders"]}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("a request of another type: got %d, want 400", response.StatusCode)
	}
	if _, ops := s.rows(t, s.topic); len(ops) != 0 {
		t.Errorf("events: got %v, want none", ops)
	}
	p.stop(t)
}
