package mysql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/servers"
)

// A keyed is a kind of key, and values of it that are all different to the server.
var keyed = []struct {
	name, columns, key string
	rows               []string
}{
	{"signed integers", "a int", "a", []string{"-2147483648", "-1", "0", "1", "42", "2147483647"}},
	{"unsigned integers", "a bigint unsigned", "a", []string{"0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615"}},
	{"decimals", "a decimal(30,10)", "a", []string{"-12345678901234567890.0000000001", "-0.5", "0", "0.0000000001", "99999999999999999999.9999999999"}},
	{"bits", "a bit(64)", "a", []string{"b'0'", "b'1'", "0x7FFFFFFFFFFFFFFF", "0x8000000000000000", "0xFFFFFFFFFFFFFFFF"}},
	{"years", "a year", "a", []string{"0", "1901", "1970", "2000", "2155"}},
	{"text without case", "a varchar(50) COLLATE utf8mb4_general_ci", "a", []string{"''", "'A'", "'b'", "'C'", "'it''s'", "'back\\\\slash'", "'nul\\0'", "'line\\nend'", "'世界'", "'😀'", "'\\\"'", "'%_'", "'ß'", "'Zürich'"}},
	{"text in latin1", "a varchar(50) CHARACTER SET latin1", "a", []string{"''", "'A'", "'b'", "'Grüße'", "'Ähre'", "'€'", "'ÿ'", "'it''s'"}},
	{"text in utf16", "a varchar(50) CHARACTER SET utf16", "a", []string{"''", "'A'", "'b'", "'Grüße'", "'世界'", "'😀'"}},
	{"text by bytes", "a varchar(50) COLLATE utf8mb4_bin", "a", []string{"''", "'A'", "'a'", "'B'", "'ä'", "'😀'", "'z'"}},
	{"fixed text", "a char(20)", "a", []string{"''", "'A'", "'b '", "'b c'", "'z'"}},
	{"fixed bytes", "a binary(4)", "a", []string{"x'00'", "x'0001'", "x'FF00'", "x'FF01'", "'a'", "x'27275C5C'"}},
	{"bytes", "a varbinary(40)", "a", []string{"''", "x'00'", "x'0000'", "x'FF'", "x'FF00'", "'a'", "'A'", "x'275C00'"}},
	{"moments", "a datetime(6)", "a", []string{"'0000-00-00 00:00:00'", "'2026-00-00 00:00:00'", "'2026-11-21 10:00:00'", "'2026-11-21 10:00:00.000001'", "'9999-12-31 23:59:59.999999'"}},
	{"instants", "a timestamp(3) NOT NULL", "a", []string{"'1970-01-01 00:00:01'", "'2026-10-25 01:30:00.001'", "'2026-10-25 02:30:00'", "'2038-01-19 03:14:07'"}},
	{"dates", "a date", "a", []string{"'0000-00-00'", "'2026-02-00'", "'2026-11-21'", "'9999-12-31'"}},
	{"times", "a time(2)", "a", []string{"'-838:59:59'", "'-00:00:00.01'", "'00:00:00'", "'00:00:00.01'", "'100:00:00'", "'838:59:59'"}},
	{"several columns", "a int, b varchar(20) COLLATE utf8mb4_general_ci, c date, d varbinary(5)", "c, b, a, d", []string{
		"1, 'x', '2026-11-21', x'00'", "1, 'x', '2026-11-21', x'01'", "2, 'x', '2026-11-21', x'00'", "1, 'Y', '2026-11-21', x'00'",
		"1, 'y''', '2026-11-21', x'00'", "1, 'x', '2026-11-22', x'00'", "-1, '', '0000-00-00', ''",
	}},
}

