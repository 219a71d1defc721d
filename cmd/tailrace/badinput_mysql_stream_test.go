package main_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestACharacterSetThatNobodyReadsStopsBeforeTheRowAndNothingIsLost(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		s.establish(t)
		s.insert(t, 1, 3)
		s.db.Exec(t, "CREATE TABLE odd (id int PRIMARY KEY, word varchar(10) CHARACTER SET swe7)", "INSERT INTO odd VALUES (1, 'x')")
		s.insert(t, 4, 6)
		p := s.follow(t, "--table", "*")
		p.exits(t, 4)
		got, want := s.words(t).Replace(p.verdict(t)), `table NAME.odd can't be read: column "word": the character set swe7 is not known; exclude the table ("!NAME.odd")`
		if got != want {
			t.Errorf("sentence:\n got %s\nwant %s", got, want)
		}
		wantIDs(t, s.ids(t), 1, 3)
		s.follow(t, "--table", "*", "--table", "!odd", "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 6)
	})
}

func TestARowOfMySQLThatIsTooLargeStopsBeforeItAndNothingIsLost(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		s.establish(t)
		s.insert(t, 1, 3)
		s.db.Exec(t, "INSERT INTO orders VALUES (4, repeat('"+rowValue+"', 200000))")
		s.insert(t, 5, 6)
		p := s.follow(t, "--memory", "16MiB")
		p.exits(t, 4)
		want := `a row event of NAME.orders at file:BINLOG has N bytes, and at most 2097152 are read at --memory's size; raise --memory to at least eight times that, or exclude the table; if a single row is not that large, lower the server's binlog_row_event_max_size`
		if got := s.normalize(p.verdict(t), s.words(t)); got != want {
			t.Errorf("sentence:\n got %s\nwant %s", got, want)
		}
		wantIDs(t, s.ids(t), 1, 3)
		s.follow(t, "--memory", "64MiB", "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 6)
	})
}

// Of two replicas with one server_id the server throws one out, and then the
// other, and so on.
func TestASecondPipelineWithTheServerIDOfARunningOneIsRefused(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		s.establish(t)
		other := s.twin(t)
		other.write(t, other.checkpoint(), s.saved(t))
		p := s.follow(t)
		p.following(t)
		mysqlRefusal{
			code: 3,
			want: `another one reads the log with our server_id N; stop the other one: SHOW REPLICAS (SHOW SLAVE HOSTS) and connection N in SHOW PROCESSLIST say who it is; if its host is gone without a word, KILL N; or give each pipeline its own name`,
		}.run(t, other)
		s.insert(t, 1, 3)
		eventually.True(t, patience, "the first one goes on", func() bool { return len(s.ids(t)) == 3 })
		p.stop(t)
		if got := len(p.lines(t, "starting again from the saved state")); got != 0 {
			t.Errorf("new connections of the first one: got %d, want none", got)
		}
	})
}

func TestAServerThatLogsLittleIsRead(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.NewMySQL(t, product, map[string]string{
			"binlog-row-image": "MINIMAL", "binlog-row-metadata": "MINIMAL", "binlog-checksum": "NONE",
		}).Database(t))
		p := s.follow(t, "--from", "now", "--until", "now")
		p.succeeds(t)
		s.insert(t, 1, 3)
		s.follow(t, "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 3)
		if got := strings.Count(p.stderr.String(), `"binlog_row_metadata":"MINIMAL"`); got != 1 {
			t.Errorf("warnings that names are not in the log: got %d, want 1", got)
		}
	})
}
