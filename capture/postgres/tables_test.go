package postgres_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestTablesOfEveryKind(t *testing.T) {
	runScripts(t, []script{
		{
			name: "names with every odd character",
			setup: `CREATE SCHEMA "My-Schema"; CREATE SCHEMA "é.é";
				CREATE TABLE "My-Schema"."Or""der 's/x 😀" ("a.b" int PRIMARY KEY, "quo""te" text, "back\slash" int, "😀" int);
				CREATE TABLE "é.é"."a.b" (id int PRIMARY KEY);
				CREATE TABLE "pg" (id int PRIMARY KEY)`,
			changes: []string{
				`INSERT INTO "My-Schema"."Or""der 's/x 😀" VALUES (1, 'x', 2, 3)`,
				`INSERT INTO "é.é"."a.b" VALUES (1)`, `INSERT INTO pg VALUES (1)`,
			},
			want: []string{
				`c My-Schema.Or"der 's/x 😀 {"a.b":1} null {"a.b":1,"quo\"te":"x","back\\slash":2,"😀":3}`,
				`c é.é.a.b {"id":1} null {"id":1}`,
				`c public.pg {"id":1} null {"id":1}`,
			},
		},
		{
			name:   "patterns choose within a schema",
			config: func(cfg *postgres.Config) { cfg.Tables = []string{"app.*", "!app.no*", "one"} },
			setup: `CREATE SCHEMA app; CREATE TABLE app.a (id int PRIMARY KEY); CREATE TABLE app.no1 (id int PRIMARY KEY);
				CREATE TABLE one (id int PRIMARY KEY); CREATE TABLE two (id int PRIMARY KEY)`,
			changes: []string{
				"INSERT INTO app.a VALUES (1)", "INSERT INTO app.no1 VALUES (1)", "INSERT INTO one VALUES (1)", "INSERT INTO two VALUES (1)",
			},
			want: []string{`c app.a {"id":1} null {"id":1}`, `c public.one {"id":1} null {"id":1}`},
		},
		{
			name: "partitions appear as their root, whatever the order of their columns",
			setup: `CREATE TABLE p (id int, region text, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
				CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu');
				CREATE TABLE p_us (v text, gone int, region text NOT NULL, id int NOT NULL);
				ALTER TABLE p_us DROP gone; ALTER TABLE p ATTACH PARTITION p_us FOR VALUES IN ('us')`,
			changes: []string{
				"INSERT INTO p VALUES (1, 'eu', 'x'), (2, 'us', 'y')", "INSERT INTO p_us VALUES ('z', 'us', 3)",
				"UPDATE p SET v = 'q' WHERE id = 2", "UPDATE p SET region = 'us' WHERE id = 1", "DELETE FROM p_us WHERE id = 3", "TRUNCATE p",
			},
			want: []string{
				`c public.p {"id":1,"region":"eu"} null {"id":1,"region":"eu","v":"x"}`,
				`c public.p {"id":2,"region":"us"} null {"id":2,"region":"us","v":"y"}`,
				`c public.p {"id":3,"region":"us"} null {"id":3,"region":"us","v":"z"}`,
				`u public.p {"id":2,"region":"us"} {"id":2,"region":"us"} {"id":2,"region":"us","v":"q"}`,
				`d public.p {"id":1,"region":"eu"} {"id":1,"region":"eu"} null`,
				`c public.p {"id":1,"region":"us"} null {"id":1,"region":"us","v":"x"}`,
				`d public.p {"id":3,"region":"us"} {"id":3,"region":"us"} null`,
				`t public.p - null null`,
			},
		},
		{
			name: "a partition with another identity than its root",
			setup: `CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
				CREATE TABLE p_default PARTITION OF p FOR VALUES FROM (0) TO (10);
				CREATE TABLE p_full PARTITION OF p FOR VALUES FROM (10) TO (20);
				ALTER TABLE p_full REPLICA IDENTITY FULL`,
			changes: []string{
				"INSERT INTO p VALUES (1, 'x'), (11, 'y')", "UPDATE p SET v = 'z'", "UPDATE p SET id = id + 1", "DELETE FROM p",
			},
			want: []string{
				`c public.p {"id":1} null {"id":1,"v":"x"}`,
				`c public.p {"id":11} null {"id":11,"v":"y"}`,
				`u public.p {"id":1} {"id":1} {"id":1,"v":"z"}`,
				`u public.p {"id":11} {"id":11} {"id":11,"v":"z"}`,
				`d public.p {"id":1} {"id":1} null`,
				`c public.p {"id":2} null {"id":2,"v":"z"}`,
				`d public.p {"id":11} {"id":11} null`,
				`c public.p {"id":12} null {"id":12,"v":"z"}`,
				`d public.p {"id":2} {"id":2} null`,
				`d public.p {"id":12} {"id":12} null`,
			},
		},
		{
			name: "the server leaves out a truncate of one partition",
			setup: `CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
				CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10)`,
			changes: []string{"INSERT INTO p VALUES (1)", "TRUNCATE p_1", "INSERT INTO p VALUES (1)"},
			want:    []string{`c public.p {"id":1} null {"id":1}`, `c public.p {"id":1} null {"id":1}`},
		},
		{
			name:    "a partition that is added later is captured",
			setup:   `CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id)`,
			changes: []string{"CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10)", "INSERT INTO p VALUES (1)"},
			want:    []string{`c public.p {"id":1} null {"id":1}`},
		},
		{
			name:    "generated columns are not in the log",
			setup:   `CREATE TABLE t (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED, b int)`,
			changes: []string{"INSERT INTO t VALUES (1, 2, DEFAULT, 3)", "UPDATE t SET a = 4"},
			want: []string{
				`c public.t {"id":1} null {"id":1,"a":2,"b":3}`,
				`u public.t {"id":1} {"id":1} {"id":1,"a":4,"b":3}`,
			},
		},
		{
			name: "types of users",
			setup: `CREATE TYPE mood AS ENUM ('sad', 'so "so"'); CREATE DOMAIN positive AS int CHECK (value > 0);
				CREATE TYPE point3 AS (x int, y text); CREATE DOMAIN moods AS mood[];
				CREATE TABLE t (id positive PRIMARY KEY, m mood, p point3, ms moods, ps positive[])`,
			changes: []string{`INSERT INTO t VALUES (1, 'so "so"', (2, 'a b'), '{sad,NULL}', '{3}')`, "INSERT INTO t VALUES (2)"},
			want: []string{
				`c public.t {"id":1} null {"id":1,"m":"so \"so\"","p":"(2,\"a b\")","ms":["sad",null],"ps":[3]}`,
				`c public.t {"id":2} null {"id":2,"m":null,"p":null,"ms":null,"ps":null}`,
			},
		},
		{
			name:     "types of extensions",
			versions: []int{15}, // the others come without extensions
			setup: `CREATE EXTENSION hstore; CREATE EXTENSION citext;
				CREATE TABLE t (id citext PRIMARY KEY, h hstore)`,
			changes: []string{`INSERT INTO t VALUES ('Ab', 'a=>1, b=>NULL')`, `UPDATE t SET id = 'aB'`},
			want: []string{
				`c public.t {"id":"Ab"} null {"id":"Ab","h":{"a":"1","b":null}}`,
				`d public.t {"id":"Ab"} {"id":"Ab"} null`,
				`c public.t {"id":"aB"} null {"id":"aB","h":{"a":"1","b":null}}`,
			},
		},
		{
			name:  "a table of nothing but its key",
			setup: `CREATE TABLE k (id int PRIMARY KEY)`,
			changes: []string{
				"INSERT INTO k VALUES (1) ON CONFLICT DO NOTHING",
				"INSERT INTO k VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2",
			},
			want: []string{
				`c public.k {"id":1} null {"id":1}`,
				`d public.k {"id":1} {"id":1} null`,
				`c public.k {"id":2} null {"id":2}`,
			},
		},
		{
			name: "a truncate of several tables, and those that follow it",
			setup: `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);
				CREATE TABLE child (id int PRIMARY KEY, a int REFERENCES a); CREATE TABLE other (id int PRIMARY KEY)`,
			changes: []string{"TRUNCATE b, other", "TRUNCATE a CASCADE", "BEGIN", "INSERT INTO b VALUES (1)", "TRUNCATE b RESTART IDENTITY", "INSERT INTO b VALUES (1)", "COMMIT"},
			want: []string{
				`t public.b - null null`,
				`t public.a - null null`,
				`t public.child - null null`,
				`c public.b {"id":1} null {"id":1}`,
				`t public.b - null null`,
				`c public.b {"id":1} null {"id":1}`,
			},
		},
	})
}

