package values_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// displayWidth is what the catalog says of integers and the log does not.
var displayWidth = regexp.MustCompile(`^(\w*int|year)\(\d+\)`)

func TestSQLTypesAreThoseOfTheCatalog(t *testing.T) {
	eachProduct(t, func(t *testing.T, d *servers.MySQLDatabase) {
		declared := []string{
			"tinyint", "smallint unsigned", "mediumint", "int unsigned", "bigint", "bigint unsigned", "bit(1)", "bit(64)", "year",
			"float", "double", "double unsigned", "decimal(12,2)", "decimal(65,30) unsigned", "decimal(5)",
			"date", "time", "time(3)", "datetime", "datetime(6)", "timestamp NULL", "timestamp(1) NULL",
			"char(1)", "char(255)", "varchar(1)", "varchar(300)", "char(10) CHARACTER SET latin1", "varchar(10) CHARACTER SET gbk",
			"varchar(10) CHARACTER SET utf8mb3", "varchar(10) CHARACTER SET utf16", "char(255) CHARACTER SET latin1", "varchar(300) CHARACTER SET latin1",
			"varchar(10) CHARACTER SET ujis", "varchar(10) CHARACTER SET ucs2", "char(10) CHARACTER SET euckr",
			"tinytext", "text", "mediumtext", "longtext", "tinyblob", "blob", "mediumblob", "longblob", "binary(16)", "varbinary(300)",
			"enum('a','it''s','ä')", "set('a','b') CHARACTER SET latin1", "enum('ä','я') CHARACTER SET ucs2",
			"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
		}
		if d.Product.MariaDB() {
			declared = append(declared, "varchar(300) COMPRESSED", "varchar(300) COMPRESSED CHARACTER SET latin1", "varbinary(10) COMPRESSED", "text COMPRESSED", "longblob COMPRESSED")
		} else {
			declared = append(declared, "json")
		}
		columns := make([]string, len(declared))
		for i, sqlType := range declared {
			columns[i] = fmt.Sprintf("c%d %s", i, sqlType)
		}
		rows := images(t, d, "SET SESSION sql_mode = ''", "CREATE TABLE many ("+strings.Join(columns, ", ")+")", "INSERT INTO many () VALUES ()")
		want := d.Rows(t, "SELECT column_type FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY ordinal_position")
		if len(rows) != 1 || len(rows[0].columns) != len(want) {
			t.Fatalf("got %d rows, want 1 of %d columns", len(rows), len(want))
		}
		for i, c := range rows[0].columns {
			_, _, got, err := values.For(c, values.Options{MariaDB: d.Product.MariaDB()})
			want := displayWidth.ReplaceAllString(want[i][0], "$1")
			want = strings.Replace(want, "/*M!100301 COMPRESSED*/", "compressed", 1)
			if err != nil || got != want {
				t.Errorf("%s: got %s, %v; want %s", declared[i], got, err, want)
			}
		}
	})
}

func TestOldTimesOfMariaDBAreRefused(t *testing.T) {
	d := servers.NewMySQL(t, local.MariaDB1011, map[string]string{"mysql56-temporal-format": "OFF"}).Database(t)
	declared := []string{"datetime", "datetime(3)", "timestamp NULL", "timestamp(6) NULL", "time", "time(2)"}
	columns := make([]string, len(declared))
	for i, sqlType := range declared {
		columns[i] = fmt.Sprintf("c%d %s", i, sqlType)
	}
	rows := images(t, d, "CREATE TABLE old ("+strings.Join(columns, ", ")+")", "INSERT INTO old () VALUES ()")
	if len(rows) != 1 {
		t.Fatalf("got %d rows, want 1", len(rows))
	}
	for i, c := range rows[0].columns {
		if _, _, _, err := values.For(c, values.Options{MariaDB: true}); err == nil || !strings.Contains(err.Error(), "mysql56_temporal_format") {
			t.Errorf("For of an old %s: got %v, want an error that names mysql56_temporal_format", declared[i], err)
		}
	}
}
