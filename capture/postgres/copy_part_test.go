package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestAChunkEndsWhereItHasBytesEnough(t *testing.T) {
	const table = "CREATE TABLE t (id int PRIMARY KEY, v text); ALTER TABLE t ALTER v SET STORAGE EXTERNAL; "
	for _, test := range []struct {
		name, rows string
		limit      int
	}{
		{"and what is left of it is little", "INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 1000) i", 100_000},
		{"and what is left of it is much", "INSERT INTO t SELECT i, repeat('x', 100000) FROM generate_series(1, 150) i", 1_000_000},
		{"and one row is more than enough", "INSERT INTO t SELECT i, repeat('x', 100000) FROM generate_series(1, 9) i", 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachServer(t, func(t *testing.T, version int) {
				c := startCopy(t, version, table+test.rows, "t")
				want := c.selected(t, "SELECT id, v FROM t ORDER BY id")
				p := capture.Part{Table: "public.t"}
				var all []string
				for n := 0; ; n++ {
					chunk, rows := c.read(t, p, capture.Limits{Rows: 10_000, Bytes: test.limit})
					all = append(all, rows...)
					bytes := len(strings.Join(rows, ""))
					if chunk.Done {
						break
					}
					if most := test.limit + 110_000; bytes > most || len(rows) == 0 {
						t.Fatalf("chunk %d has %d rows of %d bytes, want at least one and at most %d bytes", n, len(rows), bytes, most)
					}
					p.After = chunk.Last
				}
				equalRows(t, all, want)
			})
		})
	}
}

func TestAllReadsOfAViewAreOfOneMoment(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		c := startCopy(t, version, "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'before' FROM generate_series(1, 100) i", "t")
		want := c.selected(t, "SELECT * FROM t ORDER BY id")
		p := capture.Part{Table: "public.t"}
		var got []string
		chunk := c.open(t, p.Table)
		for reads := 1; ; reads++ {
			got = append(got, c.readOpen(t, &chunk, p, capture.Limits{Rows: 30})...)
			if chunk.Done {
				if reads != 4 {
					t.Errorf("got all rows by %d reads, want 4", reads)
				}
				break
			}
			p.After = chunk.Last
			c.db.Exec(t, "UPDATE t SET v = 'since'; DELETE FROM t WHERE id % 7 = 0; INSERT INTO t SELECT max(id) + 1, 'since' FROM t")
		}
		c.finish(t)
		equalRows(t, got, want)
	})
}

