package postgres_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture/postgres"
)

func insertOnly(tables ...string) func(*postgres.Config) {
	return func(cfg *postgres.Config) { cfg.InsertOnly = tables }
}

func TestReplicaIdentity(t *testing.T) {
	changes := []string{"INSERT INTO t VALUES (1, 'a', 'x')", "UPDATE t SET v = NULL", "UPDATE t SET v = ''", "DELETE FROM t"}
	const table = "CREATE TABLE t (id int PRIMARY KEY, code text NOT NULL, v text); "
	runScripts(t, []script{
		{
			name:    "default, with a primary key",
			setup:   table,
			changes: changes,
			want: []string{
				`c public.t {"id":1} null {"id":1,"code":"a","v":"x"}`,
				`u public.t {"id":1} {"id":1} {"id":1,"code":"a","v":null}`,
				`u public.t {"id":1} {"id":1} {"id":1,"code":"a","v":""}`,
				`d public.t {"id":1} {"id":1} null`,
			},
		},
		{
			name:    "full, with a primary key",
			setup:   table + "ALTER TABLE t REPLICA IDENTITY FULL",
			changes: changes,
			want: []string{
				`c public.t {"id":1} null {"id":1,"code":"a","v":"x"}`,
				`u public.t {"id":1} {"id":1,"code":"a","v":"x"} {"id":1,"code":"a","v":null}`,
				`u public.t {"id":1} {"id":1,"code":"a","v":null} {"id":1,"code":"a","v":""}`,
				`d public.t {"id":1} {"id":1,"code":"a","v":""} null`,
			},
		},
		{
			name:    "full, without a primary key",
			setup:   "CREATE TABLE t (id int, code text, v text); ALTER TABLE t REPLICA IDENTITY FULL",
			changes: changes,
			want: []string{
				`c public.t - null {"id":1,"code":"a","v":"x"}`,
				`u public.t - {"id":1,"code":"a","v":"x"} {"id":1,"code":"a","v":null}`,
				`u public.t - {"id":1,"code":"a","v":null} {"id":1,"code":"a","v":""}`,
				`d public.t - {"id":1,"code":"a","v":""} null`,
			},
		},
		{
			name:    "an index beside the primary key",
			setup:   table + "CREATE UNIQUE INDEX t_code ON t (code); ALTER TABLE t REPLICA IDENTITY USING INDEX t_code",
			changes: changes,
			want: []string{
				`c public.t {"code":"a"} null {"id":1,"code":"a","v":"x"}`,
				`u public.t {"code":"a"} {"code":"a"} {"id":1,"code":"a","v":null}`,
				`u public.t {"code":"a"} {"code":"a"} {"id":1,"code":"a","v":""}`,
				`d public.t {"code":"a"} {"code":"a"} null`,
			},
		},
		{
			name: "an index with included columns and another order",
			setup: table + `CREATE UNIQUE INDEX t_code ON t (code, id) INCLUDE (v);
				ALTER TABLE t REPLICA IDENTITY USING INDEX t_code`,
			changes: []string{"INSERT INTO t VALUES (1, 'a', 'x')"},
			want:    []string{`c public.t {"code":"a","id":1} null {"id":1,"code":"a","v":"x"}`},
		},
		{
			name:    "nothing, for inserts only",
			config:  insertOnly("t"),
			setup:   table + "ALTER TABLE t REPLICA IDENTITY NOTHING",
			changes: append(changes, "TRUNCATE t"),
			want: []string{
				`c public.t - null {"id":1,"code":"a","v":"x"}`,
				`t public.t - null null`,
			},
		},
		{
			name:    "default without a primary key, for inserts only",
			config:  insertOnly("t"),
			setup:   "CREATE TABLE t (id int, code text, v text); CREATE TABLE with_key (id int PRIMARY KEY)",
			changes: append(changes, "INSERT INTO with_key VALUES (1)", "UPDATE with_key SET id = id"),
			want: []string{
				`c public.t - null {"id":1,"code":"a","v":"x"}`,
				`c public.with_key {"id":1} null {"id":1}`,
				`u public.with_key {"id":1} {"id":1} {"id":1}`,
			},
		},
		{
			name: "a deferrable primary key is none",
			setup: `CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, code text, v text);
				ALTER TABLE t REPLICA IDENTITY FULL`,
			changes: []string{"INSERT INTO t VALUES (1, 'a', 'x')", "UPDATE t SET id = 2"},
			want: []string{
				`c public.t - null {"id":1,"code":"a","v":"x"}`,
				`u public.t - {"id":1,"code":"a","v":"x"} {"id":2,"code":"a","v":"x"}`,
			},
		},
		{
			name:    "the key has the order of the index and not of the table",
			setup:   "CREATE TABLE t (a int, b text, c int, PRIMARY KEY (c, a))",
			changes: []string{"INSERT INTO t VALUES (1, 'x', 3)", "UPDATE t SET b = 'y'", "DELETE FROM t"},
			want: []string{
				`c public.t {"c":3,"a":1} null {"a":1,"b":"x","c":3}`,
				`u public.t {"c":3,"a":1} {"a":1,"c":3} {"a":1,"b":"y","c":3}`,
				`d public.t {"c":3,"a":1} {"a":1,"c":3} null`,
			},
		},
	})
}

