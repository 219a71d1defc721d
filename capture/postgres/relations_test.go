package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestRowsHaveTheColumnsOfTheirTime(t *testing.T) {
	const table = "CREATE TABLE t (id int PRIMARY KEY, a text)"
	runScripts(t, []script{
		{
			name:  "a column is added inside a transaction",
			setup: table,
			changes: []string{
				"BEGIN", "INSERT INTO t VALUES (1, 'x')", "ALTER TABLE t ADD b int DEFAULT 7",
				"UPDATE t SET a = 'y'", "INSERT INTO t VALUES (2, 'z', 8)", "COMMIT",
			},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":"x"}`,
				`u public.t {"id":1} {"id":1} {"id":1,"a":"y","b":7}`,
				`c public.t {"id":2} null {"id":2,"a":"z","b":8}`,
			},
		},
		{
			name:  "a column is dropped inside a transaction",
			setup: table,
			changes: []string{
				"BEGIN", "INSERT INTO t VALUES (1, 'x')", "ALTER TABLE t DROP a", "INSERT INTO t VALUES (2)", "COMMIT",
			},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":"x"}`,
				`c public.t {"id":2} null {"id":2}`,
			},
		},
		{
			name:  "a column is dropped and another of its name is added",
			setup: table,
			changes: []string{
				"INSERT INTO t VALUES (1, 'x')", "ALTER TABLE t DROP a, ADD b bool, ADD a int", "INSERT INTO t VALUES (2, true, 3)",
			},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":"x"}`,
				`c public.t {"id":2} null {"id":2,"b":true,"a":3}`,
			},
		},
		{
			name:  "a column is renamed",
			setup: table,
			changes: []string{
				"INSERT INTO t VALUES (1, 'x')", "ALTER TABLE t RENAME a TO b", "UPDATE t SET b = 'y'",
			},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":"x"}`,
				`u public.t {"id":1} {"id":1} {"id":1,"b":"y"}`,
			},
		},
		{
			name:  "the key's column is renamed",
			setup: table,
			changes: []string{
				"INSERT INTO t VALUES (1, 'x')", "ALTER TABLE t RENAME id TO nr", "UPDATE t SET a = 'y'",
			},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":"x"}`,
				`u public.t {"nr":1} {"nr":1} {"nr":1,"a":"y"}`,
			},
		},
		{
			name:  "a type is changed, which rewrites the table",
			setup: "CREATE TABLE t (id int PRIMARY KEY, a int)",
			changes: []string{
				"INSERT INTO t VALUES (1, 10)",
				"BEGIN", "INSERT INTO t VALUES (2, 20)", "ALTER TABLE t ALTER a TYPE numeric(6,2)", "INSERT INTO t VALUES (3, 30)", "COMMIT",
				"UPDATE t SET a = 11.5 WHERE id = 1",
			},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":10}`,
				`c public.t {"id":2} null {"id":2,"a":20}`,
				`c public.t {"id":3} null {"id":3,"a":"30.00"}`,
				`u public.t {"id":1} {"id":1} {"id":1,"a":"11.50"}`,
			},
		},
		{
			name:  "the replica identity is changed between rows",
			setup: table,
			changes: []string{
				"BEGIN", "INSERT INTO t VALUES (1, 'x')", "UPDATE t SET a = 'y'", "ALTER TABLE t REPLICA IDENTITY FULL",
				"UPDATE t SET a = 'z'", "ALTER TABLE t REPLICA IDENTITY DEFAULT", "DELETE FROM t", "COMMIT",
			},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":"x"}`,
				`u public.t {"id":1} {"id":1} {"id":1,"a":"y"}`,
				`u public.t {"id":1} {"id":1,"a":"y"} {"id":1,"a":"z"}`,
				`d public.t {"id":1} {"id":1} null`,
			},
		},
		{
			name:  "the table is renamed to a name that a pattern meets",
			setup: table,
			changes: []string{
				"INSERT INTO t VALUES (1, 'x')", "ALTER TABLE t RENAME TO t2", "INSERT INTO t2 VALUES (2, 'y')",
			},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":"x"}`,
				`c public.t2 {"id":2} null {"id":2,"a":"y"}`,
			},
		},
		{
			name:  "the table moves to another schema",
			setup: table + "; CREATE SCHEMA app",
			changes: []string{
				"BEGIN", "INSERT INTO t VALUES (1, 'x')", "ALTER TABLE t SET SCHEMA app", "INSERT INTO app.t VALUES (2, 'y')", "COMMIT",
			},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":"x"}`,
				`c app.t {"id":2} null {"id":2,"a":"y"}`,
			},
		},
		{
			name:  "two tables change their names",
			setup: "CREATE TABLE t (id int PRIMARY KEY, a text); CREATE TABLE u (id int PRIMARY KEY, b int)",
			changes: []string{
				"INSERT INTO t VALUES (1, 'x')", "INSERT INTO u VALUES (1, 10)",
				"BEGIN", "ALTER TABLE t RENAME TO v", "ALTER TABLE u RENAME TO t", "ALTER TABLE v RENAME TO u", "COMMIT",
				"INSERT INTO t VALUES (2, 20)", "INSERT INTO u VALUES (2, 'y')",
			},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":"x"}`,
				`c public.u {"id":1} null {"id":1,"b":10}`,
				`c public.t {"id":2} null {"id":2,"b":20}`,
				`c public.u {"id":2} null {"id":2,"a":"y"}`,
			},
		},
	})
}

