package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

func removeSetup(t *testing.T, s capture.Setup) []string {
	t.Helper()
	plan, err := s.Removal(t.Context())
	if err != nil {
		t.Fatalf("plan the removal: %v", err)
	}
	return runSteps(t, s, plan)
}

func TestRemovalLeavesASlotThatIsRead(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		n := newNewcomer(t, servers.Postgres(t, version))
		n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
		s := n.setup(t, n.URL())
		applySetup(t, s)
		r := capturetest.Start(t, n.source(t), checkpoint.State{}, event.Now)
		_, err := s.Removal(t.Context())
		if failure.ExitCode(err) != failure.ExitFenced || !strings.Contains(fmt.Sprint(err), "'tailrace test' of role "+n.role()) {
			t.Errorf("removal while it is read: %v, want the code of a second instance and the name of the reader", err)
		}
		r.Close()
		if got := removeSetup(t, s); len(got) != 3 {
			t.Errorf("removed by %q, want the slot and two publications", got)
		}
		left := n.Rows(t, `SELECT (SELECT count(*) FROM pg_publication), (SELECT count(*) FROM pg_replication_slots WHERE database = current_database()),
			(SELECT count(*) FROM pg_roles WHERE rolname = $1), (SELECT count(*) FROM pg_tables WHERE tablename = 'orders')`, n.role())[0]
		if got, want := strings.Join(left, " "), "0 0 1 1"; got != want {
			t.Errorf("publications, slots, roles and tables: %s, want %s", got, want)
		}
		if got := removeSetup(t, s); len(got) != 0 {
			t.Errorf("removed by %q the second time, want nothing", got)
		}
	})
}

func TestRemovalLeavesTheSlotOfAnotherDatabase(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		n, other := newNewcomer(t, servers.Postgres(t, version)), servers.Postgres(t, version)
		other.Exec(t, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", n.cfg.Slot)
		defer other.Exec(t, "SELECT pg_drop_replication_slot($1)", n.cfg.Slot)
		_, err := n.setup(t, n.URL()).Removal(t.Context())
		if failure.ExitCode(err) != failure.ExitStop || !strings.Contains(fmt.Sprint(err), "the database "+other.Name) {
			t.Errorf("removal: %v, want a Stop that names the database %s", err, other.Name)
		}
	})
}
