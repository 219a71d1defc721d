package mysql_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// Before version 11.4 a MariaDB finds the GTIDs at a place by reading the place's
// file from its start. A Gauge looks every few seconds.
func TestALookHasNoMariaDBReadItsNewestFile(t *testing.T) {
	d := newSource(t, servers.NewMySQL(t, local.MariaDB1011, nil).Database(t), nil)
	d.Exec(t, orders)
	d.Split(t) // now the oldest file is not the newest
	st := read(t, d, 3)
	g := d.Gauge(t)
	d.Exec(t, "SET GLOBAL log_output = 'TABLE'", "SET GLOBAL general_log = ON")
	d.Exec(t, "INSERT INTO orders VALUES (NULL)")
	for range 2 {
		if got := capturetest.Look(t, g, st); got.Behind <= 0 || got.Lost != "" {
			t.Errorf("got %+v, want what is behind the place", got)
		}
	}
	d.Exec(t, "SET GLOBAL general_log = OFF")
	oldest := d.Rows(t, "SHOW BINARY LOGS")[0][0]
	asked := d.Rows(t, "SELECT argument FROM mysql.general_log WHERE command_type = 'Execute' AND argument LIKE '%gtid_binlog_pos%'")
	if len(asked) != 2 {
		t.Fatalf("the server was asked %d times for GTIDs, want once for each look: %q", len(asked), asked)
	}
	for _, row := range asked {
		rest := strings.Replace(row[0], "BINLOG_GTID_POS('"+oldest+"', 4)", "", 1) // the head of the oldest
		if len(rest) == len(row[0]) || strings.Contains(rest, "BINLOG_GTID_POS") {
			t.Errorf("a look asks %q, want BINLOG_GTID_POS of the oldest file's head and of nothing else", row[0])
		}
	}
}