func TestATypeThatWasDroppedIsReadAsText(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int PRIMARY KEY, m mood)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		r.Close()
		d.Exec(t, "INSERT INTO t VALUES (1, 'sad')")
		d.Exec(t, "ALTER TABLE t DROP m; DROP TYPE mood")
		d.Exec(t, "INSERT INTO t VALUES (2)")
		r = capturetest.Start(t, d.Source(t), r.State, "")
		equalLines(t, r.ToEnd(), []string{
			`c public.t {"id":1} null {"id":1,"m":"sad"}`,
			`c public.t {"id":2} null {"id":2}`,
		})
	})
}

func TestATableWithoutIdentityIsRefused(t *testing.T) {
	for _, c := range []struct{ name, setup string }{
		{"without a key", "CREATE TABLE t (id int)"},
		{"with a deferrable primary key", "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE)"},
		{"with identity nothing", "CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY NOTHING"},
		{"with a partition without a key", `CREATE TABLE t (id int) PARTITION BY RANGE (id);
			CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10); ALTER TABLE t REPLICA IDENTITY FULL`},
		{"with full identity, and a partition that has not", `CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id);
			CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10); ALTER TABLE t REPLICA IDENTITY FULL`},
		{"with an identity index that is gone", `CREATE TABLE t (id int NOT NULL UNIQUE);
			ALTER TABLE t REPLICA IDENTITY USING INDEX t_id_key; ALTER TABLE t DROP CONSTRAINT t_id_key`},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachServer(t, func(t *testing.T, version int) {
				d := source{servers.Postgres(t, version), nil}
				d.Exec(t, c.setup)
				_, err := capturetest.Open(t, d.Source(t), checkpoint.State{}, event.Now)
				if failure.ExitCode(err) != failure.ExitStop || !strings.Contains(err.Error(), "public.t") {
					t.Errorf("open = %v, want a Stop that names public.t", err)
				}
			})
		})
	}
}

