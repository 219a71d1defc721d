package postgres_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

// events reads a whole table and returns its rows as native events.
func (c *copying) events(t *testing.T, table string) []capturetest.Event {
	t.Helper()
	chunk := c.open(t, table)
	units, err := readUnits(t, c.session, &chunk, capture.Part{Table: table, Whole: true}, capture.Limits{})
	if err != nil {
		t.Fatalf("read %s: %v", table, err)
	}
	c.finish(t)
	enc := encode.NewNative(postgres.Connector, "test")
	var events []capturetest.Event
	for _, u := range units {
		for i := range u.Items {
			eachRow(t, u, i, func(change *event.Change) {
				change.Txn = &chunk.Txn
				key, err := enc.AppendKey(nil, change)
				if err != nil {
					t.Fatalf("append a key: %v", err)
				}
				value, err := enc.AppendValue(nil, change)
				if err != nil {
					t.Fatalf("append a row of %s: %v", table, err)
				}
				e := capturetest.Event{Key: string(key)}
				if err := json.Unmarshal(value, &e); err != nil {
					t.Fatalf("unmarshal %s: %v", value, err)
				}
				events = append(events, e)
			})
		}
	}
	return events
}

// sameAsStream updates each of the tables' only row to itself and holds the event of
// the stream against the row as it was read.
func sameAsStream(t *testing.T, d source, tables []string) {
	t.Helper()
	r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
	c := connectCopy(t, d.Database, nil)
	for _, table := range tables {
		d.Exec(t, fmt.Sprintf("UPDATE %s SET id = id", table))
	}
	streamed := make(map[string]capturetest.Event)
	for _, e := range r.ToEnd() {
		streamed[e.Source.Schema+"."+e.Source.Table] = e
	}
	for _, table := range tables {
		name := "public." + strings.ReplaceAll(strings.Trim(table, `"`), `""`, `"`)
		want, ok := streamed[name]
		got := c.events(t, name)
		if !ok || len(got) != 1 {
			t.Errorf("%s: %d rows read, an event streamed: %t; want one of each", table, len(got), ok)
			continue
		}
		if got := got[0]; string(got.After) != string(want.After) || got.Key != want.Key || got.TableVersion != want.TableVersion {
			t.Errorf("%s: read %s of key %s and version %s, streamed %s of key %s and version %s", table,
				got.After, got.Key, got.TableVersion, want.After, want.Key, want.TableVersion)
		}
	}
}

func TestDocumentedValuesAreReadAsTheyAreStreamed(t *testing.T) {
	setup, values := documentedValues(t)
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, setup)
		var tables []string
		for _, v := range values {
			if v.since <= version {
				table := fmt.Sprintf("line_%d", v.line)
				tables = append(tables, table)
				d.Exec(t, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, v %s); INSERT INTO %s VALUES (1, %s)", table, v.sqlType, table, v.literal))
			}
		}
		if len(tables) < 50 {
			t.Fatalf("the document has %d values only", len(tables))
		}
		sameAsStream(t, d, tables)
	})
}

