package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestSourceAndStream(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		capturetest.Run(t, func(t testing.TB) capturetest.Database {
			return source{servers.Postgres(t, version), nil}
		})
	})
}

// eachServer runs a test on the oldest and the newest version of Postgres.
func eachServer(t *testing.T, test func(t *testing.T, version int)) {
	t.Helper()
	eachOf(t, serverVersions, test)
}

func eachOf(t *testing.T, versions []int, test func(t *testing.T, version int)) {
	for _, version := range versions {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) { test(t, version) })
	}
}

// A source is a database and how one pipeline reads it. It implements
// capturetest.Database.
type source struct {
	*servers.Database
	change func(*postgres.Config) // what a test wants otherwise, or nil
}

func (d source) Source(t testing.TB) capture.Source {
	t.Helper()
	cfg := postgres.Config{
		Name: "test", URL: d.URL(), Tables: []string{"*.*", "!public.other"},
		Slot: d.slot(), Publication: "tailrace_test", Create: true,
	}
	if d.change != nil {
		d.change(&cfg)
	}
	src, err := postgres.New(cfg)
	if err != nil {
		t.Fatalf("make the source: %v", err)
	}
	return src
}

// slot has the database's name in it: the server's slots are one for all.
func (d source) slot() string { return d.Name + "_slot" }

func (d source) Session(t testing.TB) capturetest.Session { return application{d.Conn(t)} }

func (d source) Clock(t testing.TB) time.Time {
	t.Helper()
	text := d.One(t, `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`)
	now, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatalf("parse the server's time: %v", err)
	}
	return now
}

func (d source) Cut(t testing.TB) {
	t.Helper()
	pid := d.One(t, `SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1`, d.slot())
	d.Exec(t, `SELECT pg_terminate_backend($1::int)`, pid)
	eventually.True(t, 10*time.Second, "the reader is gone", func() bool {
		return d.One(t, `SELECT count(*) FROM pg_stat_activity WHERE pid = $1::int`, pid) == "0"
	})
}

func (d source) Split(testing.TB) {}

func (d source) Foreign(st checkpoint.State) checkpoint.State {
	st.Source.System += "0"
	return st
}

func (d source) Forget(t testing.TB, at event.Position) {
	t.Helper()
	lsn := strings.TrimPrefix(string(at), "lsn:")
	eventually.True(t, 10*time.Second, "the slot is at the confirmed place", func() bool {
		return d.One(t, `SELECT confirmed_flush_lsn >= $2::text::pg_lsn FROM pg_replication_slots WHERE slot_name = $1`, d.slot(), lsn) == "t"
	})
}

type application struct{ conn *pgx.Conn }

func (a application) Exec(t testing.TB, sql ...string) {
	t.Helper()
	for _, statement := range sql {
		if err := a.conn.PgConn().Exec(t.Context(), statement).Close(); err != nil {
			t.Fatalf("run %.100s: %v", statement, err)
		}
	}
}
