package servers

import (
	"context"
	"testing"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// A Server is a Postgres that belongs to one test, which may do anything to it.
// Its methods end the test when they fail and must be called on its goroutine.
type Server struct {
	local.Address
	controls

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
	return &Server{p.Address, control(t, p), p}
}

// Database returns a clean database on the server. It goes away with the server.
func (s *Server) Database(t testing.TB) *Database {
	t.Helper()
	return newDatabase(t, s.Address)
}

// NewTimeline restarts the server as a standby and promotes it, which puts it on
// the next timeline, as a failover does.
func (s *Server) NewTimeline(t testing.TB) {
	t.Helper()
	within(t, s.postgres.NewTimeline)
}
