package main_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

// The server ends a stream from which it hears nothing for 10 seconds.
func TestABlockedSinkKeepsTheConnection(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		s.establish(t)
		b := s.block(t)
		reader := s.db.Rows(t, "SELECT active_pid, now() FROM pg_replication_slots WHERE slot_name = $1", s.slot)[0]
		pid, since := reader[0], reader[1]
		eventually.True(t, patience, "the blocked reader has reported for longer than the server's timeout", func() bool {
			return s.db.One(t, `SELECT count(*) FROM pg_stat_replication
				WHERE pid = $1::int AND reply_time > $2::timestamptz + interval '12 s'`, pid, since) == "1"
		})
		rest := make(chan string, 1)
		go func() { rest <- b.rest(t) }()
		s.wantAllSaved(t)
		b.stop(t)
		wantIDs(t, idsOf(t, <-rest), 1, many)
		if lines := b.lines(t, "starting again from the saved state"); len(lines) != 0 {
			t.Errorf("new connections: got %d, want none", len(lines))
		}
	})
}

// wantAllSaved waits until the running pipeline has told the server that it
// has saved everything that is in the log now.
func (s *site) wantAllSaved(t *testing.T) {
	t.Helper()
	end := s.db.One(t, "SELECT pg_current_wal_lsn()")
	eventually.True(t, patience, "all is published, saved and confirmed", func() bool {
		return s.db.One(t, "SELECT confirmed_flush_lsn >= $2::pg_lsn FROM pg_replication_slots WHERE slot_name = $1", s.slot, end) == "t"
	})
}

// A server that shuts down waits for its readers (C3.5).
func TestABlockedSinkDoesNotHoldUpTheServersShutdown(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		server := servers.NewPostgres(t, version, nil)
		s := newSite(t, server.Database(t))
		s.establish(t)
		b := s.block(t)
		begin := time.Now()
		server.Stop(t)
		if got, want := time.Since(begin), 20*time.Second; got > want {
			t.Errorf("time of the server's shutdown: got %v, want at most %v", got, want)
		}
		server.Start(t)
		rest := make(chan string, 1)
		go func() { rest <- b.rest(t) }()
		s.wantAllSaved(t)
		b.stop(t)
		wantIDs(t, idsOf(t, <-rest), 1, many)
	})
}

func TestARestartOfTheServerUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(*testing.T, *servers.Server)
	}{
		{"an orderly shutdown", func(t *testing.T, server *servers.Server) { server.Stop(t) }},
		{"a crash", func(t *testing.T, server *servers.Server) { server.Kill(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachVersion(t, func(t *testing.T, version int) {
				server := servers.NewPostgres(t, version, nil)
				s := newSite(t, server.Database(t))
				s.establish(t)
				l := s.load(t, 0)
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
				s.wantAllSaved(t)
				p.stop(t)
				wantIDs(t, s.ids(t), 1, last)
				if got := len(p.lines(t, "following")); got != 1 {
					t.Errorf("start lines: got %d, want 1", got)
				}
				got, want := s.db.One(t, "SELECT count(*) FROM orders WHERE id > 0"), fmt.Sprint(last)
				if got != want {
					t.Errorf("rows that the load made: got %s, want %s", got, want)
				}
			})
		})
	}
}