func TestAPartitionThatIsAddedWithoutFullIdentityStops(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, `CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
			CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10);
			ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE p_1 REPLICA IDENTITY FULL`)
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Session(t).Exec(t, "INSERT INTO p VALUES (1, 'x')", "DELETE FROM p")
		equalLines(t, r.ToEnd(), []string{
			`c public.p {"id":1} null {"id":1,"v":"x"}`,
			`d public.p {"id":1} {"id":1,"v":"x"} null`,
		})
		d.Session(t).Exec(t, "CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM (10) TO (20)", "INSERT INTO p VALUES (11, 'x')", "DELETE FROM p")
		err := r.Broken()
		if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !strings.Contains(err.Error(), "public.p") {
			t.Errorf("Next = %v, want a Stop that names public.p", err)
		}
	})
}

func TestAKeyOfAnotherIdentityStops(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, `CREATE TABLE p (id int PRIMARY KEY, code int NOT NULL) PARTITION BY RANGE (id);
			CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10);
			CREATE UNIQUE INDEX p_1_code ON p_1 (code); ALTER TABLE p_1 REPLICA IDENTITY USING INDEX p_1_code`)
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Session(t).Exec(t, "INSERT INTO p VALUES (1, 2)", "DELETE FROM p")
		err := r.Broken()
		if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !strings.Contains(err.Error(), "public.p") {
			t.Errorf("split = %v, want a Stop that names public.p", err)
		}
	})
}
