package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// many is an insertion of rows that compress badly.
func many(first, n int) string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("(%d, CONCAT(SHA2(%d, 256), 'x'))", first+i, first+i)
	}
	return "INSERT INTO t VALUES " + strings.Join(values, ",")
}

func TestPlaces(t *testing.T) {
	onEachKind(t, map[string]func(*testing.T, *scene){
		"give exactly the rest, also across files": func(t *testing.T, s *scene) {
			visits, all := s.visits(
				t, s.start(t),
				func() { s.exec(t, insertion(1)) },
				func() { s.exec(t, "INSERT INTO other VALUES (1, 'n')") },
				func() { s.exec(t, "BEGIN", many(1000, 3000), "COMMIT") },
				func() { s.exec(t, "FLUSH BINARY LOGS") },
				func() {
					s.exec(t, "FLUSH BINARY LOGS", "UPDATE t SET id = id + 1 WHERE id = 3999", "FLUSH BINARY LOGS")
				},
				func() {
					s.exec(t, "TRUNCATE t", "ALTER TABLE t ADD extra INT FIRST", "INSERT INTO t VALUES (1, 2, 'n')")
				},
			)
			s.resumeAll(t, visits, all)
		},
		"give exactly the rest of what is compressed": func(t *testing.T, s *scene) {
			off := s.compress(t)
			visits, all := s.visits(
				t, s.start(t),
				func() { s.exec(t, insertion(1)) },
				func() { s.exec(t, "BEGIN", many(1000, 3000), "DELETE FROM t WHERE id < 2000", "COMMIT") },
				func() { s.exec(t, "FLUSH BINARY LOGS", insertion(2)) },
			)
			off()
			s.resumeAll(t, visits, all)
		},
	})
}

// compress makes the session's transactions compressed, until off.
func (s *scene) compress(t *testing.T) (off func()) {
	t.Helper()
	if !s.Product.MariaDB() {
		s.exec(t, "SET SESSION binlog_transaction_compression = ON")
		return func() { s.exec(t, "SET SESSION binlog_transaction_compression = OFF") }
	}
	s.exec(t, "SET GLOBAL log_bin_compress = ON", "SET GLOBAL log_bin_compress_min_len = 10")
	off = func() { _, _ = s.app.Execute("SET GLOBAL log_bin_compress = OFF") } // other tests say if it failed
	t.Cleanup(off)
	return off
}

func TestCompressedTransactions(t *testing.T) {
	script := []string{
		"BEGIN", insertion(1), many(1000, 3000), "UPDATE t SET note = NULL WHERE id < 1500", "DELETE FROM t WHERE id = 1", "COMMIT",
		"DELETE FROM t WHERE id > 2000", "CREATE TABLE made SELECT 1 AS id", "TRUNCATE made", "DROP TABLE made", "DELETE FROM t",
	}
	onEachKind(t, map[string]func(*testing.T, *scene){
		"are the same as others": func(t *testing.T, s *scene) {
			r := s.start(t)
			s.exec(t, script...)
			want := lines(s.events(t, r))
			off := s.compress(t)
			s.exec(t, script...)
			off()
			s.logged(t, map[bool]string{false: "Transaction_payload", true: "Write_rows_compressed_v1"}[s.Product.MariaDB()])
			capturetest.Equal(t, lines(s.events(t, r)), want)
		},
		"are kept on disk if they are large": func(t *testing.T, s *scene) {
			s.change = func(c *mysql.Config) { c.MaxRow, c.SpillDir = 20_000, t.TempDir() }
			r := s.start(t)
			s.exec(t, script...)
			want := lines(s.events(t, r))
			off := s.compress(t)
			s.exec(t, script...)
			off()
			capturetest.Equal(t, lines(s.events(t, r)), want)
		},
	})
}

func TestGTIDsWithTags(t *testing.T) {
	server := pool.Server(t, local.MySQL97, nil)
	s := newScene(t, server, nil)
	tagged := func(tag, sql string) func() {
		return func() { s.exec(t, "SET gtid_next = 'AUTOMATIC:"+tag+"'", sql, "SET gtid_next = 'AUTOMATIC'") }
	}
	visits, all := s.visits(
		t, s.start(t),
		func() { s.exec(t, insertion(1)) },
		tagged("blue", insertion(2)),
		tagged("Red_1", insertion(3)),
		func() { s.exec(t, "FLUSH BINARY LOGS") },
		tagged("blue", insertion(4)),
		func() { s.exec(t, insertion(5)) },
	)
	capturetest.Equal(t, lines(all), inserted(1, 2, 3, 4, 5))
	for i, tag := range []string{"", ":blue", ":red_1", ":blue", ""} {
		uuid, _, _ := strings.Cut(all[i].Transaction.ID, ":")
		if got, want := all[i].Transaction.ID, uuid+tag+":"; !strings.HasPrefix(got, want) {
			t.Errorf("transaction %d: got %s, want it to begin with %s", i, got, want)
		}
	}
	s.resumeAll(t, visits, all)
}

func TestTheMillionthFile(t *testing.T) {
	for _, kind := range kinds[:2] {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := pool.Server(t, kind.product, kind.settings)
			s := newScene(t, server, nil)
			s.exec(t, "RESET BINARY LOGS AND GTIDS TO 999998")
			s.exec(t, insertion(0))
			visits, all := s.visits(
				t, s.start(t),
				func() { s.exec(t, insertion(1), "FLUSH BINARY LOGS") },
				func() { s.exec(t, insertion(2), "FLUSH BINARY LOGS") },
				func() { s.exec(t, insertion(3), "FLUSH BINARY LOGS") },
				func() { s.exec(t, insertion(4)) },
			)
			capturetest.Equal(t, lines(all), inserted(1, 2, 3, 4))
			for i := 1; i < len(all); i++ {
				if a, b := all[i-1].Ver, all[i].Ver; a >= b {
					t.Errorf("ver %s is followed by %s: they must rise", a, b)
				}
			}
			s.resumeAll(t, visits, all)
			if file, _ := logEnd(t, s.MySQLDatabase); file != "binlog.1000001" {
				t.Errorf("the log is in %s, want binlog.1000001", file)
			}
		})
	}
}