// TestATableIsReadInParts reads tables with keys of all kinds in parts of every
// size, and by their keys.
func TestATableIsReadInParts(t *testing.T) {
	onEach(t, nil, func(t *testing.T, _ *servers.MySQLServer, db *servers.MySQLDatabase) {
		d := newSource(t, db, nil)
		cases := keyed
		if d.Product.MariaDB() {
			cases = append(slices.Clone(cases), addressed...)
		}
		for i, k := range cases {
			d.Exec(t, "SET SESSION sql_mode = ''", fmt.Sprintf("CREATE TABLE t%d (%s, n int, PRIMARY KEY (%s))", i, k.columns, k.key),
				fmt.Sprintf("INSERT INTO t%d VALUES (%s, 1)", i, strings.Join(k.rows, ", 1), (")))
		}
		c := copyOf(t, d)
		for i, k := range cases {
			t.Run(k.name, func(t *testing.T) {
				c := *c
				c.t = t
				c.readInParts(fmt.Sprintf("%s.t%d", d.Name, i), len(k.rows))
			})
		}
	})
}

var addressed = []struct {
	name, columns, key string
	rows               []string
}{
	{"uuids", "a uuid", "a", []string{"'00000000-0000-0000-0000-000000000000'", "'123e4567-e89b-12d3-a456-426614174000'", "'023e4567-e89b-12d3-b456-426614174000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'123e4567-e89b-42d3-a456-426614174000'"}},
	{"addresses", "a inet6", "a", []string{"'::'", "'::1'", "'::ffff:10.0.0.1'", "'ffff::'"}},
	{"old addresses", "a inet4", "a", []string{"'0.0.0.0'", "'10.0.0.1'", "'255.255.255.255'"}},
}

func (c *copying) readInParts(table string, rows int) {
	c.t.Helper()
	chunk := c.open(table, capture.Delivered{}, false)
	whole := c.read(&chunk, capture.Part{Table: table, Whole: true}, capture.Limits{})
	inOrder := c.read(&chunk, capture.Part{Table: table}, capture.Limits{})
	if !chunk.Done || len(whole) != rows || len(inOrder) != rows {
		c.t.Fatalf("got %d rows, and %d in order, want %d: done %v", len(whole), len(inOrder), rows, chunk.Done)
	}
	for at, row := range inOrder {
		again := c.read(&chunk, capture.Part{Table: table, Keys: []capture.Key{row.Key}}, capture.Limits{})
		if len(again) != 1 || again[0].After != row.After {
			c.t.Errorf("row %d by its key: got %v, want %s", at, afters(again), row.After)
		}
		part := c.read(&chunk, capture.Part{Table: table, After: inOrder[0].Key, UpTo: row.Key}, capture.Limits{})
		if !slices.Equal(afters(part), afters(inOrder[1:at+1])) && at > 0 {
			c.t.Errorf("from row 0 to row %d: got %v, want %v", at, afters(part), afters(inOrder[1:at+1]))
		}
	}
	keys := make([]capture.Key, 0, rows)
	for _, row := range inOrder {
		keys = append(keys, row.Key)
	}
	if got := c.read(&chunk, capture.Part{Table: table, Keys: keys}, capture.Limits{}); len(got) != rows || !chunk.Done {
		c.t.Errorf("by all keys: got %d rows, want %d", len(got), rows)
	}
	c.finish()
	for size := 1; size <= rows; size++ {
		got, chunks := c.chunks(table, capture.Delivered{}, capture.Limits{Rows: size}, "")
		if !slices.Equal(afters(got), afters(inOrder)) || chunks != rows/size+1 {
			c.t.Errorf("in parts of %d rows: got %d parts\n%v, want\n%v", size, chunks, afters(got), afters(inOrder))
		}
	}
	for n := range rows + 1 {
		key, err := c.session.Split(c.t.Context(), capture.Part{Table: table, After: inOrder[0].Key}, n)
		var want capture.Key
		if n+1 < rows {
			want = inOrder[n+1].Key
		}
		if err != nil || !slices.Equal(key, want) {
			c.t.Errorf("the key behind %d rows: got %v, %v, want %v", n, key, err, want)
		}
	}
}
