package binlog_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

var update = flag.Bool("update", false, "write the recorded files and the seeds of fuzz targets again")

// both is what any server is asked to log.
var both = []string{
	`CREATE TABLE numbers (id bigint unsigned PRIMARY KEY, y year, a int unsigned NOT NULL, b int, c tinyint unsigned, d smallint, e mediumint unsigned,
		f decimal(12,2), g decimal(65,30) unsigned, h float, i double unsigned, j bit(13), k bit(64), l bigint)`,
	`INSERT INTO numbers VALUES (18446744073709551615, 2026, 4294967295, -1, 255, -2, 16777215, -12.5, 1.5, 1.5, 2.5, 4097, 1, -9),
		(1, NULL, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (2, 1901, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)`,
	"UPDATE numbers SET a = 7 WHERE id < 3",
	"DELETE FROM numbers WHERE id = 2",
	"CREATE TABLE times (d date, t time, t3 time(3), t6 time(6), dt datetime, dt6 datetime(6), ts timestamp NULL, ts2 timestamp(2) NULL, ts5 timestamp(5) NULL)",
	"INSERT INTO times VALUES ('2026-11-21', '-838:59:59', '01:02:03.456', '-00:00:00.000001', '2026-11-21 10:00:00', '9999-12-31 23:59:59.999999', '2026-11-21 10:00:00', '2026-11-21 10:00:00.12', NULL)",
	`CREATE TABLE texts (c char(10) CHARACTER SET latin1, cl char(200) CHARACTER SET utf8mb4, v varchar(20) COLLATE utf8mb4_bin, vl varchar(300) CHARACTER SET latin1,
		bi binary(16), vb varbinary(300), tb tinyblob, bl blob, mb mediumblob, lb longblob, tt tinytext CHARACTER SET latin2, tx text, mt mediumtext, lt longtext, j json)`,
	"INSERT INTO texts VALUES ('a', 'ü', 'b', REPEAT('c', 300), 'd', REPEAT('e', 300), 'f', REPEAT('g', 70), 'h', 'i', 'j', 'k', 'l', 'm', '[1, 2.5]'), ('', '', '', '', '', '', '', '', '', '', '', '', '', '', '{}')",
	"INSERT INTO texts (tx) VALUES (REPEAT('long ', 60))",
	`CREATE TABLE labelled (e enum('a','','ü') CHARACTER SET utf8mb4, s set('x','y','z') CHARACTER SET utf8mb4, f enum('q') CHARACTER SET latin1 NOT NULL,
		g geometry NOT NULL, p point, c varchar(3))`,
	"INSERT INTO labelled VALUES ('ü', 'x,z', 'q', ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('POINT(3 4)'), 'v')",
	"CREATE TABLE keyed (a varchar(300) NOT NULL, n int, b int, c blob NOT NULL, PRIMARY KEY (c(10), b, a))",
	"INSERT INTO keyed VALUES ('a', NULL, 1, 'c')",
	"SET SESSION binlog_row_image = MINIMAL",
	"INSERT INTO keyed (a, b, c) VALUES ('a', 2, 'c')",
	"UPDATE keyed SET n = 5 WHERE b = 2",
	"DELETE FROM keyed WHERE b = 2",
	"SET SESSION binlog_row_image = NOBLOB",
	"UPDATE texts SET v = 'new'",
	"SET SESSION binlog_row_image = FULL",
	"CREATE TABLE wide (" + manyColumns + ")",
	"INSERT INTO wide (c0, c69) VALUES (1, 'x')",
	"SET GLOBAL binlog_row_metadata = MINIMAL",
	"INSERT INTO labelled VALUES (NULL, '', 'q', ST_GeomFromText('POINT(1 2)'), NULL, NULL)",
	"INSERT INTO numbers (id, a) VALUES (9, 9)",
	"SET GLOBAL binlog_row_metadata = FULL",
	"XA START 'gb', 'branch', 7", "INSERT INTO numbers (id, a) VALUES (10, 10)", "XA END 'gb', 'branch', 7", "XA PREPARE 'gb', 'branch', 7", "XA COMMIT 'gb', 'branch', 7",
	"XA START 'one'", "INSERT INTO numbers (id, a) VALUES (11, 11)", "XA END 'one'", "XA COMMIT 'one' ONE PHASE",
	"XA START 'back'", "INSERT INTO numbers (id, a) VALUES (12, 12)", "XA END 'back'", "XA PREPARE 'back'", "XA ROLLBACK 'back'",
}

