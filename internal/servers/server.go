package servers

import (
	"context"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// limit bounds whatever a helper does on a server, so that a test that got
// stuck says where.
const limit = 2 * time.Minute

// A Server is a Postgres that belongs to one test, which may do anything to it.
// Its methods end the test when they fail and must be called on its goroutine.
type Server struct {
	local.Address

	postgres *local.Postgres
}

// NewPostgres starts a server for this test alone, with settings that override
// postgresql.conf (nil for none), and removes it when the test ends. It takes
// one to two seconds: tests that need no restart and no settings use Postgres.
func NewPostgres(t testing.TB, version int, settings map[string]string) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	p, err := local.Start(ctx, version, settings)
	if err != nil {
		t.Fatalf("start a server: %v", err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
	})
	return &Server{Address: p.Address, postgres: p}
}

// Database returns a clean database on the server. It goes away with the server.
func (s *Server) Database(t testing.TB) *Database {
	t.Helper()
	return newDatabase(t, s.Address)
}

// Stop shuts the server down in an orderly way. It waits for replication
// clients to confirm what they were sent.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.do(t, s.postgres.Stop)
}

// Start starts a server that was stopped or killed, on the same port, and
// returns when it takes connections.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.do(t, s.postgres.Start)
}

// Restart is Stop and Start.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.Start(t)
}

// Kill ends all processes of the server with SIGKILL, as a crash would.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.do(t, func(context.Context) error { return s.postgres.Kill() })
}

// Freeze stops all processes of the server with SIGSTOP: connections stay open
// and nothing answers.
func (s *Server) Freeze(t testing.TB) {
	t.Helper()
	s.do(t, func(context.Context) error { return s.postgres.Freeze() })
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw(t testing.TB) {
	t.Helper()
	s.do(t, func(context.Context) error { return s.postgres.Thaw() })
}

// NewTimeline restarts the server as a standby and promotes it, which puts it on
// the next timeline, as a failover does.
func (s *Server) NewTimeline(t testing.TB) {
	t.Helper()
	s.do(t, s.postgres.NewTimeline)
}

func (s *Server) do(t testing.TB, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := f(ctx); err != nil {
		t.Fatal(err)
	}
}