func TestChangesOfTheKey(t *testing.T) {
	const table = `CREATE TABLE t (id int PRIMARY KEY, v text, big text);
		ALTER TABLE t ALTER big SET STORAGE EXTERNAL; `
	row := "INSERT INTO t VALUES (1, 'x', '" + wide + "')"
	runScripts(t, []script{
		{
			name:    "an update that changes the key is a delete and an insert",
			setup:   "CREATE TABLE t (id int PRIMARY KEY, v text)",
			changes: []string{"INSERT INTO t VALUES (1, 'x')", "UPDATE t SET id = 2, v = 'y'"},
			want: []string{
				`c public.t {"id":1} null {"id":1,"v":"x"}`,
				`d public.t {"id":1} {"id":1} null`,
				`c public.t {"id":2} null {"id":2,"v":"y"}`,
			},
		},
		{
			name:    "one of two key columns changes",
			setup:   "CREATE TABLE t (b int, a int, v text, PRIMARY KEY (a, b))",
			changes: []string{"INSERT INTO t VALUES (1, 2, 'x')", "UPDATE t SET b = 3"},
			want: []string{
				`c public.t {"a":2,"b":1} null {"b":1,"a":2,"v":"x"}`,
				`d public.t {"a":2,"b":1} {"b":1,"a":2} null`,
				`c public.t {"a":2,"b":3} null {"b":3,"a":2,"v":"x"}`,
			},
		},
		{
			name:    "an update that sets the key to what it is changes no key",
			setup:   "CREATE TABLE t (id int PRIMARY KEY, v text)",
			changes: []string{"INSERT INTO t VALUES (1, 'x')", "UPDATE t SET id = 1, v = 'y'"},
			want: []string{
				`c public.t {"id":1} null {"id":1,"v":"x"}`,
				`u public.t {"id":1} {"id":1} {"id":1,"v":"y"}`,
			},
		},
		{
			name:    "a value that the log did not carry is absent",
			setup:   table,
			changes: []string{row, "UPDATE t SET v = 'y'", "UPDATE t SET big = NULL"},
			want: []string{
				`c public.t {"id":1} null {"id":1,"v":"x","big":"wide"}`,
				`u public.t {"id":1} {"id":1} {"id":1,"v":"y"} absent=["big"]`,
				`u public.t {"id":1} {"id":1} {"id":1,"v":"y","big":null}`,
			},
		},
		{
			name:    "under full identity it is filled from the old row",
			setup:   table + "ALTER TABLE t REPLICA IDENTITY FULL",
			changes: []string{row, "UPDATE t SET v = 'y'", "UPDATE t SET id = 2"},
			want: []string{
				`c public.t {"id":1} null {"id":1,"v":"x","big":"wide"}`,
				`u public.t {"id":1} {"id":1,"v":"x","big":"wide"} {"id":1,"v":"y","big":"wide"}`,
				`d public.t {"id":1} {"id":1,"v":"y","big":"wide"} null`,
				`c public.t {"id":2} null {"id":2,"v":"y","big":"wide"}`,
			},
		},
		{
			name:    "a key change that can't be completed names the other side",
			setup:   table,
			changes: []string{row, "UPDATE t SET id = 2"},
			want: []string{
				`c public.t {"id":1} null {"id":1,"v":"x","big":"wide"}`,
				`d public.t {"id":1} {"id":1} null moved_to={"id":2}`,
				`c public.t {"id":2} null {"id":2,"v":"x"} absent=["big"] moved_from={"id":1}`,
			},
		},
		{
			name:    "the old key is sent although it is the same",
			setup:   "CREATE TABLE t (id text PRIMARY KEY, v text); ALTER TABLE t ALTER id SET STORAGE EXTERNAL",
			changes: []string{"INSERT INTO t VALUES ('" + wide + "', 'x')", "UPDATE t SET v = 'y'", "UPDATE t SET id = 'short'"},
			want: []string{
				`c public.t {"id":"wide"} null {"id":"wide","v":"x"}`,
				`u public.t {"id":"wide"} {"id":"wide"} {"id":"wide","v":"y"}`,
				`d public.t {"id":"wide"} {"id":"wide"} null`,
				`c public.t {"id":"short"} null {"id":"short","v":"y"}`,
			},
		},
		{
			name:    "half of a key that is not in the row is filled in when the other half changes",
			setup:   "CREATE TABLE t (id text, nr int, v text, PRIMARY KEY (id, nr)); ALTER TABLE t ALTER id SET STORAGE EXTERNAL",
			changes: []string{"INSERT INTO t VALUES ('" + wide + "', 1, 'x')", "UPDATE t SET nr = 2"},
			want: []string{
				`c public.t {"id":"wide","nr":1} null {"id":"wide","nr":1,"v":"x"}`,
				`d public.t {"id":"wide","nr":1} {"id":"wide","nr":1} null`,
				`c public.t {"id":"wide","nr":2} null {"id":"wide","nr":2,"v":"x"}`,
			},
		},
		{
			name: "an identity index beside the primary key decides what a key change is",
			setup: `CREATE TABLE t (id int PRIMARY KEY, code text NOT NULL UNIQUE);
				ALTER TABLE t REPLICA IDENTITY USING INDEX t_code_key`,
			changes: []string{"INSERT INTO t VALUES (1, 'a')", "UPDATE t SET id = 2", "UPDATE t SET code = 'b'"},
			want: []string{
				`c public.t {"code":"a"} null {"id":1,"code":"a"}`,
				`u public.t {"code":"a"} {"code":"a"} {"id":2,"code":"a"}`,
				`d public.t {"code":"a"} {"code":"a"} null`,
				`c public.t {"code":"b"} null {"id":2,"code":"b"}`,
			},
		},
	})
}
