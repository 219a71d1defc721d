package mysql_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func number(t testing.TB, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("parse a number: %v", err)
	}
	return n
}

// follow makes one server the replica of another, with all of its transactions.
func follow(t *testing.T, replica, primary *servers.MySQLServer) {
	t.Helper()
	d := replica.Database(t)
	if replica.Product.MariaDB() {
		d.Exec(t, "RESET MASTER", "SET GLOBAL gtid_slave_pos = ''", fmt.Sprintf(
			"CHANGE MASTER TO MASTER_HOST = '%s', MASTER_PORT = %d, MASTER_USER = 'root', MASTER_SSL = 0, MASTER_SSL_VERIFY_SERVER_CERT = 0, MASTER_USE_GTID = slave_pos", primary.Host, primary.Port), "START SLAVE")
		return
	}
	d.Exec(t, "RESET BINARY LOGS AND GTIDS", fmt.Sprintf(
		"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '%s', SOURCE_PORT = %d, SOURCE_USER = 'root', SOURCE_AUTO_POSITION = 1", primary.Host, primary.Port), "START REPLICA")
}

// caughtUp waits until a replica has a table's rows.
func caughtUp(t *testing.T, d *servers.MySQLDatabase, table string, rows int) {
	t.Helper()
	eventually.True(t, patience, "the replica has the rows", func() bool {
		answer, err := d.Server.Query(t.Context(), "", "SELECT count(*) FROM "+table)
		return err == nil && answer[0][0] == strconv.Itoa(rows)
	})
}

func TestFailoverByGTID(t *testing.T) {
	for _, product := range []local.Product{local.MySQL97, local.MariaDB114} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			settings := map[string]string{}
			if product.MariaDB() {
				settings["log-slave-updates"] = "ON"
			}
			primary, replica := pool.Server(t, product, settings), servers.NewMySQL(t, product, settings)
			d := newSource(t, primary.Database(t), nil)
			d.Exec(t, orders)
			follow(t, replica, primary)
			st := read(t, d, 3)
			d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			standby := *d.MySQLDatabase
			standby.Server, standby.Host, standby.Port = replica.MySQLAddress, replica.Host, replica.Port
			caughtUp(t, &standby, d.Name+".orders", 4)
			other := source{&standby, standby.URL(), nil}

			t.Run("the replica goes on with the same rows in a new epoch", func(t *testing.T) {
				next, err := locate(t, other, st, "")
				if err != nil {
					t.Fatalf("locate on the replica: %v", err)
				}
				if next.Epoch != st.Epoch+1 || next.Source.System == st.Source.System || mysql.FileOf(next.Position) != "" {
					t.Errorf("got epoch %d, system %s, position %s; want epoch %d, another system, no file", next.Epoch, next.Source.System, next.Position, st.Epoch+1)
				}
				r := capturetest.Start(t, other.Source(t), next, "")
				events := r.ToEnd()
				capturetest.Equal(t, capturetest.Strings(events), []string{`c orders {"id":4} null {"id":4}`})
				r.Close()
			})
			t.Run("a replica that lacks what was read is refused", func(t *testing.T) {
				stop := "STOP REPLICA"
				if product.MariaDB() {
					stop = "STOP SLAVE"
				}
				standby.Exec(t, stop)
				late := read(t, d, 1)
				_, err := locate(t, other, late, "")
				wantLost(t, err, "does not have the transactions")
			})
			t.Run("a replica that has purged what follows is refused", func(t *testing.T) {
				other.Split(t)
				file, _ := logEnd(t, &standby)
				other.Forget(t, event.Position("file:"+file+":4"))
				_, err := locate(t, other, st, "")
				wantLost(t, err, "has purged", file)
			})
		})
	}
}
