package mysql_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// strangeTables are tables with something that the log and the catalog tell in
// different ways.
var strangeTables = []struct {
	name, columns, row string
	mariadb, mysql     bool // there alone
}{
	{"no_key", "a int, b varchar(10)", "1, 'x'", false, false},
	{"composite", "a int, b varchar(10), c date, PRIMARY KEY (c, a)", "1, 'x', '2026-11-21'", false, false},
	{"prefix_key", "a varchar(100), b int, PRIMARY KEY (b, a(10))", "'abc', 2", false, false},
	{"unique_key", "a int NOT NULL UNIQUE, b int", "1, 2", false, false},
	{"unique_virtual", "a int, b int AS (a + 1) VIRTUAL NOT NULL, UNIQUE (b)", "1, DEFAULT", false, true},
	{"unique_expression", "a int NOT NULL, UNIQUE ((a + 1)), UNIQUE (a)", "1", false, true},
	{"unique_float", "a float NOT NULL, b int NOT NULL, UNIQUE z (a), UNIQUE a (b)", "1.5, 1", false, false},
	{"unique_backwards", "a int NOT NULL, b int NOT NULL, UNIQUE z (b, a), UNIQUE y (a)", "1, 2", false, false},
	{"virtual_column", "a int PRIMARY KEY, b int AS (a + 1) VIRTUAL, c int", "1, DEFAULT, 3", false, false},
	{"stored_column", "a int PRIMARY KEY, b varchar(20) AS (CONCAT('x', a)) STORED, c int", "1, DEFAULT, 3", false, false},
	{"indexed_virtual", "a int PRIMARY KEY, b int AS (a + 1) VIRTUAL, KEY (b)", "1, DEFAULT", false, false},
	{"functional_index", "a int PRIMARY KEY, b varchar(20), KEY ((LOWER(b)))", "1, 'X'", false, true},
	{"invisible_mysql", "a int PRIMARY KEY, b int DEFAULT 3 INVISIBLE", "1", false, true},
	{"invisible_mariadb", "a int PRIMARY KEY, b int INVISIBLE DEFAULT 3", "1", true, false},
	{"fixed_floats", "a int PRIMARY KEY, b float(7,3), c double(20,2), d float unsigned", "1, 0.125, 123456789012345.67, 0.1", false, false},
	{"zeros_before", "a int(6) zerofill PRIMARY KEY, b decimal(12,3) zerofill, c tinyint zerofill, d bigint(20) zerofill", "42, 1.5, 0, 18446744073709551615", false, false},
	{
		"labels", "a int PRIMARY KEY, b enum('ä', 'ö', 'it''s, \\\\') CHARACTER SET latin1, c set('ß', 'x') CHARACTER SET latin1, d enum('ä') CHARACTER SET utf16, e set('世', '界') CHARACTER SET gbk, f enum('a', 'b') CHARACTER SET binary",
		"1, 'it''s, \\\\', 'x,ß', 'ä', '界,世', 'b'", false, false,
	},
	{
		"numbers", "a int PRIMARY KEY, b float, c double, d float, e double, f double, g decimal(5,2), h float",
		"1, -0e0, -0e0, 1.17549435e-38, 2.2250738585072014e-308, 123456789.123456789, -0.001, 8388609", false, false,
	},
	{"empty_and_null", "a int PRIMARY KEY, b varchar(5), c varchar(5), d blob, e blob, f bit(9), g date", "1, '', NULL, '', NULL, NULL, NULL", false, false},
	{"unique_keys", "a int NOT NULL, b text, c varchar(5) NOT NULL, d int, e int NOT NULL, UNIQUE k1 (d), UNIQUE k2 (c, a), UNIQUE k3 (e), UNIQUE k4 (c(2))", "1, 'x', 'y', 2, 3", false, false},
	{"`Dots.and ``quotes`", "`a.``b` int PRIMARY KEY, `SELECT` varchar(5)", "1, 'x'", false, false},
	{"moments", "a timestamp(6) PRIMARY KEY DEFAULT '2026-11-21 10:00:00', b time, c year", "'2026-10-25 01:30:00.000001', '-00:00:01', 1970", false, false},
	{"many_labels", "a int PRIMARY KEY, b set('01','02','03','04','05','06','07','08','09','10','11','12','13','14','15','16','17','18','19','20','21','22','23','24','25','26','27','28','29','30','31','32','33')", "1, '33,01'", false, false},
}

// hashes are of columns that a MariaDB hides.
var hashes = regexp.MustCompile(`,"DB_ROW_HASH_\d":[^,}]*`)

func TestTheVersionOfATableIsThatOfTheLog(t *testing.T) {
	onEachLevel(t, func(t *testing.T, d source) {
		d.Exec(t, "CREATE TABLE first (a int)", "INSERT INTO first VALUES (1)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		c := copyOf(t, d)
		d.Exec(t, "INSERT INTO first VALUES (1)", "DELETE FROM first LIMIT 1")
		full := d.One(t, "SELECT @@GLOBAL.binlog_row_metadata") == "FULL"
		statements := []string{"SET SESSION sql_mode = ''"}
		var tables []string
		for _, table := range strangeTables {
			if d.Product.MariaDB() && table.mysql || !d.Product.MariaDB() && table.mariadb {
				continue
			}
			statements = append(statements, "CREATE TABLE "+table.name+" ("+table.columns+")", "INSERT INTO "+table.name+" VALUES ("+table.row+")")
		}
		if d.Product.MariaDB() && full { // else nobody knows the hidden columns
			statements = append(statements, "CREATE TABLE long_unique (a int PRIMARY KEY, b text, c text, UNIQUE (b), UNIQUE (c))", "INSERT INTO long_unique VALUES (1, 'x', NULL)",
				"CREATE TABLE long_unique_not_null (b text NOT NULL, UNIQUE (b))", "INSERT INTO long_unique_not_null VALUES ('x')")
		}
		if !d.Product.MariaDB() {
			statements = append(statements, "SET SESSION sql_generate_invisible_primary_key = ON", "CREATE TABLE generated_key (a int)", "INSERT INTO generated_key VALUES (5)")
		}
		d.Exec(t, statements...)

		extents, err := c.Tables(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range extents {
			tables = append(tables, e.Table)
		}
		events := r.ToEnd()
		for _, table := range tables {
			i := slices.IndexFunc(events, func(e capturetest.Event) bool { return d.Name+"."+e.Source.Table == table })
			if i < 0 {
				t.Errorf("%s: there is no event", table)
				continue
			}
			chunk := c.open(table, capture.Delivered{}, false)
			rows := c.read(&chunk, capture.Part{Table: table, Whole: true}, capture.Limits{})
			c.finish()
			e := events[i]
			want := hashes.ReplaceAllString(string(e.After), "")
			if len(rows) != 1 || rows[0].After != want || chunk.Table.Version != e.TableVersion {
				t.Errorf("%s: read as %v of the version %s, and the event has\n%s of the version %s", table, rows, chunk.Table.Version, e.After, e.TableVersion)
			}
		}
	})
}