func TestVersionsAreThoseOfTheStream(t *testing.T) {
	tables := []struct{ name, columns, after, row string }{
		{"a_key", "(id int PRIMARY KEY, v text)", "", "1, 'a'"},
		{"another_order", "(id int, v text, c int, PRIMARY KEY (c, id))", "", "1, 'a', 2"},
		{
			"an_index", "(id int PRIMARY KEY, v text, a text NOT NULL, b int NOT NULL)",
			"CREATE UNIQUE INDEX i ON an_index (b, a) INCLUDE (v); ALTER TABLE an_index REPLICA IDENTITY USING INDEX i", "1, 'a', 'b', 2",
		},
		{"full_key", "(id int, v text, a int, PRIMARY KEY (a, id))", "ALTER TABLE full_key REPLICA IDENTITY FULL", "1, 'a', 2"},
		{"full_bare", "(id int, v text)", "ALTER TABLE full_bare REPLICA IDENTITY FULL", "1, 'a'"},
		{"full_deferrable", "(id int PRIMARY KEY DEFERRABLE, v text)", "ALTER TABLE full_deferrable REPLICA IDENTITY FULL", "1, 'a'"},
		{
			"of_types", "(id code PRIMARY KEY, m mood, p price, ms mood[], ps price[], n numeric(8,3)[], c char(3), t timestamptz(3))", "",
			"'x', 'happy', 1.5, '{happy,NULL}', '{1.50,2}', '{1,2.5}', 'c', '2026-11-22 10:00:00.123456+01'",
		},
		{"a_dropped_column", "(x int, id int PRIMARY KEY, y int, v text)", "ALTER TABLE a_dropped_column DROP x, DROP y, ADD x text", "1, 'a', 'b'"},
		{"generated", "(id int PRIMARY KEY, g int GENERATED ALWAYS AS (id + 1) STORED, v text)", "", "1, DEFAULT, 'a'"},
		{
			"partitioned", "(id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
			"CREATE TABLE part (v text, id int NOT NULL); ALTER TABLE partitioned ATTACH PARTITION part FOR VALUES FROM (0) TO (9)", "1, 'a'",
		},
		{`"Odd ""Name"`, `("id" int PRIMARY KEY, "a ""b" text, "select" text)`, "", "1, 'a', 'b'"},
		{"wide", "(id int PRIMARY KEY, v text, w text)", "ALTER TABLE wide REPLICA IDENTITY FULL", "1, repeat('x', 100000), NULL"},
	}
	eachServer(t, func(t *testing.T, version int) {
		src := source{servers.Postgres(t, version), nil}
		src.Exec(t, "CREATE TYPE mood AS ENUM ('happy'); CREATE DOMAIN price AS numeric(10,2); CREATE DOMAIN code AS varchar(7)")
		var names []string
		for _, table := range tables {
			names = append(names, table.name)
			src.Exec(t, "CREATE TABLE "+table.name+" "+table.columns+"; "+table.after)
			src.Exec(t, "INSERT INTO "+table.name+" VALUES ("+table.row+")")
		}
		sameAsStream(t, src, names)
	})
}

func TestNothingAndNoKeyForInsertsOnly(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), insertOnly("nothing", "bare")}
		d.Exec(t, "CREATE TABLE nothing (id int PRIMARY KEY, v text); ALTER TABLE nothing REPLICA IDENTITY NOTHING; CREATE TABLE bare (id int, v text)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Exec(t, "INSERT INTO nothing VALUES (1, 'a'); INSERT INTO bare VALUES (1, 'a')")
		c := connectCopy(t, d.Database, func(cfg *postgres.Config) { cfg.InsertOnly = []string{"nothing", "bare"} })
		for _, want := range r.ToEnd() {
			got := c.events(t, "public."+want.Source.Table)
			if len(got) != 1 || got[0].TableVersion != want.TableVersion || got[0].Key != want.Key || string(got[0].After) != string(want.After) {
				t.Errorf("%s: read %v, streamed %v", want.Source.Table, got, want)
			}
		}
		extents, err := c.Tables(t.Context())
		if err != nil || len(extents) != 2 || !extents[0].Whole || !extents[1].Whole {
			t.Errorf("got %+v, %v, want two tables to read whole", extents, err)
		}
	})
}