func TestUnitsOfAChunkAreFullOnce(t *testing.T) {
	c := startCopy(t, 18, "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, repeat('x', 300) FROM generate_series(1, 5000) i", "t")
	chunk := c.open(t, "public.t")
	units, err := readUnits(t, c.session, &chunk, capture.Part{Table: "public.t"}, capture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	const full, most = 256 << 10, 260 << 10
	for i, u := range units {
		least := 0
		for _, it := range u.Items {
			least += int(it.End-it.Start) + it.Table.RowCost
		}
		if u.Cost != least || u.Cost > most || i < len(units)-1 && u.Cost < full {
			t.Errorf("unit %d of %d: it costs %d, its rows %d; want as much, and all but the last between %d and %d", i, len(units), u.Cost, least, full, most)
		}
	}
	if len(units) < 5 {
		t.Errorf("got %d units, want several", len(units))
	}
}

func TestARowAboveTheLimitIsAStop(t *testing.T) {
	c := startCopy(t, 18, "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, repeat('x', 2000000))", "t")
	small := connectCopy(t, c.db, func(cfg *postgres.Config) { cfg.MaxRow = 1 << 20 })
	chunk := small.open(t, "public.t")
	_, err := readUnits(t, small.session, &chunk, capture.Part{Table: "public.t"}, capture.Limits{})
	var stop *failure.StopError
	if !errors.As(err, &stop) || !strings.Contains(err.Error(), "--memory") || strings.Contains(err.Error(), "xxx") {
		t.Errorf("got %v, want a stop that names --memory", err)
	}
	small.finish(t)
	c.open(t, "public.t")
	if _, rows := c.read(t, capture.Part{Table: "public.t"}, capture.Limits{}); len(rows) != 1 {
		t.Errorf("a session that may read it has %d rows, want 1", len(rows))
	}
}

// Publications have had conditions and lists of columns since version 15.
func TestWhatAPartLeavesOut(t *testing.T) {
	eachOf(t, servers.Versions(), func(t *testing.T, version int) {
		c := startCopy(t, version, `
			CREATE TABLE t (id int PRIMARY KEY, v text, made int GENERATED ALWAYS AS (id * 2) STORED, hidden text, gone text);
			ALTER TABLE t DROP gone;
			INSERT INTO t (id, v, hidden) SELECT i, chr(64 + i), 'h' FROM generate_series(1, 10) i;
			CREATE TABLE u (id int PRIMARY KEY, v text, made int GENERATED ALWAYS AS (id * 2) STORED);
			INSERT INTO u VALUES (1, 'a');
			CREATE PUBLICATION tailrace_test FOR TABLE t (id, v) WHERE (id > 2), u WITH (publish_via_partition_root = true)`)
		for _, test := range []struct {
			name string
			part capture.Part
			want []string
		}{
			{"rows and columns outside of the publication", capture.Part{Table: "public.t"}, []string{"3|C", "4|D", "5|E", "6|F", "7|G", "8|H", "9|I", "10|J"}},
			{"a condition", capture.Part{Table: "public.t", Where: "v < 'E' OR v = 'J' -- some"}, []string{"3|C", "4|D", "10|J"}},
			{"a condition of another table's rows", capture.Part{Table: "public.t", Where: "id IN (SELECT id + 4 FROM u)"}, []string{"5|E"}},
			{"a condition and a range", capture.Part{Table: "public.t", Where: "id % 2 = 0", After: capture.Key{"4"}, UpTo: capture.Key{"8"}}, []string{"6|F", "8|H"}},
			{"keys of which one is filtered and one is not there", capture.Part{Table: "public.t", Keys: []capture.Key{{"1"}, {"3"}, {"99"}}}, []string{"3|C"}},
			{"no keys", capture.Part{Table: "public.t", Keys: []capture.Key{}}, nil},
			{"the whole table", capture.Part{Table: "public.t", Whole: true, Where: "id < 5"}, []string{"3|C", "4|D"}},
			{"a generated column", capture.Part{Table: "public.u"}, []string{"1|a"}},
		} {
			t.Run(test.name, func(t *testing.T) {
				chunk, rows := c.read(t, test.part, capture.Limits{})
				equalRows(t, rows, test.want)
				if !chunk.Done {
					t.Error("the chunk is not done")
				}
			})
		}
		t.Run("a condition that is no SQL", func(t *testing.T) {
			chunk := c.open(t, "public.t")
			_, err := readUnits(t, c.session, &chunk, capture.Part{Table: "public.t", Where: "id >"}, capture.Limits{})
			if err == nil || failure.Retryable(err) {
				t.Errorf("got %v, want a stop", err)
			}
			c.finish(t)
			c.open(t, "public.t")
			c.finish(t)
		})
	})
}

func TestGeneratedColumnsAreReadWhereTheyArePublished(t *testing.T) {
	c := startCopy(t, 18, `
		CREATE TABLE t (id int PRIMARY KEY, made int GENERATED ALWAYS AS (id * 2) STORED, virtual int GENERATED ALWAYS AS (id * 3) VIRTUAL);
		INSERT INTO t VALUES (1);
		CREATE PUBLICATION tailrace_test FOR TABLE t WITH (publish_generated_columns = stored)`)
	_, rows := c.read(t, capture.Part{Table: "public.t"}, capture.Limits{})
	equalRows(t, rows, []string{"1|2"})
}

func TestTablesThatAreReadWhole(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		c := startCopy(t, version, `
			CREATE TABLE keyless (a int, b text); INSERT INTO keyless SELECT i % 7, 'x' FROM generate_series(1, 2000) i; INSERT INTO keyless VALUES (NULL, NULL);
			ALTER TABLE keyless REPLICA IDENTITY FULL;
			CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES; ALTER TABLE bare REPLICA IDENTITY FULL;
			CREATE TABLE parts (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
			CREATE TABLE part_b (v text, id int NOT NULL); ALTER TABLE parts ATTACH PARTITION part_b FOR VALUES FROM (1000) TO (2000);
			CREATE TABLE part_a PARTITION OF parts FOR VALUES FROM (0) TO (1000) PARTITION BY LIST (id);
			CREATE TABLE part_a_rest PARTITION OF part_a DEFAULT;
			INSERT INTO parts SELECT i, 'v' || i FROM generate_series(500, 1500) i`, "keyless", "bare", "parts")
		for _, table := range []string{"keyless", "bare", "parts"} {
			want := c.selected(t, "SELECT * FROM "+table)
			chunk, rows := c.read(t, capture.Part{Table: "public." + table, Whole: true}, capture.Limits{})
			equalSets(t, rows, want)
			if !chunk.Done || chunk.Last != nil || chunk.Rows != len(want) {
				t.Errorf("%s: got %d rows up to %q, done %t, want %d, no key, done", table, chunk.Rows, chunk.Last, chunk.Done, len(want))
			}
		}
		equalRows(t, c.chunks(t, capture.Part{Table: "public.parts"}, 77), c.selected(t, "SELECT id, v FROM parts ORDER BY id"))
		chunk := c.open(t, "public.keyless")
		if _, err := readUnits(t, c.session, &chunk, capture.Part{Table: "public.keyless"}, capture.Limits{}); !errors.Is(err, capture.ErrParts) {
			t.Errorf("a range of a table without a key: got %v, want ErrParts", err)
		}
	})
}

func equalSets(t *testing.T, got, want []string) {
	t.Helper()
	counts := make(map[string]int)
	for _, row := range got {
		counts[row]++
	}
	for _, row := range want {
		counts[row]--
	}
	for row, n := range counts {
		if n != 0 {
			t.Errorf("row %q comes %d times too often", row, n)
		}
	}
}

func TestAReaderThatGivesUpCanGoOn(t *testing.T) {
	c := startCopy(t, 18, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100000)", "t")
	chunk := c.open(t, "public.t")
	enough := errors.New("enough")
	err := c.session.Read(t.Context(), &chunk, capture.Part{Table: "public.t"}, capture.Limits{}, func() (*event.Unit, error) { return nil, enough })
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want what the caller said", err)
	}
	c.finish(t)
	_, rows := c.read(t, capture.Part{Table: "public.t"}, capture.Limits{Rows: 3})
	equalRows(t, rows, []string{"1", "2", "3"})
}

func TestKeysByTheThousand(t *testing.T) {
	c := startCopy(t, 18, "CREATE TABLE t (a int, b text, PRIMARY KEY (b, a)); INSERT INTO t SELECT i, i FROM generate_series(1, 20000) i; ANALYZE t", "t")
	var keys []capture.Key
	var want []string
	for i := 1; i <= 5000; i++ {
		keys = append(keys, capture.Key{fmt.Sprint(4 * i), fmt.Sprint(4 * i)})
		want = append(want, fmt.Sprintf("%d|%d", 4*i, 4*i))
	}
	_, rows := c.read(t, capture.Part{Table: "public.t", Keys: keys}, capture.Limits{})
	equalSets(t, rows, want)
}
