package mysql_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/internal/failure"
)

func TestPlacesOfAnotherKindAreRefusedBeforeAnythingIsConnected(t *testing.T) {
	for _, c := range []struct {
		name, connector, text string
		start, target         int // exit codes
	}{
		{"none", mysql.MySQL, "", 0, 0},
		{"now", mysql.MySQL, "now", 0, 0},
		{"earliest", mysql.MySQL, "earliest", 0, 1},
		{"a time", mysql.MySQL, "time:2026-11-21T10:00:00Z", 0, 1},
		{"GTIDs of MySQL", mysql.MySQL, "gtid:" + uuid + ":1-77", 0, 0},
		{"GTIDs of MySQL for MariaDB", mysql.MariaDB, "gtid:" + uuid + ":1-77", 1, 1},
		{"GTIDs of MariaDB", mysql.MariaDB, "gtid:0-1-100", 0, 0},
		{"GTIDs of MariaDB for MySQL", mysql.MySQL, "gtid:0-1-100", 1, 1},
		{"no GTID", mysql.MariaDB, "gtid:", 0, 0},
		{"a file", mysql.MySQL, "file:binlog.000003:1542", 0, 0},
		{"a file without an offset", mysql.MySQL, "file:binlog.000003", 1, 1},
		{"a set that is none", mysql.MySQL, "gtid:junk", 1, 1},
		{"a place of Postgres", mysql.MariaDB, "lsn:0/16B3748", 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := mysql.CheckStart(c.connector, c.text); failure.ExitCode(err) != c.start {
				t.Errorf("a start: got %v, want the exit code %d", err, c.start)
			}
			if err := mysql.CheckTarget(c.connector, c.text); failure.ExitCode(err) != c.target {
				t.Errorf("an end: got %v, want the exit code %d", err, c.target)
			}
		})
	}
}
