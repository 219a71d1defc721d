package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// prepare prepares an XA transaction in a session of its own, and returns it.
func (s *scene) prepare(t *testing.T, xid string, sql ...string) application {
	t.Helper()
	a := application{s.Conn(t)}
	a.Exec(t, "XA START "+xid)
	a.Exec(t, sql...)
	a.Exec(t, "XA END "+xid, "XA PREPARE "+xid)
	return a
}

func TestXATransactions(t *testing.T) {
	onEachKind(t, map[string]func(*testing.T, *scene){
		"count from their commit on, whatever the place of a start": func(t *testing.T, s *scene) {
			var one, two, four application
			visits, all := s.visits(
				t, s.start(t),
				func() { s.exec(t, insertion(1)) },
				func() { one = s.prepare(t, "'one'", insertion(10), insertion(11)) },
				func() { s.exec(t, insertion(2)) },
				func() { two = s.prepare(t, "'two','b',7", "UPDATE t SET note = 'x' WHERE id = 2") },
				func() { s.exec(t, insertion(3)) },
				func() { one.Exec(t, "XA COMMIT 'one'") },
				func() { s.exec(t, insertion(4)) },
				func() { s.Exec(t, "FLUSH BINARY LOGS") },
				func() { s.prepare(t, "'three'", insertion(30)).Exec(t, "XA ROLLBACK 'three'") },
				func() { four = s.prepare(t, "'four'", "INSERT INTO other VALUES (1, 'n')") },
				func() { two.Exec(t, "XA COMMIT 'two','b',7") },
				func() { s.exec(t, insertion(5)) },
				func() { s.exec(t, "XA START 'five'", insertion(50), "XA END 'five'", "XA COMMIT 'five' ONE PHASE") },
				func() { s.prepare(t, "'one'", insertion(60)).Exec(t, "XA COMMIT 'one'") },
				func() { four.Exec(t, "XA COMMIT 'four'") },
				func() { s.exec(t, insertion(6)) },
			)
			want := inserted(1, 2, 3, 10, 11, 4)
			want = append(want, `u t {"id":2} {"id":2,"note":"n"} {"id":2,"note":"x"}`)
			want = append(want, inserted(5, 50, 60, 6)...)
			capturetest.Equal(t, lines(all), want)
			for i := 1; i < len(all); i++ {
				if a, b := all[i-1].Ver, all[i].Ver; a >= b {
					t.Errorf("ver %s is followed by %s: they must rise", a, b)
				}
			}
			s.resumeAll(t, visits, all)
		},
		"are held on disk beyond the memory for them": func(t *testing.T, s *scene) {
			s.change = func(c *mysql.Config) { c.Memory, c.SpillDir = 1000, t.TempDir() }
			r := s.start(t)
			values := make([]string, 2000)
			for i := range values {
				values[i] = fmt.Sprintf("(%d, 'n')", i)
			}
			many := s.prepare(t, "'many'", "INSERT INTO t VALUES "+strings.Join(values, ","))
			few := s.prepare(t, "'few'", insertion(-1))
			few.Exec(t, "XA COMMIT 'few'")
			many.Exec(t, "XA COMMIT 'many'")
			s.fence(t)
			visits, all := []visit{{r.State, 0}}, []capturetest.Event(nil)
			for len(all) == 0 || all[len(all)-1].Source.Table != "fence" {
				u, err := r.Next(within(t))
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, u.Events...)
				visits = append(visits, visit{r.State, len(all)})
			}
			r.Close()
			all, visits = all[:len(all)-1], visits[:len(visits)-1]
			if got, want := len(all), 2001; got != want || len(visits) < 4 {
				t.Fatalf("got %d events in %d units, want %d in several", got, len(visits), want)
			}
			if got, want := all[0].Key+all[2000].Key, `{"id":-1}{"id":1999}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			s.resumeAll(t, visits, all) // also from the middle of the transaction
		},
		"do not keep an end from being reached while they wait": func(t *testing.T, s *scene) {
			r := s.start(t)
			waiting := s.prepare(t, "'waiting'", insertion(1))
			s.exec(t, insertion(2))
			capturetest.Equal(t, lines(r.ToEnd()), inserted(2))
			waiting.Exec(t, "XA COMMIT 'waiting'")
			capturetest.Equal(t, lines(r.ToEnd()), inserted(1))
		},
		"that were prepared before the start end it": func(t *testing.T, s *scene) {
			known, rolled := s.prepare(t, "'known'", insertion(1)), s.prepare(t, "'rolled'", insertion(2))
			r := s.start(t)
			s.exec(t, insertion(3))
			rolled.Exec(t, "XA ROLLBACK 'rolled'")
			capturetest.Equal(t, lines(s.events(t, r)), inserted(3))
			known.Exec(t, "XA COMMIT 'known'")
			if _, got := s.broken(t, r); !strings.Contains(got, "XA COMMIT") || !strings.Contains(got, "prepared before the start") {
				t.Errorf("got %s", got)
			}
		},
	})
}

func TestXATransactionsOutliveTheServer(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := pool.Server(t, kind.product, kind.settings)
			s := newScene(t, server, nil)
			r := s.start(t)
			s.exec(t, insertion(1))
			s.prepare(t, "'kept'", insertion(10))
			s.exec(t, insertion(2))
			capturetest.Equal(t, lines(s.events(t, r)), inserted(1, 2))
			r.Close()
			server.Restart(t)
			s.app = s.Conn(t)
			s.exec(t, insertion(3))
			r = capturetest.Start(t, s.Source(t), r.State, "")
			s.exec(t, "XA COMMIT 'kept'", insertion(4))
			capturetest.Equal(t, lines(s.events(t, r)), inserted(3, 10, 4))
			r.Close()
			again := capturetest.Start(t, s.Source(t), checkpoint.State{}, event.Earliest)
			events, err := s.toFence(t, again)
			if err != nil {
				t.Fatal(err)
			}
			capturetest.Equal(t, lines(events), inserted(1, 2, 3, 10, 4))
		})
	}
}
