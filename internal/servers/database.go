package servers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// A Database is a database of one test on a real server. Its methods end the
// test when they fail and must be called on its goroutine.
type Database struct {
	Server local.Address // the server it is on, with its programs and data folder
	Host   string
	Port   int
	User   string // the superuser, who needs no password
	Name   string
}

// Postgres returns a clean database on the shared server of the given version,
// 13, 15 or 18. When the test ends it is dropped, with its replication slots and
// roles, and whoever is connected is thrown out.
//
// Other tests write to the same server, so its log holds their changes too and
// its log position moves at any time.
func Postgres(t testing.TB, version int) *Database {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var address local.Address
	if err := shared(ctx, fmt.Sprintf("postgres/%d", version), &address); err != nil {
		t.Fatal(err)
	}
	d := newDatabase(t, address)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := address.DropDatabase(ctx, d.Name); err != nil {
			t.Error(err)
		}
	})
	return d
}

func newDatabase(t testing.TB, address local.Address) *Database {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	name, err := address.CreateDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &Database{Server: address, Host: address.Host, Port: address.Port, User: "postgres", Name: name}
}

// URL returns how the superuser connects.
func (d *Database) URL() string {
	return d.Server.URL(d.Name)
}

// URLAs returns how another user connects, such as one made by Role.
func (d *Database) URLAs(user, password string) string {
	return d.Server.URLAs(user, password, d.Name)
}

// Role makes a role that may log in with the given password and has the given
// attributes of CREATE ROLE, such as "REPLICATION", and returns its name. It is
// dropped with the database.
func (d *Database) Role(t testing.TB, password, attributes string) string {
	t.Helper()
	// The prefix is how DropDatabase finds it.
	name := fmt.Sprintf("%s_%08x", d.Name, rand.Uint32())
	d.Exec(t, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s' %s", name, password, attributes))
	return name
}

// Conn returns a connection of the superuser that is closed when the test ends.
func (d *Database) Conn(t testing.TB) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, d.URL())
	if err != nil {
		t.Fatalf("connect to the database of the test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		// The server may be gone or frozen by now, and then there is nothing to close.
		_ = conn.Close(ctx)
	})
	return conn
}

// Exec runs SQL on a connection of its own. Without arguments sql may hold
// several statements; Postgres then runs them as one transaction, so what
// refuses to be in one (VACUUM, CREATE DATABASE, or making a slot after a
// write) needs an Exec of its own.
func (d *Database) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	d.with(t, func(ctx context.Context, conn *pgx.Conn) error {
		if len(args) == 0 {
			return conn.PgConn().Exec(ctx, sql).Close()
		}
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

// Rows returns the answer to a query as Postgres writes values as text; NULL
// becomes "NULL".
func (d *Database) Rows(t testing.TB, sql string, args ...any) [][]string {
	t.Helper()
	var answer [][]string
	d.with(t, func(ctx context.Context, conn *pgx.Conn) error {
		text := pgx.QueryResultFormats{pgx.TextFormatCode}
		rows, err := conn.Query(ctx, sql, append([]any{text}, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			row := make([]string, 0, len(rows.RawValues()))
			for _, value := range rows.RawValues() {
				if value == nil {
					row = append(row, "NULL")
					continue
				}
				row = append(row, string(value))
			}
			answer = append(answer, row)
		}
		return rows.Err()
	})
	return answer
}

// One returns the only value of a query that answers one row of one column, as
// Rows would.
func (d *Database) One(t testing.TB, sql string, args ...any) string {
	t.Helper()
	rows := d.Rows(t, sql, args...)
	if len(rows) != 1 || len(rows[0]) != 1 {
		t.Fatalf("query for one value: got %d rows", len(rows))
	}
	return rows[0][0]
}

func (d *Database) with(t testing.TB, f func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, d.URL())
	if err != nil {
		t.Fatalf("connect to the database of the test: %v", err)
	}
	if err := errors.Join(f(ctx, conn), conn.Close(ctx)); err != nil {
		t.Fatalf("use the database of the test: %v", err)
	}
}
