package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
)

func TestTransactionsEnd(t *testing.T) {
	onEachKind(t, map[string]func(*testing.T, *scene){
		"with their commit, whatever the engine": func(t *testing.T, s *scene) {
			r := s.start(t)
			s.exec(t, "CREATE TABLE isam (id INT PRIMARY KEY) ENGINE=MyISAM",
				"BEGIN", insertion(1), insertion(2), "COMMIT",
				insertion(3),
				"INSERT INTO isam VALUES (1), (2)",
				"UPDATE isam SET id = id + 10 WHERE id = 2",
				"BEGIN", insertion(4), "COMMIT",
				"ALTER TABLE t ADD extra INT",
				"INSERT INTO t VALUES (5, 'n', 6)")
			events := s.events(t, r)
			capturetest.Equal(t, lines(events), append(inserted(1, 2, 3),
				`c isam {"id":1} null {"id":1}`, `c isam {"id":2} null {"id":2}`,
				`d isam {"id":2} {"id":2} null`, `c isam {"id":12} null {"id":12}`,
				inserted(4)[0],
				`c t {"id":5} null {"id":5,"note":"n","extra":6}`))
			if got, want := len(transactions(events)), 6; got != want {
				t.Errorf("got %d transactions, want %d", got, want)
			}
		},
		"after the rows of CREATE TABLE … SELECT": func(t *testing.T, s *scene) {
			r := s.start(t)
			s.exec(t, insertion(1), insertion(2), "CREATE TABLE made (PRIMARY KEY (id)) SELECT id, note FROM t", insertion(3))
			events := s.events(t, r)
			capturetest.Equal(t, lines(events), append(inserted(1, 2),
				`c made {"id":1} null {"id":1,"note":"n"}`, `c made {"id":2} null {"id":2,"note":"n"}`, inserted(3)[0]))
			if got, want := len(transactions(events)), 4; got != want {
				t.Errorf("got %d transactions, want %d", got, want)
			}
		},
		"with TRUNCATE, however it is written": func(t *testing.T, s *scene) {
			r := s.start(t)
			s.exec(t, "TRUNCATE t", "truncate TABLE `t`", "/* TRUNCATE fence */ TRUNCATE /*!50000 TABLE */ "+s.Name+" . t -- end",
				"TRUNCATE TABLE other", "USE mysql", "TRUNCATE "+s.Name+".`t`", "USE "+s.Name,
				"SET sql_mode = 'ANSI_QUOTES'", `TRUNCATE "t"`)
			capturetest.Equal(t, lines(s.events(t, r)), []string{
				"t t - null null", "t t - null null", "t t - null null", "t t - null null", "t t - null null",
			})
		},
		"nothing of a rolled back one arrives": func(t *testing.T, s *scene) {
			r := s.start(t)
			s.exec(t,
				"BEGIN", insertion(1), "ROLLBACK",
				"BEGIN", insertion(2), "SAVEPOINT a", insertion(3), "SAVEPOINT A", insertion(4), "ROLLBACK TO SAVEPOINT a", insertion(5), "COMMIT")
			capturetest.Equal(t, lines(s.events(t, r)), inserted(2, 3, 5))
		},
		"of a rolled back one arrives what its engine kept": func(t *testing.T, s *scene) {
			r := s.start(t)
			begin := "BEGIN"
			if strings.HasPrefix(t.Name(), "TestTransactionsEnd/MySQL_with_GTIDs") {
				begin = "SELECT 'a transaction may not mix engines'"
			}
			s.exec(t, "CREATE TABLE isam (id INT PRIMARY KEY) ENGINE=MyISAM",
				begin, "INSERT INTO isam VALUES (1)", "ROLLBACK")
			want := []string{`c isam {"id":1} null {"id":1}`}
			if begin == "BEGIN" {
				s.exec(t,
					"BEGIN", insertion(6), "INSERT INTO isam VALUES (2)", "ROLLBACK",
					"BEGIN", insertion(7), "SAVEPOINT a", insertion(8), "INSERT INTO isam VALUES (3)", "ROLLBACK TO a", insertion(9), "COMMIT")
				want = append(want, `c isam {"id":2} null {"id":2}`, `c isam {"id":3} null {"id":3}`, inserted(7)[0], inserted(9)[0])
			}
			capturetest.Equal(t, lines(s.events(t, r)), want)
		},
	})
}

// A MySQL of today writes no such transaction: its rollbacks leave nothing in the
// log but what was committed besides.
func TestTransactionsThatEndInRollbackInTheLog(t *testing.T) {
	onKinds(t, kinds[2:], map[string]func(*testing.T, *scene){
		"leave nothing, nor do savepoints in them": func(t *testing.T, s *scene) {
			r := s.start(t)
			const kept = "CREATE OR REPLACE TEMPORARY TABLE x (id INT)"
			s.exec(t, "SET SESSION binlog_format = 'MIXED'")
			s.exec(t, "BEGIN", unsafe(1), kept, unsafe(2), "ROLLBACK")
			s.logged(t, "ROLLBACK")
			s.exec(t, "BEGIN", unsafe(3), "SAVEPOINT a", kept, unsafe(4), "ROLLBACK TO a", unsafe(5), "COMMIT")
			s.logged(t, "ROLLBACK TO `a`")
			var ids []string
			for _, e := range s.events(t, r) {
				ids = append(ids, e.Key)
			}
			if got, want := strings.Join(ids, " "), `{"id":3} {"id":5}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		},
		"end the stream if they were too large to be held": func(t *testing.T, s *scene) {
			r := s.start(t)
			const kept = "CREATE OR REPLACE TEMPORARY TABLE x (id INT)"
			values := make([]string, 4000)
			for i := range values {
				values[i] = fmt.Sprintf("(%d, CONCAT(UUID(), REPEAT('x', 60)))", i)
			}
			s.exec(t, "SET SESSION binlog_format = 'MIXED'", "BEGIN", "INSERT INTO t VALUES "+strings.Join(values, ","), kept, "ROLLBACK")
			_, got := s.broken(t, r)
			if !strings.Contains(got, "rolled back, and some of its rows are published") || !strings.Contains(got, "binlog.") {
				t.Errorf("got %s", got)
			}
		},
	})
}

// unsafe is an insertion that is written as rows.
func unsafe(id int) string {
	return strings.Replace(insertion(id), "'n'", "UUID()", 1)
}
