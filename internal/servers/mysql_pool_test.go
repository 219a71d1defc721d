package servers_test

import (
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestAPoolLendsAServerAgainThatIsAsItWas(t *testing.T) {
	eachProduct(t, func(t *testing.T, product local.Product) {
		t.Parallel()
		var pool servers.MySQLPool
		var first string
		lend := func(name string, again bool, settings map[string]string, use func(*testing.T, *servers.MySQLServer, *servers.MySQLDatabase)) {
			t.Helper()
			t.Run(name, func(t *testing.T) {
				s := pool.Server(t, product, settings)
				if s.DataDir == first != again {
					t.Errorf("the server of another test is lent: got %t, want %t", !again, again)
				}
				first = s.DataDir
				d := s.Database(t)
				if got, want := d.Rows(t, "SHOW BINARY LOGS"), "binlog.000001"; len(got) != 1 || got[0][0] != want {
					t.Errorf("binlogs: got %v, want %s", got, want)
				}
				if got := d.One(t, "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 't\\_%'"); got != "1" {
					t.Errorf("databases of tests: got %s, want this one", got)
				}
				if got := d.One(t, "SELECT COUNT(*) FROM mysql.user WHERE User = 'left'"); got != "0" {
					t.Errorf("users that a test has left: got %s, want none", got)
				}
				use(t, s, d)
			})
		}
		set := map[string]string{"max_binlog_size": "8192"}
		left := func(t *testing.T, s *servers.MySQLServer, d *servers.MySQLDatabase) {
			d.Exec(t, "CREATE DATABASE `le``ft`", "CREATE USER 'left'@'%'", "CREATE TABLE t (id INT)", "FLUSH BINARY LOGS")
			conn, err := client.Connect(s.HostPort(), "root", "", d.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, sql := range []string{"BEGIN", "SELECT * FROM t"} { // holds the table
				if _, err := conn.Execute(sql); err != nil {
					t.Fatal(err)
				}
			}
		}
		lend("the first", false, nil, left)
		lend("behind databases, users, files and a client", true, nil, func(t *testing.T, s *servers.MySQLServer, _ *servers.MySQLDatabase) {
			s.Restart(t)
		})
		lend("behind a restart", true, nil, func(*testing.T, *servers.MySQLServer, *servers.MySQLDatabase) {})
		lend("with other settings", false, set, func(t *testing.T, _ *servers.MySQLServer, d *servers.MySQLDatabase) {
			d.Exec(t, "SET GLOBAL max_connections = 100")
		})
		lend("behind a variable that was set", false, set, func(t *testing.T, s *servers.MySQLServer, _ *servers.MySQLDatabase) {
			s.Stop(t)
		})
		lend("behind a stop", false, set, func(t *testing.T, _ *servers.MySQLServer, d *servers.MySQLDatabase) {
			d.Exec(t, "CREATE TABLE mysql.kept (id INT)")
		})
		lend("behind a table of the server's own", false, set, func(t *testing.T, _ *servers.MySQLServer, d *servers.MySQLDatabase) {
			d.Exec(t, "CREATE TABLE t (id INT)", "XA START 'kept'", "INSERT INTO t VALUES (1)", "XA END 'kept'", "XA PREPARE 'kept'")
		})
		lend("behind a prepared transaction", false, set, func(*testing.T, *servers.MySQLServer, *servers.MySQLDatabase) {})
	})
}
