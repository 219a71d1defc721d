package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
)

// A copying is a Copier of a test's database and a session of it. Its methods end the
// test when something fails.
type copying struct {
	capture.Copier
	session capture.CopySession
	db      *servers.Database
}

// publish makes the publication that a source would make.
const publish = "CREATE PUBLICATION tailrace_test FOR TABLE %s WITH (publish_via_partition_root = true)"

// startCopy runs sql, publishes the tables and connects.
func startCopy(t *testing.T, version int, sql string, tables ...string) *copying {
	t.Helper()
	d := servers.Postgres(t, version)
	// What rows are compared with is asked for on other connections.
	for _, setting := range []string{"TimeZone = 'UTC'", "IntervalStyle = iso_8601"} {
		d.Exec(t, "ALTER DATABASE "+d.Name+" SET "+setting)
	}
	d.Exec(t, sql)
	if len(tables) > 0 {
		d.Exec(t, fmt.Sprintf(publish, strings.Join(tables, ", ")))
	}
	return connectCopy(t, d, nil)
}

func connectCopy(t *testing.T, d *servers.Database, change func(*postgres.Config)) *copying {
	t.Helper()
	cfg := postgres.Config{Name: "test", URL: d.URL(), Publication: "tailrace_test"}
	if change != nil {
		change(&cfg)
	}
	c, err := postgres.NewCopier(cfg)
	if err != nil {
		t.Fatalf("make the copier: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	s, err := c.Connect(t.Context())
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &copying{c, s, d}
}

func (c *copying) open(t *testing.T, table string) capture.Chunk {
	t.Helper()
	chunk, err := c.session.Open(t.Context(), table, capture.Delivered{}, false)
	if err != nil {
		t.Fatalf("open a view of %s: %v", table, err)
	}
	return chunk
}

func (c *copying) finish(t *testing.T) {
	t.Helper()
	if err := c.session.Finish(t.Context()); err != nil {
		t.Fatalf("finish: %v", err)
	}
}

// read reads a part in a view of its own and returns its rows as texts.
func (c *copying) read(t *testing.T, p capture.Part, l capture.Limits) (capture.Chunk, []string) {
	t.Helper()
	chunk := c.open(t, p.Table)
	rows := c.readOpen(t, &chunk, p, l)
	c.finish(t)
	return chunk, rows
}

// readOpen reads a part in the open view.
func (c *copying) readOpen(t *testing.T, chunk *capture.Chunk, p capture.Part, l capture.Limits) []string {
	t.Helper()
	units, err := readUnits(t, c.session, chunk, p, l)
	if err != nil {
		t.Fatalf("read %s: %v", p.Table, err)
	}
	var rows []string
	for _, u := range units {
		for i := range u.Items {
			eachRow(t, u, i, func(change *event.Change) {
				if got, want := u.Items[i].Row, uint32(len(rows)); got != want {
					t.Fatalf("row %d has the number %d", want, got)
				}
				rows = append(rows, rowOf(change))
			})
		}
	}
	if len(rows) != chunk.Rows {
		t.Fatalf("the chunk says %d rows, and has %d", chunk.Rows, len(rows))
	}
	return rows
}

func readUnits(t *testing.T, s capture.CopySession, chunk *capture.Chunk, p capture.Part, l capture.Limits) ([]*event.Unit, error) {
	t.Helper()
	var units []*event.Unit
	err := s.Read(t.Context(), chunk, p, l, func() (*event.Unit, error) {
		units = append(units, new(event.Unit))
		return units[len(units)-1], nil
	})
	return units, err
}

// eachRow cuts item i of u as a worker does.
func eachRow(t *testing.T, u *event.Unit, i int, f func(*event.Change)) {
	t.Helper()
	it := &u.Items[i]
	change := event.Change{Op: it.Op, Table: it.Table}
	err := u.Split.Split(u, it, &change, func(c *event.Change) error {
		if c.Op != event.Read || c.Before != nil || c.After == nil {
			t.Errorf("a row of a snapshot is a %c with the rows %v and %v", c.Op, c.Before, c.After)
		}
		f(c)
		return nil
	})
	if err != nil {
		t.Fatalf("split item %d: %v", i, err)
	}
}

// rowOf writes a row as Database.Rows has it.
func rowOf(c *event.Change) string {
	cells := make([]string, len(c.After))
	for i, v := range c.After {
		switch v.State {
		case event.Present:
			cells[i] = string(v.Raw)
		case event.Null:
			cells[i] = "NULL"
		case event.Absent:
			cells[i] = "absent"
		}
	}
	return strings.Join(cells, "|")
}

// selected returns the answer to a query as rowOf writes rows.
func (c *copying) selected(t *testing.T, sql string) []string {
	t.Helper()
	var rows []string
	for _, row := range c.db.Rows(t, sql) {
		rows = append(rows, strings.Join(row, "|"))
	}
	return rows
}

func equalRows(t *testing.T, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("row %d of %d: got %q, want %q", i, len(want), got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("got %d rows, want %d", len(got), len(want))
	}
}

// chunks reads all of a table in chunks of n rows.
func (c *copying) chunks(t *testing.T, p capture.Part, n int) []string {
	t.Helper()
	var all []string
	for {
		chunk, rows := c.read(t, p, capture.Limits{Rows: n})
		all = append(all, rows...)
		if chunk.Done {
			return all
		}
		if len(rows) != n || slices.Equal(chunk.Last, p.After) {
			t.Fatalf("a chunk that is not the last has %d rows up to the same key, want %d rows", len(rows), n)
		}
		p.After = chunk.Last
	}
}

// odd is SQL for a text of every kind of character that COPY, SQL or a key could
// take for something else.
const odd = `(ARRAY['', '''', '"', '\', '\\', E'\t', E'\n', E'\r', E'\b\f\v', '\N', '\.', ' ', 'x ', 'é', '日本', '$1', '--', ';', 'NULL', E'\u00a0', E'\x7f'])`

func TestChunksOfATableAreTheTable(t *testing.T) {
	for _, k := range []struct {
		name  string
		setup string // before the table
		types string // of the key's columns
		rows  string // SELECT of the key's columns
	}{
		{"an integer", "", "a int", "SELECT i - 250 FROM generate_series(1, 500) i"},
		{"a text", "", "a text", "SELECT DISTINCT x || y || i FROM unnest(" + odd + ") x, unnest(" + odd + ") y, generate_series(1, 2) i"},
		{"a text in another collation", "", `a text COLLATE "en-US-x-icu"`, "SELECT DISTINCT x || y FROM unnest(" + odd + ") x, unnest(ARRAY['a', 'B', 'á', 'b', 'A', '-a', 'ab']) y"},
		{
			"a text in a collation that is not deterministic",
			"CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false); ",
			"a text COLLATE nocase", "SELECT chr(97 + i % 26) || upper(chr(97 + i / 26)) || i FROM generate_series(1, 500) i",
		},
		{
			"a citext of a schema that is not searched", "CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; ",
			"a ext.citext", "SELECT (CASE i % 2 WHEN 0 THEN chr(97 + i % 26) ELSE chr(65 + i % 26) END || i)::ext.citext FROM generate_series(1, 500) i",
		},
		{
			"a domain over a citext of a schema that is not searched", `CREATE SCHEMA "Ext"; CREATE EXTENSION citext SCHEMA "Ext"; CREATE DOMAIN name_key AS "Ext".citext; `,
			"a name_key", `SELECT (CASE i % 2 WHEN 0 THEN chr(97 + i % 26) ELSE chr(65 + i % 26) END || i)::"Ext".citext FROM generate_series(1, 500) i`,
		},
		{"a char(n)", "", "a char(4)", "SELECT DISTINCT (x || i)::char(4) FROM unnest(" + odd + ") x, generate_series(1, 9) i"},
		{"a varchar(n)", "", "a varchar(4)", "SELECT DISTINCT (x || i)::varchar(4) FROM unnest(" + odd + ") x, generate_series(1, 9) i"},
		{"a bytea", "", "a bytea", "SELECT DISTINCT decode(md5(i::text), 'hex') || '\\x00270a5c'::bytea FROM generate_series(1, 300) i"},
		{"a uuid", "", "a uuid", "SELECT md5(i::text)::uuid FROM generate_series(1, 300) i"},
		{"a timestamptz", "", "a timestamptz", "SELECT x FROM unnest(ARRAY['infinity', '-infinity', '4713-01-01 BC']::timestamptz[]) x UNION SELECT now() + i * interval '1.000001 h' FROM generate_series(1, 300) i"},
		{"a date", "", "a date", "SELECT x FROM unnest(ARRAY['infinity', '-infinity', '0044-03-15 BC', '5874897-12-31']::date[]) x UNION SELECT current_date + i FROM generate_series(1, 300) i"},
		{"an interval", "", "a interval", "SELECT i * interval '-1 mon 1 day 1.5 s' FROM generate_series(1, 300) i"},
		{"a numeric", "", "a numeric", "SELECT x FROM unnest(ARRAY['NaN', 'Infinity', '-Infinity']::numeric[]) x UNION SELECT i / 7.0 FROM generate_series(-200, 200) i"},
		{"a float", "", "a float8", "SELECT x FROM unnest(ARRAY['NaN', 'Infinity', '-Infinity']::float8[]) x UNION SELECT i / 7::float8 FROM generate_series(-200, 200) i"},
		{"a boolean and an integer", "", "a bool, b int", "SELECT i % 2 = 0, i FROM generate_series(1, 300) i"},
		{
			"an enum and a text", `CREATE TYPE "Mood" AS ENUM ('so "so"', 'it''s', 'a\b'); `, `a "Mood", b text`,
			`SELECT m, x FROM unnest(enum_range(NULL::"Mood")) m, unnest(` + odd + ") x",
		},
		{"an array", "", "a text[]", "SELECT ARRAY[x, NULL, y] FROM unnest(" + odd + ") x, unnest(" + odd + ") y"},
		{"a range", "", "a int4range", "SELECT int4range(i, i + i % 3) FROM generate_series(1, 300) i WHERE i % 3 > 0"},
		{"a bit(n)", "", "a bit(12)", "SELECT i::bit(12) FROM generate_series(1, 300) i"},
		{"an inet", "", "a inet", "SELECT '10.0.0.0'::inet + i FROM generate_series(1, 300) i"},
		{`a "char" and a name`, "", `a "char", b name`, "SELECT chr(i)::\"char\", 'n' || i FROM generate_series(1, 127) i"},
		{"three columns of two types", "", "a int, b text, c int", "SELECT i % 3, x, i % 5 FROM generate_series(1, 15) i, unnest(" + odd + ") x"},
	} {
		t.Run(k.name, func(t *testing.T) {
			eachServer(t, func(t *testing.T, version int) {
				var names []string
				for column := range strings.SplitSeq(k.types, ", ") {
					name, _, _ := strings.Cut(column, " ")
					names = append(names, name)
				}
				slices.Reverse(names) // so that the order of the key is not that of the table
				key := strings.Join(names, ", ")
				c := startCopy(t, version, k.setup+`CREATE TABLE "T 1" (v text, `+k.types+", PRIMARY KEY ("+key+`)); ALTER TABLE "T 1" ALTER v SET DEFAULT E'a\\\t\n'`, `"T 1"`)
				slices.Reverse(names)
				rows := k.rows
				if k.types == "a numeric" && version < 14 { // it had no infinite ones
					rows = strings.Replace(rows, ", 'Infinity', '-Infinity'", "", 1)
				}
				c.db.Exec(t, `INSERT INTO "T 1" (`+strings.Join(names, ", ")+") "+rows)
				c.db.Exec(t, `UPDATE "T 1" SET v = NULL WHERE random() < 0.3`)
				want := c.selected(t, `SELECT * FROM "T 1" ORDER BY `+key)
				if len(want) < 60 {
					t.Fatalf("the table has %d rows only", len(want))
				}
				p := capture.Part{Table: "public.T 1"}
				for _, n := range []int{61, len(want), len(want) + 1, len(want) / 3} {
					equalRows(t, c.chunks(t, p, n), want)
				}
				c.checkSplit(t, p, want)
			})
		})
	}
}

// checkSplit cuts a table in three by Split and reads the pieces.
func (c *copying) checkSplit(t *testing.T, p capture.Part, want []string) {
	t.Helper()
	third := len(want) / 3
	first, err := c.session.Split(t.Context(), p, third)
	if err != nil {
		t.Fatalf("split: %v", err)
	}
	rest := p
	rest.After = first
	second, err := c.session.Split(t.Context(), rest, third)
	if err != nil {
		t.Fatalf("split the rest: %v", err)
	}
	beyond, err := c.session.Split(t.Context(), rest, len(want))
	if err != nil || beyond != nil {
		t.Fatalf("split behind the end: got %q, %v, want none", beyond, err)
	}
	var all []string
	for _, piece := range []capture.Part{{UpTo: first}, {After: first, UpTo: second}, {After: second}} {
		piece.Table = p.Table
		got := c.chunks(t, piece, 50)
		if piece.UpTo != nil && len(got) != third+1 {
			t.Errorf("a piece up to the split has %d rows, want %d", len(got), third+1)
		}
		all = append(all, got...)
	}
	equalRows(t, all, want)
	// The keys themselves, of three rows and of one that is not there.
	chunk, _ := c.read(t, p, capture.Limits{Rows: 1})
	keys := []capture.Key{second, first, chunk.Last}
	_, rows := c.read(t, capture.Part{Table: p.Table, Keys: keys}, capture.Limits{})
	slices.Sort(rows)
	some := []string{want[0], want[third], want[2*third+1]}
	slices.Sort(some)
	equalRows(t, rows, some)
}
