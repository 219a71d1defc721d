package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// eachPlace runs a test on every product, with places of both kinds.
func eachPlace(t *testing.T, test func(t *testing.T, s *mysqlSite)) {
	t.Helper()
	eachProduct(t, func(t *testing.T, product local.Product) {
		for _, positions := range []string{"gtid", "file"} {
			t.Run("places are of the kind "+positions, func(t *testing.T) {
				t.Parallel()
				s := newMySQLSite(t, servers.MySQL(t, product))
				s.env["POSITIONS"] = positions
				test(t, s)
			})
		}
	})
}

func TestOneLineSaysWhichMySQLIsFollowed(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, s *mysqlSite) {
		p := s.follow(t, "--from", "now", "--until", "now")
		p.succeeds(t)
		line := p.following(t)
		for field, want := range map[string]string{
			"pipeline": s.name, "tables": "[" + s.db.Name + ".orders]", "sink": "file://" + s.events(), "checkpoint": s.checkpoint(),
			"server": fmt.Sprintf("127.0.0.1:%d", s.db.Port),
		} {
			if got := fmt.Sprint(line[field]); got != want {
				t.Errorf("%s: got %s, want %s", field, got, want)
			}
		}
		for field, want := range map[string]string{"version": title(s.db.Product) + " ", "position": s.env["POSITIONS"] + ":"} {
			if got := fmt.Sprint(line[field]); !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %s, want one that begins with %s", field, got, want)
			}
		}
	})
}

func TestUntilNowPublishesWhatIsInMySQLAndEnds(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, s *mysqlSite) {
		s.establish(t)
		s.insert(t, 1, 100)
		s.follow(t, "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 100)
		s.insert(t, 101, 200)
		s.follow(t, "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 200)
	})
}

func TestAPlaceThatAPersonWroteIsAStart(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, s *mysqlSite) {
		s.establish(t)
		from, _, _ := strings.Cut(string(s.state(t).Position), "~")
		if s.env["POSITIONS"] == "gtid" {
			from, _, _ = strings.Cut(from, "@")
		}
		s.insert(t, 1, 10)
		s.moveCheckpointAway(t)
		s.follow(t, "--from", from, "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 10)
	})
}

func TestAStopUnderLoadOfMySQLRepeatsNothing(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, s *mysqlSite) {
		s.establish(t)
		l := s.load(t)
		for range 3 {
			before := len(s.ids(t))
			p := s.follow(t)
			eventually.True(t, patience, "events arrive", func() bool { return len(s.ids(t)) > before+20 })
			p.stop(t)
		}
		last := l.end()
		s.follow(t, "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, last)
	})
}

func TestAKillUnderLoadOfMySQLLosesNothing(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, s *mysqlSite) {
		s.establish(t)
		l := s.load(t)
		for range 3 {
			before := len(s.ids(t))
			p := s.follow(t)
			eventually.True(t, patience, "events arrive", func() bool { return len(s.ids(t)) > before+20 })
			p.signal(t, syscall.SIGKILL)
			p.wait(t)
		}
		last := l.end()
		s.follow(t, "--until", "now").succeeds(t)
		// What was published and not saved comes again, and is the same.
		s.wantNoneLost(t, last)
	})
}

// wantNoneLost fails unless the rows 1 to last are there, each of them with one
// ver however often it came.
func (s *mysqlSite) wantNoneLost(t *testing.T, last int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.events(), s.topic+".ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	vers := map[int]string{}
	for line := range strings.Lines(string(text)) {
		var e struct {
			After struct{ ID int }
			Ver   string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if was, ok := vers[e.After.ID]; ok && was != e.Ver {
			t.Errorf("row %d came again with the ver %s, and had %s", e.After.ID, e.Ver, was)
		}
		vers[e.After.ID] = e.Ver
	}
	ids := slices.Compact(slices.Sorted(slices.Values(s.ids(t))))
	wantIDs(t, ids, 1, last)
}

// An idle table must not leave the place in a binlog that goes away.
func TestThePlaceInMySQLMovesWhileTheCapturedTableIsIdle(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, s *mysqlSite) {
		s.db.Exec(t, "CREATE TABLE busy (id int AUTO_INCREMENT PRIMARY KEY)")
		p := s.follow(t, fromNow...)
		p.following(t)
		before := s.state(t).Position
		s.db.Exec(t, "FLUSH BINARY LOGS", "INSERT INTO busy VALUES (), (), ()")
		eventually.True(t, patience, "the checkpoint moves", func() bool { return s.state(t).Position != before })
		p.stop(t)
		wantIDs(t, s.ids(t), 1, 0)
		progress, err := os.ReadFile(filepath.Join(s.events(), "_progress.ndjson"))
		if err != nil {
			t.Fatal(err)
		}
		if text := string(progress); text == "" || strings.Contains(text, `"ts_ms":0}`) {
			t.Errorf("progress: got %s, want times", text)
		}
	})
}

func TestARestartOfMySQLUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(*testing.T, *servers.MySQLServer)
	}{
		{"an orderly shutdown", func(t *testing.T, server *servers.MySQLServer) { server.Stop(t) }},
		{"a crash", func(t *testing.T, server *servers.MySQLServer) { server.Kill(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachProduct(t, func(t *testing.T, product local.Product) {
				server := servers.NewMySQL(t, product, nil)
				s := newMySQLSite(t, server.Database(t))
				s.establish(t)
				l := s.load(t)
				p := s.follow(t)
				for range 2 {
					before := len(s.ids(t))
					eventually.True(t, patience, "events arrive", func() bool { return len(s.ids(t)) > before+20 })
					c.end(t, server)
					server.Start(t)
				}
				before := len(s.ids(t))
				eventually.True(t, patience, "events arrive again", func() bool { return len(s.ids(t)) > before+20 })
				last := l.end()
				eventually.True(t, patience, "all events are there", func() bool { return len(s.ids(t)) >= last })
				p.stop(t)
				wantIDs(t, s.ids(t), 1, last)
				if got := len(p.lines(t, "following")); got != 1 {
					t.Errorf("start lines: got %d, want 1", got)
				}
			})
		})
	}
}
