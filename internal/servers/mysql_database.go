package servers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// A MySQLDatabase is a database of one test on a real MySQL or MariaDB server.
// Its methods end the test when they fail and must be called on its goroutine.
type MySQLDatabase struct {
	Server  local.MySQLAddress // the server it is on, with its programs and data folder
	Product local.Product
	Host    string
	Port    int
	Name    string
}

// MySQL returns a clean database on the shared server of the given product. When
// the test ends it is dropped, with its users, and whoever is connected to it or
// as one of them is thrown out.
//
// Other tests write to the same server, so its binlog holds their changes too and
// its position moves at any time. SET GLOBAL and purging binlogs would break other
// tests: NewMySQL is for them.
func MySQL(t testing.TB, product local.Product) *MySQLDatabase {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), firstLimit)
	defer cancel()
	var address local.MySQLAddress
	if err := shared(ctx, "mysql/"+string(product), &address); err != nil {
		t.Fatal(err)
	}
	d := newMySQLDatabase(t, address)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := address.DropDatabase(ctx, d.Name); err != nil {
			t.Error(err)
		}
	})
	return d
}

func newMySQLDatabase(t testing.TB, address local.MySQLAddress) *MySQLDatabase {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	name, err := address.CreateDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &MySQLDatabase{Server: address, Product: address.Product, Host: address.Host, Port: address.Port, Name: name}
}

// URL returns how root connects, without a password.
func (d *MySQLDatabase) URL() string {
	return d.Server.URL(d.Name)
}

// URLAs returns how another user connects, such as one made by User.
func (d *MySQLDatabase) URLAs(user, password string) string {
	return d.Server.URLAs(user, password, d.Name)
}

// User makes a user that may come from everywhere with the given password, has
// the given privileges, such as "REPLICATION SLAVE ON *.*" or "SELECT ON {db}.*"
// where {db} is this database, and returns its name. It is dropped with the
// database.
func (d *MySQLDatabase) User(t testing.TB, password string, grants ...string) string {
	t.Helper()
	// The prefix is how DropDatabase finds it. MySQL takes 32 characters.
	name := fmt.Sprintf("%s_%08x", d.Name, rand.Uint32())
	user := fmt.Sprintf("'%s'@'%%'", name)
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(password)
	statements := []string{"CREATE USER " + user + " IDENTIFIED BY '" + quoted + "'"}
	for _, grant := range grants {
		statements = append(statements, "GRANT "+strings.ReplaceAll(grant, "{db}", d.Name)+" TO "+user)
	}
	d.Exec(t, statements...)
	return name
}

// Conn returns a connection of root that is closed when the test ends.
func (d *MySQLDatabase) Conn(t testing.TB) *client.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	conn, err := d.Server.Connect(ctx, d.Name)
	if err != nil {
		t.Fatalf("connect to the database of the test: %v", err)
	}
	// The server may be gone by now, and then there is nothing to close.
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Exec runs statements, one by one, on a connection of their own: what one of
// them sets holds for the next.
func (d *MySQLDatabase) Exec(t testing.TB, sql ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := d.Server.Exec(ctx, d.Name, sql...); err != nil {
		t.Fatalf("use the database of the test: %v", err)
	}
}

// Rows returns the answer to a query as the server writes values as text; NULL
// becomes "NULL".
func (d *MySQLDatabase) Rows(t testing.TB, sql string) [][]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	rows, err := d.Server.Query(ctx, d.Name, sql)
	if err != nil {
		t.Fatalf("use the database of the test: %v", err)
	}
	return rows
}

// One returns the only value of a query that answers one row of one column, as
// Rows would.
func (d *MySQLDatabase) One(t testing.TB, sql string) string {
	t.Helper()
	rows := d.Rows(t, sql)
	if len(rows) != 1 || len(rows[0]) != 1 {
		t.Fatalf("query for one value: got %d rows", len(rows))
	}
	return rows[0][0]
}