func TestTablesToCopy(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := servers.Postgres(t, version)
		d.Exec(t, `
			CREATE TABLE many (id int PRIMARY KEY, v text); INSERT INTO many SELECT i, repeat('x', 100) FROM generate_series(1, 10000) i;
			CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh SELECT generate_series(1, 1000); ALTER TABLE fresh SET (autovacuum_enabled = false);
			CREATE TABLE empty (id int PRIMARY KEY, v text);
			CREATE TABLE keyless (id int, v text); ALTER TABLE keyless REPLICA IDENTITY FULL;
			CREATE TABLE toasted (id int PRIMARY KEY, v text); ALTER TABLE toasted ALTER v SET STORAGE EXTERNAL; INSERT INTO toasted VALUES (1, repeat('x', 1000000));
			CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
			CREATE TABLE part_a PARTITION OF parts FOR VALUES FROM (0) TO (1000); CREATE TABLE part_b PARTITION OF parts FOR VALUES FROM (1000) TO (2000);
			CREATE TABLE part_c PARTITION OF parts DEFAULT;
			INSERT INTO parts SELECT i FROM generate_series(500, 1499) i;
			CREATE TABLE unpublished (id int PRIMARY KEY); CREATE TABLE excluded (id int PRIMARY KEY);
			CREATE SCHEMA app; CREATE TABLE app."T.1" (id int PRIMARY KEY)`)
		d.Exec(t, "ANALYZE many, toasted, part_a, part_b")
		d.Exec(t, fmt.Sprintf(publish, `many, fresh, empty, keyless, toasted, parts, excluded, app."T.1"`))
		c := connectCopy(t, d, func(cfg *postgres.Config) { cfg.Tables = []string{"*.*", "!excluded"} })
		found := func() map[string]capture.Extent {
			t.Helper()
			extents, err := c.Tables(t.Context())
			if err != nil {
				t.Fatalf("list the tables: %v", err)
			}
			var names []string
			byName := make(map[string]capture.Extent)
			for _, e := range extents {
				names = append(names, e.Table)
				byName[e.Table] = e
			}
			want := []string{"app.T.1", "public.empty", "public.fresh", "public.keyless", "public.many", "public.parts", "public.toasted"}
			if !slices.Equal(names, want) {
				t.Fatalf("got %q, want %q", names, want)
			}
			return byName
		}
		tables := found()
		for name, rows := range map[string]int64{"public.many": 10000, "public.fresh": capture.Unknown, "public.empty": 0, "public.parts": 1000, "public.toasted": 1} {
			if got := tables[name].Rows; got != rows {
				t.Errorf("%s has %d rows, want %d", name, got, rows)
			}
		}
		for name, e := range tables {
			if want := name == "public.keyless"; e.Whole != want {
				t.Errorf("%s is read whole: %t, want %t", name, e.Whole, want)
			}
		}
		for name, least := range map[string]int64{"public.many": 1_000_000, "public.toasted": 1_000_000, "public.parts": 2 * 8192, "public.fresh": 8192} {
			if got := tables[name].Bytes; got < least || got > 2*least+100_000 {
				t.Errorf("%s has %d bytes, want about %d", name, got, least)
			}
		}
		if got := tables["public.empty"].Bytes; got != 0 {
			t.Errorf("an empty table has %d bytes", got)
		}
		// What is held exclusively is not waited for.
		app := d.Conn(t)
		if _, err := app.Exec(t.Context(), "BEGIN; LOCK TABLE many"); err != nil {
			t.Fatal(err)
		}
		if got := found()["public.many"]; got.Rows != 10000 || got.Bytes < 1_000_000 {
			t.Errorf("a table that is locked: got %+v", got)
		}
		if _, rows := c.read(t, capture.Part{Table: "app.T.1"}, capture.Limits{}); len(rows) != 0 {
			t.Errorf("got %q of an empty table", rows)
		}
	})
}

func TestATableThatIsAlteredMeanwhile(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		c := startCopy(t, version, "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 10) i", "t")
		p := capture.Part{Table: "public.t"}
		first, rows := c.read(t, p, capture.Limits{Rows: 2})
		equalRows(t, rows, []string{"1|1", "2|2"})
		p.After = first.Last
		second, _ := c.read(t, p, capture.Limits{Rows: 2})
		if first.Table != second.Table {
			t.Errorf("the same version is not one pointer: %p and %p", first.Table, second.Table)
		}
		p.After = second.Last
		app := c.db.Conn(t)
		exec := func(sql string) {
			t.Helper()
			if _, err := app.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		// An ALTER that rewrites the table, and a TRUNCATE, make it empty for views of
		// before: the view must come after the lock.
		for _, step := range []struct {
			sql  string
			rows []string
		}{
			{"ALTER TABLE t ALTER v TYPE numeric(9,1), ADD w text DEFAULT 'w'", []string{"5|5.0|w", "6|6.0|w"}},
			{"TRUNCATE t; INSERT INTO t VALUES (7, 7, 'new')", []string{"7|7.0|new"}},
		} {
			exec("BEGIN; " + step.sql)
			opened := make(chan error, 1)
			var chunk capture.Chunk
			go func() {
				var err error
				chunk, err = c.session.Open(t.Context(), "public.t", capture.Delivered{}, true)
				opened <- err
			}()
			eventually.True(t, 10*time.Second, "the view waits for the lock", func() bool {
				return c.db.One(t, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass") == "1"
			})
			exec("COMMIT")
			if err := <-opened; err != nil {
				t.Fatalf("open: %v", err)
			}
			equalRows(t, c.readOpen(t, &chunk, p, capture.Limits{Rows: 2}), step.rows)
			if chunk.Table.Version == first.Table.Version {
				t.Error("a table with another column has the same version")
			}
			c.finish(t)
		}
	})
}

