package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// unnamedKinds are servers whose log does not name columns, with each kind of
// position.
var unnamedKinds = []kind{
	{"MySQL with GTIDs", local.MySQL97, map[string]string{"binlog-row-metadata": "MINIMAL"}},
	{"MySQL without GTIDs", local.MySQL97, map[string]string{"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF", "binlog-row-metadata": "MINIMAL"}},
	{"MariaDB 10.11", local.MariaDB1011, map[string]string{"binlog-row-metadata": "NO_LOG"}},
}

func TestNamesThatTheLogLeavesOut(t *testing.T) {
	onKinds(t, unnamedKinds, map[string]func(*testing.T, *scene){
		"outlive a DDL of another table, however far behind the reader is": func(t *testing.T, s *scene) {
			r := s.start(t)
			s.exec(t, insertion(1))
			capturetest.Equal(t, lines(s.events(t, r)), inserted(1))
			r.Close()
			s.exec(t, "CREATE TABLE ttt (t INT, fence INT)", "DROP TABLE ttt", "CREATE USER '"+s.Name+"_t'", insertion(2))
			for i := range 9 { // 72 MB, and the catalog speaks of 64 MiB
				s.exec(t, fmt.Sprintf("INSERT INTO other VALUES (%d, REPEAT('x', 8000000))", i))
			}
			r = capturetest.Start(t, s.Source(t), r.State, "")
			capturetest.Equal(t, lines(s.events(t, r)), inserted(2))
		},
		"are not asked for again where a start passes over": func(t *testing.T, s *scene) {
			s.exec(t, "CREATE TABLE p (a INT, b INT)")
			r := s.start(t)
			x := s.prepare(t, "'x'", insertion(7))
			s.exec(t, "INSERT INTO p VALUES (1, 2)")
			capturetest.Equal(t, lines(s.events(t, r)), []string{`c p - null {"a":1,"b":2}`})
			s.exec(t, "ALTER TABLE p ADD c INT", "INSERT INTO p VALUES (1, 2, 3)")
			capturetest.Equal(t, lines(s.events(t, r)), []string{`c p - null {"a":1,"b":2,"c":3}`})
			r.Close()
			r = capturetest.Start(t, s.Source(t), r.State, "")
			x.Exec(t, "XA COMMIT 'x'")
			capturetest.Equal(t, lines(s.events(t, r)), inserted(7))
		},
		"are those of the PREPARE for what is committed later": func(t *testing.T, s *scene) {
			r := s.start(t)
			x := s.prepare(t, "'x'", insertion(1))
			capturetest.Equal(t, lines(s.events(t, r)), nil)
			r.Close()
			x.Exec(t, "XA COMMIT 'x'")
			s.exec(t, "ALTER TABLE t CHANGE note remark VARCHAR(100)", insertion(2))
			r = capturetest.Start(t, s.Source(t), r.State, "")
			capturetest.Equal(t, lines(s.events(t, r)), append(inserted(1), `c t {"id":2} null {"id":2,"remark":"n"}`))
		},
		"are asked for again after the table was replaced with rows": func(t *testing.T, s *scene) {
			if !s.Product.MariaDB() { // MySQL has no such statement
				s.exec(t, "CREATE TABLE p (b INT, a INT)")
			} else {
				s.exec(t, "CREATE TABLE p (a INT, b INT)")
			}
			r := s.start(t)
			want := []string{`c p - null {"b":20,"a":10}`, `c p - null {"b":21,"a":11}`}
			if s.Product.MariaDB() {
				s.exec(t, "INSERT INTO p VALUES (1, 2)")
				capturetest.Equal(t, lines(s.events(t, r)), []string{`c p - null {"a":1,"b":2}`})
				s.exec(t, "CREATE OR REPLACE TABLE p (b INT, a INT) SELECT 20 AS b, 10 AS a")
			} else {
				s.exec(t, "INSERT INTO p VALUES (20, 10)")
			}
			s.exec(t, "INSERT INTO p (a, b) VALUES (11, 21)")
			capturetest.Equal(t, lines(s.events(t, r)), want)
		},
	})
}

func TestColumnsThatMariaDBHides(t *testing.T) {
	onKinds(t, unnamedKinds[2:], map[string]func(*testing.T, *scene){
		"stop where nothing names them": func(t *testing.T, s *scene) {
			for _, table := range []string{
				"CREATE TABLE q (id INT PRIMARY KEY, note TEXT UNIQUE)",
				"CREATE TABLE q (id INT PRIMARY KEY, note TEXT) WITH SYSTEM VERSIONING",
			} {
				r := s.start(t)
				s.exec(t, table, "INSERT INTO q (id, note) VALUES (1, 'n')")
				s.stops(t, r, s.Name+".q", "MariaDB hides some", "binlog_row_metadata=FULL")
				r.Close()
				s.exec(t, "DROP TABLE q")
			}
		},
	})
}

// Whether a prepared transaction has rows of captured tables is another question
// after the choice of tables has changed.
func TestAChoiceOfTablesThatGrows(t *testing.T) {
	onEachKind(t, map[string]func(*testing.T, *scene){
		"stops at a transaction that was prepared before": func(t *testing.T, s *scene) {
			r := s.start(t)
			x := s.prepare(t, "'x'", "INSERT INTO other VALUES (1, 'n')")
			capturetest.Equal(t, lines(s.events(t, r)), nil)
			r.Close()
			s.change = func(c *mysql.Config) { c.Tables = []string{s.Name + ".*"} }
			r = capturetest.Start(t, s.Source(t), r.State, "")
			s.exec(t, "INSERT INTO other VALUES (2, 'n')")
			x.Exec(t, "XA COMMIT 'x'")
			events := s.stops(t, r, "XA COMMIT", "prepared before the start")
			if got, want := strings.Join(lines(events), " "), `c other {"id":2} null {"id":2,"note":"n"}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		},
		"changes nothing for one that was prepared under the same": func(t *testing.T, s *scene) {
			r := s.start(t)
			x := s.prepare(t, "'x'", "INSERT INTO other VALUES (1, 'n')")
			capturetest.Equal(t, lines(s.events(t, r)), nil)
			r.Close()
			r = capturetest.Start(t, s.Source(t), r.State, "")
			x.Exec(t, "XA COMMIT 'x'")
			s.exec(t, insertion(2))
			capturetest.Equal(t, lines(s.events(t, r)), inserted(2))
		},
	})
}