// manyColumns are more than fit in a word of a bitmap.
var manyColumns = func() string {
	text := "c0 int"
	for i := 1; i < 70; i++ {
		kind := "tinyint"
		if i%10 == 9 {
			kind = "varchar(10)"
		}
		text += fmt.Sprintf(", c%d %s", i, kind)
	}
	return text
}()

var mysqlOnly = []string{
	"CREATE DATABASE other", "DROP DATABASE other",
	"CREATE TABLE new_in_9 (id int PRIMARY KEY, hidden int INVISIBLE, v vector(3), w vector)",
	"INSERT INTO new_in_9 (id, hidden, v) VALUES (1, 2, TO_VECTOR('[1,2,3]'))",
	"CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2",
	"INSERT INTO parted VALUES (1), (2)", "UPDATE parted SET id = 3 WHERE id = 2",
	"SET SESSION gtid_next = 'AUTOMATIC:night_batch'", "INSERT INTO parted VALUES (4)", "SET SESSION gtid_next = 'AUTOMATIC'",
	"SET SESSION binlog_transaction_compression = ON",
	"INSERT INTO texts (tx) VALUES (REPEAT('packed ', 60))",
	"SET SESSION binlog_transaction_compression = OFF",
	"SET SESSION binlog_row_value_options = PARTIAL_JSON", "UPDATE texts SET j = JSON_SET(j, '$[0]', 3) WHERE c = 'a'", "SET SESSION binlog_row_value_options = ''",
}

var mariaOnly = []string{
	"CREATE TABLE maria (u uuid, i inet6, h int INVISIBLE, v varchar(300) COMPRESSED, vs varchar(20) COMPRESSED, b blob COMPRESSED)",
	"INSERT INTO maria (u, i, v, vs, b) VALUES ('3e11fa47-71ca-11e1-9e33-c80aa9429562', '::1', REPEAT('v', 200), 's', REPEAT('b', 200))",
	"SET GLOBAL log_bin_compress_min_len = 10", "SET GLOBAL log_bin_compress = ON",
	"CREATE TABLE packed (id int PRIMARY KEY, t text)",
	"INSERT INTO packed VALUES (1, REPEAT('packed ', 60)), (2, 'b')", "UPDATE packed SET id = id + 10", "DELETE FROM packed",
	"SET GLOBAL log_bin_compress = OFF",
}

// TestLogsOfServersAreRead records a log on each server and reads it as
// TestRecordedLogsAreRead does; with -update it is kept for that test.
func TestLogsOfServersAreRead(t *testing.T) {
	for _, product := range servers.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			file := record(t, product, nil)
			checkLog(t, readLog(t, string(product), file))
			if *update {
				if err := os.WriteFile(filepath.Join("testdata", string(product)+".binlog"), file, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// record returns a file that a server has written.
func record(t *testing.T, product local.Product, settings map[string]string) []byte {
	t.Helper()
	s := servers.NewMySQL(t, product, settings)
	d := s.Database(t)
	statements := append([]string{"FLUSH BINARY LOGS"}, both...)
	if product.MariaDB() {
		statements = append(statements, mariaOnly...)
	} else {
		statements = append(statements, mysqlOnly...)
	}
	d.Exec(t, append(statements, "FLUSH BINARY LOGS")...)
	rows := d.Rows(t, "SHOW BINARY LOGS")
	name := rows[len(rows)-2][0]
	file, err := os.ReadFile(filepath.Join(s.DataDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}