func TestEachViewIsANewOne(t *testing.T) {
	c := startCopy(t, 18, "CREATE TABLE t (id int PRIMARY KEY)", "t")
	p := capture.Part{Table: "public.t"}
	chunk := c.open(t, p.Table)
	c.db.Exec(t, "INSERT INTO t VALUES (1)")
	equalRows(t, c.readOpen(t, &chunk, p, capture.Limits{}), nil)
	again := c.open(t, p.Table) // although the other was not finished
	equalRows(t, c.readOpen(t, &again, p, capture.Limits{}), []string{"1"})
	c.finish(t)
	if chunk.View == again.View || chunk.Pos >= again.Pos || again.Txn.Millis < chunk.Txn.Millis {
		t.Errorf("the views are %s at %s and %s at %s, want another and later one", chunk.View, chunk.End, again.View, again.End)
	}
	// Once the server has ended the connection, the next view makes another.
	c.db.Exec(t, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'tailrace test copy' AND datname = current_database()")
	if _, err := c.session.Open(t.Context(), p.Table, capture.Delivered{}, false); !failure.Retryable(err) {
		t.Errorf("got %v, want an error that time may mend", err)
	}
	_, rows := c.read(t, p, capture.Limits{})
	equalRows(t, rows, []string{"1"})
}

func TestATableThatCannotBeOpened(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		c := startCopy(t, version, "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY); CREATE TABLE a (id int, b int, PRIMARY KEY (id)); CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY)", "t", "a", "s.t")
		refused := func(table string, want error) {
			t.Helper()
			if _, err := c.session.Open(t.Context(), table, capture.Delivered{}, false); !errors.Is(err, want) {
				t.Errorf("open %s: got %v, want %v", table, err, want)
			}
			if _, err := c.session.Split(t.Context(), capture.Part{Table: table}, 1); !errors.Is(err, want) && want != capture.ErrAgain {
				t.Errorf("split %s: got %v, want %v", table, err, want)
			}
		}
		refused("public.u", capture.ErrNoTable)
		refused("public.nobody", capture.ErrNoTable)
		refused("nowhere.t", capture.ErrNoTable)
		refused("s.t.x", capture.ErrNoTable)
		refused("t", capture.ErrNoTable)
		c.db.Exec(t, "ALTER PUBLICATION tailrace_test DROP TABLE t; DROP SCHEMA s CASCADE")
		refused("public.t", capture.ErrNoTable)
		refused("s.t", capture.ErrNoTable)

		app := c.db.Conn(t)
		if _, err := app.Exec(t.Context(), "BEGIN; LOCK TABLE a"); err != nil {
			t.Fatal(err)
		}
		refused("public.a", capture.ErrAgain)
		if _, err := app.Exec(t.Context(), "ALTER TABLE a DROP CONSTRAINT a_pkey; ALTER TABLE a ADD PRIMARY KEY (id, b); COMMIT"); err != nil {
			t.Fatal(err)
		}
		chunk := c.open(t, "public.a")
		if _, err := readUnits(t, c.session, &chunk, capture.Part{Table: "public.a", After: capture.Key{"1"}}, capture.Limits{}); !errors.Is(err, capture.ErrParts) {
			t.Errorf("a part by the key of before: got %v, want ErrParts", err)
		}
		c.finish(t)
		c.db.Exec(t, "DROP TABLE a")
		refused("public.a", capture.ErrNoTable)
	})
}
