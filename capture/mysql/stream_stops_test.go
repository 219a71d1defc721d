package mysql_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// stops wants a Stop whose text has all the given parts.
func (s *scene) stops(t *testing.T, r *capturetest.Reader, parts ...string) []capturetest.Event {
	t.Helper()
	events, text := s.broken(t, r)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("got %q, want it to say %q", text, part)
		}
	}
	return events
}

func TestTheStreamStops(t *testing.T) {
	onEachKind(t, map[string]func(*testing.T, *scene){
		"at a statement that changes rows": func(t *testing.T, s *scene) {
			r := s.start(t)
			s.exec(t, insertion(1), "SET SESSION binlog_format = 'STATEMENT'", "UPDATE t SET note = 'secret' WHERE id = 1")
			events := s.stops(t, r, "UPDATE", "binlog_format", "file:binlog.")
			capturetest.Equal(t, lines(events), inserted(1))
			s.goesOn(t, r)
			r.Close()
			if _, text := s.broken(t, capturetest.Start(t, s.Source(t), r.State, "")); strings.Contains(text, "secret") {
				t.Errorf("got %q, which has the statement's text", text)
			}
		},
		"at a row that is larger than what is read at once": func(t *testing.T, s *scene) {
			s.change = func(c *mysql.Config) { c.MaxRow = 100_000 }
			s.exec(t, "CREATE TABLE big (id INT PRIMARY KEY, note LONGTEXT)")
			r := s.start(t)
			s.exec(t, insertion(1), "INSERT INTO other VALUES (1, REPEAT('x', 200000))", "INSERT INTO big VALUES (1, REPEAT('x', 90000))", insertion(2))
			visits, all := s.visits(t, r, func() {})
			if got, want := len(all), 3; got != want {
				t.Fatalf("got %d events, want %d", got, want)
			}
			s.resumeAll(t, visits, all)
			r = capturetest.Start(t, s.Source(t), visits[1].state, "")
			s.exec(t, insertion(3), "INSERT INTO big VALUES (2, REPEAT('x', 200000))")
			capturetest.Equal(t, lines(s.stops(t, r, "--memory", s.Name+".big", "file:binlog.")), inserted(3))
		},
		"at a large row in a compressed transaction": func(t *testing.T, s *scene) {
			s.change = func(c *mysql.Config) { c.MaxRow = 100_000 }
			s.exec(t, "CREATE TABLE big (id INT PRIMARY KEY, note LONGTEXT)")
			r := s.start(t)
			off := s.compress(t)
			s.exec(t, "INSERT INTO other VALUES (1, REPEAT('x', 200000))", insertion(1), "INSERT INTO big VALUES (2, REPEAT('x', 200000))")
			off()
			capturetest.Equal(t, lines(s.stops(t, r, "--memory", s.Name+".big", "file:binlog.")), inserted(1))
		},
	})
}

// goesOn begins again where the sentence of what has stopped a reader says.
func (s *scene) goesOn(t *testing.T, r *capturetest.Reader) {
	t.Helper()
	r.Close()
	r = capturetest.Start(t, s.Source(t), r.State, "")
	_, sentence := s.broken(t, r)
	r.Close()
	from := regexp.MustCompile(`--from (\S+?)(;|$| )`).FindStringSubmatch(sentence)
	if from == nil {
		t.Fatalf("got %q, want a --from in it", sentence)
	}
	if strings.HasSuffix(from[1], ":") {
		find := regexp.MustCompile(`SHOW BINLOG EVENTS IN '\S+' FROM \d+`).FindString(sentence)
		for _, row := range s.Rows(t, find) {
			if row[2] == "Xid" || row[2] == "Query" && (row[5] == "COMMIT" || row[5] == "ROLLBACK") {
				from[1] += row[4]
				break
			}
		}
	}
	s.exec(t, "SET SESSION binlog_format = 'ROW'", insertion(90))
	again := capturetest.Start(t, s.Source(t), r.State, from[1])
	capturetest.Equal(t, lines(s.events(t, again)), inserted(90))
	again.Close()
}

func TestStatementsOnOtherDatabases(t *testing.T) {
	onEachKind(t, map[string]func(*testing.T, *scene){
		"stop only where the log does not say which they change": func(t *testing.T, s *scene) {
			r := s.start(t)
			other := s.Name + "_other"
			s.exec(t, "CREATE DATABASE "+other, "CREATE TABLE "+other+".x (id INT PRIMARY KEY)",
				"SET SESSION binlog_format = 'STATEMENT'", "INSERT INTO "+other+".x VALUES (1)", "SET SESSION binlog_format = 'ROW'",
				insertion(1), "DROP DATABASE "+other)
			if s.Product.MariaDB() {
				s.stops(t, r, "INSERT", "binlog_format")
				return
			}
			capturetest.Equal(t, lines(s.events(t, r)), inserted(1))
		},
	})
}

func TestPartialUpdatesOfJSON(t *testing.T) {
	server := pool.Server(t, local.MySQL97, nil)
	for name, table := range map[string]string{"of a captured table stop": "docs", "of another table pass": "other"} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, server, nil)
			s.exec(t, "CREATE TABLE docs (id INT PRIMARY KEY, doc JSON)", "ALTER TABLE other ADD doc JSON")
			r := s.start(t)
			s.exec(t, "INSERT INTO "+table+` (id, doc) VALUES (1, '{"a": 1, "b": "`+strings.Repeat("x", 100)+`"}')`,
				"SET SESSION binlog_row_value_options = 'PARTIAL_JSON'", "UPDATE "+table+" SET doc = JSON_SET(doc, '$.a', 2)",
				"SET SESSION binlog_row_value_options = ''", insertion(1))
			s.logged(t, "Update_rows_partial")
			if table == "docs" {
				s.stops(t, r, "PARTIAL_UPDATE_ROWS_EVENT", "binlog_row_value_options")
				return
			}
			capturetest.Equal(t, lines(s.events(t, r)), inserted(1))
		})
	}
}

func TestACompressionThatNeedsTooMuchMemory(t *testing.T) {
	server := pool.Server(t, local.MySQL97, map[string]string{"max-allowed-packet": "64M"})
	s := newScene(t, server, func(c *mysql.Config) { c.MaxRow = 64 << 20 })
	s.exec(t, "CREATE TABLE big (id INT PRIMARY KEY, note LONGTEXT)")
	r := s.start(t)
	s.exec(t, "SET SESSION binlog_transaction_compression = ON", "SET SESSION binlog_transaction_compression_level_zstd = 22",
		"INSERT INTO big VALUES (1, REPEAT('abcdefgh', 5 * 1024 * 1024))")
	s.logged(t, "Transaction_payload")
	s.stops(t, r, "binlog_transaction_compression_level_zstd", "32 MiB")
}

func TestAMemoryTableIsEmptiedByARestart(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := pool.Server(t, kind.product, kind.settings)
			s := newScene(t, server, nil)
			r := s.start(t)
			s.exec(t, "CREATE TABLE held (id INT PRIMARY KEY) ENGINE=MEMORY", "INSERT INTO held VALUES (1)")
			capturetest.Equal(t, lines(s.events(t, r)), []string{`c held {"id":1} null {"id":1}`})
			r.Close()
			server.Restart(t)
			s.app = s.Conn(t)
			s.exec(t, "SELECT * FROM held", "INSERT INTO held VALUES (2)")
			r = capturetest.Start(t, s.Source(t), r.State, "")
			capturetest.Equal(t, lines(s.events(t, r)), []string{`t held - null null`, `c held {"id":2} null {"id":2}`})
		})
	}
}