func TestAVersionIsNamedByWhatTheLogCarries(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		start := r.State
		d.Session(t).Exec(
			t,
			"INSERT INTO t VALUES (1)", "ALTER TABLE t ADD a int", "INSERT INTO t VALUES (2)",
			"ALTER TABLE t DROP a", "INSERT INTO t VALUES (3)",
		)
		events := r.ToEnd()
		if len(events) != 3 {
			t.Fatalf("got %d events, want 3", len(events))
		}
		if a, b := events[0].TableVersion, events[1].TableVersion; a == b {
			t.Errorf("a table with another column has the same version %s", a)
		}
		if a, b := events[0].TableVersion, events[2].TableVersion; a != b {
			t.Errorf("the versions of the same columns are %s and %s", a, b)
		}
		r.Close()
		// What was asked of the catalog then is not what it says now.
		again := capturetest.Start(t, d.Source(t), start, "")
		capturetest.Equal(t, capturetest.Texts(again.ToEnd()), capturetest.Texts(events))
	})
}

func TestRowsOfATableThatIsGoneArrive(t *testing.T) {
	for _, c := range []struct{ name, after, want string }{
		{"renamed", "ALTER TABLE t RENAME TO elsewhere", `c public.t {"id":1} null {"id":1,"a":"x"}`},
		{"dropped", "DROP TABLE t", `c public.t {"id":1} null {"id":1,"a":"x"}`},
		{"moved", "CREATE SCHEMA app; ALTER TABLE t SET SCHEMA app", `c public.t {"id":1} null {"id":1,"a":"x"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachServer(t, func(t *testing.T, version int) {
				d := source{servers.Postgres(t, version), nil}
				d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, a text); CREATE TABLE stays (id int PRIMARY KEY)")
				r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
				r.Close()
				d.Exec(t, "INSERT INTO t VALUES (1, 'x')")
				d.Exec(t, c.after)
				r = capturetest.Start(t, d.Source(t), r.State, "")
				equalLines(t, r.ToEnd(), []string{c.want})
			})
		})
	}
}

func TestATableThatIsRenamedOutOfTheSelectionStops(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), func(cfg *postgres.Config) { cfg.Tables = []string{"t"} }}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		start := r.State
		d.Session(t).Exec(t, "INSERT INTO t VALUES (1)", "ALTER TABLE t RENAME TO t_old", "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t_old VALUES (2)")
		err := r.Broken()
		var stop *failure.StopError
		if !errors.As(err, &stop) || !strings.Contains(err.Error(), "table public.t was renamed to public.t_old") {
			t.Fatalf("Next = %v, want a Stop that names both names", err)
		}
		r.Close()
		d.change = func(cfg *postgres.Config) { cfg.Tables = []string{"t", "!t_old"} }
		d.Exec(t, "ALTER PUBLICATION tailrace_test ADD TABLE t") // nothing was changed in it yet
		r = capturetest.Start(t, d.Source(t), start, "")
		equalLines(t, r.ToEnd(), []string{`c public.t {"id":1} null {"id":1}`})
	})
}

func TestMemoryKeepsTheKeyOverARestart(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, code text NOT NULL); ALTER TABLE t REPLICA IDENTITY FULL")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Exec(t, "INSERT INTO t VALUES (1, 'a')")
		equalLines(t, r.ToEnd(), []string{`c public.t {"id":1} null {"id":1,"code":"a"}`})
		r.Close()
		d.Exec(t, "UPDATE t SET code = 'b'")
		d.Exec(t, "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (code)")
		d.Exec(t, "UPDATE t SET id = 2")
		r = capturetest.Start(t, d.Source(t), r.State, "")
		equalLines(t, r.ToEnd(), []string{
			`u public.t {"id":1} {"id":1,"code":"a"} {"id":1,"code":"b"}`,
			`u public.t {"code":"b"} {"id":1,"code":"b"} {"id":2,"code":"b"}`,
		})
	})
}
