package deploytest_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestLargeTransactionsWaitInTheImagesVolume(t *testing.T) {
	t.Parallel()
	db := servers.MySQL(t, local.MySQL97)
	db.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY, note mediumtext)")
	user := db.User(t, password, "REPLICATION SLAVE, REPLICATION CLIENT ON *.*", "SELECT ON {db}.*")
	c := newContainer(t, fmt.Sprintf(`
name: %[1]s
source:
  url: mysql://%[2]s:${env:DB_PASSWORD}@127.0.0.1:%[3]d/%[1]s?tls=disable
  tables: [orders]
  snapshot: never
publish: {url: "file:///var/lib/tailrace/events"}
checkpoint: {url: "file:///var/lib/tailrace/{name}.json", interval: 50ms}
limits: {memory: 16MiB}
admin: {listen: "off"}
`, db.Name, user, db.Port), "DB_PASSWORD="+password)
	args := append(lastStage(t).cmd, "--from", "now")

	// Without the mount it waits, since somebody may still bring one.
	volume := filepath.Join(c.mounts, "spill")
	if err := os.Rename(volume, volume+".away"); err != nil {
		t.Fatal(err)
	}
	without := c.start(t, args...)
	eventually.True(t, patience, "the daemon follows", func() bool { return strings.Contains(without.out.String(), `"following"`) })
	// A sixteenth of the memory is for transactions that are prepared.
	db.Exec(t, "XA START 'deploy'", "INSERT INTO orders VALUES (1, repeat('x', 1500000)), (2, repeat('y', 1500000))", "XA END 'deploy'", "XA PREPARE 'deploy'", "XA COMMIT 'deploy'")
	eventually.True(t, patience, "the log names limits.spill_dir", func() bool { return strings.Contains(without.out.String(), "limits.spill_dir") })
	without.stop(t)

	if err := os.Rename(volume+".away", volume); err != nil {
		t.Fatal(err)
	}
	with := c.start(t, args...)
	events := filepath.Join(c.mounts, "state", "events", db.Name+"."+db.Name+".orders.ndjson")
	eventually.True(t, patience, "both events are there", func() bool {
		text, err := os.ReadFile(events)
		return err == nil && bytes.Count(text, []byte("\n")) == 2
	})
	with.stop(t)
}
