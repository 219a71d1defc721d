package servers

import (
	"context"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// firstLimit bounds a start that may be the first of its product on this machine,
// which downloads it.
const firstLimit = 10 * time.Minute

// A MySQLServer is a MySQL or MariaDB that belongs to one test, which may do
// anything to it. Its methods end the test when they fail and must be called on
// its goroutine.
type MySQLServer struct {
	local.MySQLAddress

	mysql *local.MySQL
}

// NewMySQL starts a server for this test alone, with settings that are options
// of the server and override ours ("" leaves one out, nil is for none), and
// removes it when the test ends. It takes one to two seconds: tests that need no
// restart, no settings and no binlog of their own use MySQL.
func NewMySQL(t testing.TB, product local.Product, settings map[string]string) *MySQLServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), firstLimit)
	defer cancel()
	m, err := local.StartMySQL(ctx, product, settings)
	if err != nil {
		t.Fatalf("start a server: %v", err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
	})
	return &MySQLServer{MySQLAddress: m.MySQLAddress, mysql: m}
}

// Database returns a clean database on the server. It goes away with the server.
func (s *MySQLServer) Database(t testing.TB) *MySQLDatabase {
	t.Helper()
	return newMySQLDatabase(t, s.MySQLAddress)
}

// Stop shuts the server down in an orderly way. It throws clients out.
func (s *MySQLServer) Stop(t testing.TB) {
	t.Helper()
	s.do(t, s.mysql.Stop)
}

// Start starts a server that was stopped or killed, on the same port, and
// returns when it takes connections.
func (s *MySQLServer) Start(t testing.TB) {
	t.Helper()
	s.do(t, s.mysql.Start)
}

// Restart is Stop and Start.
func (s *MySQLServer) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.Start(t)
}

// Kill ends the server with SIGKILL, as a crash would.
func (s *MySQLServer) Kill(t testing.TB) {
	t.Helper()
	s.do(t, func(context.Context) error { return s.mysql.Kill() })
}

// Freeze stops the server with SIGSTOP: connections stay open and nothing
// answers.
func (s *MySQLServer) Freeze(t testing.TB) {
	t.Helper()
	s.do(t, func(context.Context) error { return s.mysql.Freeze() })
}

// Thaw lets a frozen server go on.
func (s *MySQLServer) Thaw(t testing.TB) {
	t.Helper()
	s.do(t, func(context.Context) error { return s.mysql.Thaw() })
}

func (s *MySQLServer) do(t testing.TB, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := f(ctx); err != nil {
		t.Fatal(err)
	}
}
