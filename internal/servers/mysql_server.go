package servers

import (
	"context"
	"testing"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// A MySQLServer is a MySQL or MariaDB that belongs to one test, which may do
// anything to it. Its methods end the test when they fail and must be called on
// its goroutine.
type MySQLServer struct {
	local.MySQLAddress
	controls
}

// NewMySQL starts a server for this test alone, with settings that are options
// of the server and override ours ("" leaves one out, nil is for none), and
// removes it when the test ends. It takes one to two seconds: tests that need no
// restart, no settings and no binlog of their own use MySQL, and a MySQLPool is for
// those that can give the server back as it was.
func NewMySQL(t testing.TB, product local.Product, settings map[string]string) *MySQLServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), firstLimit)
	defer cancel()
	m, err := local.StartMySQL(ctx, product, settings)
	if err != nil {
		t.Fatalf("start a server: %v", err)
	}
	return &MySQLServer{m.MySQLAddress, control(t, m)}
}

// Database returns a clean database on the server. It goes away with the server.
func (s *MySQLServer) Database(t testing.TB) *MySQLDatabase {
	t.Helper()
	return newMySQLDatabase(t, s.MySQLAddress)
}
