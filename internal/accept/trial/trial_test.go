package trial_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/accept/trial"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/internal/verify"
)

// binary is the path of the program under test.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

// buildAndRun builds as cmd/tailrace's tests do, with whom it then shares what is
// compiled.
func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tailrace-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "tailrace")
	build := exec.Command("go", "build", "-o", binary, "github.com/tailrace/tailrace/cmd/tailrace")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build tailrace: %v: %s", err, out)
		return 1
	}
	return m.Run()
}

// TestNothingIsLostReorderedOrRepeated is `make accept` in small, on Postgres.
func TestNothingIsLostReorderedOrRepeated(t *testing.T) {
	t.Parallel() // it waits for servers and daemons more than it works; one by one, as a prepared transaction of one holds the slot of another up
	for _, version := range servers.Versions() {
		for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
			t.Run(fmt.Sprintf("Postgres %d, five times %v", version, signal), func(t *testing.T) {
				try(t, trial.Config{Binary: binary, URL: servers.Postgres(t, version).URL(), Changes: 5000, Signal: signal})
			})
		}
	}
}

// TestNothingIsLostOfABinlog is `make accept` in small, on MySQL and MariaDB,
// whose server crashes once.
func TestNothingIsLostOfABinlog(t *testing.T) {
	t.Parallel() // it waits for servers and daemons more than it works
	for _, c := range []struct {
		name     string
		product  local.Product
		settings map[string]string
		files    bool
		signal   syscall.Signal
	}{
		{
			"MySQL by GTID, compressed, killed", local.MySQL97,
			map[string]string{"binlog-transaction-compression": "ON"},
			false, syscall.SIGKILL,
		},
		{
			"MySQL without GTIDs, asked to stop", local.MySQL97,
			map[string]string{"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"},
			true, syscall.SIGTERM,
		},
		{
			"MariaDB 10.11 by GTID, compressed, asked to stop", local.MariaDB1011,
			map[string]string{"log-bin-compress": "ON", "log-bin-compress-min-len": "10"},
			false, syscall.SIGTERM,
		},
		{"MariaDB 11.4 by files, killed", local.MariaDB114, nil, true, syscall.SIGKILL},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := servers.NewMySQL(t, c.product, c.settings)
			got := try(t, trial.Config{
				Binary: binary, URL: s.Database(t).URL(), Changes: 4000, MaxRows: 150, Files: c.files, Signal: c.signal,
				Crash: func(context.Context) error {
					s.Kill(t)
					s.Start(t)
					return nil
				},
			})
			if w := got.Workload; w.Prepared*w.Truncates*w.Swaps*w.RolledBack == 0 || got.Crashes == 0 {
				t.Errorf("got %+v and %d crashes, want some of each kind", w, got.Crashes)
			}
		})
	}
}

// TestNothingIsLostOfKafka is `make accept` in small, into a broker that falls
// twice.
func TestNothingIsLostOfKafka(t *testing.T) {
	t.Parallel() // it waits for servers and daemons more than it works
	for _, c := range []struct {
		name   string
		url    func(t *testing.T) string
		kafka  trial.Kafka
		signal syscall.Signal
	}{
		{"Postgres by key, killed", postgresURL, trial.Kafka{PartitionBy: verify.ByKey}, syscall.SIGKILL},
		{"MySQL by table, asked to stop", mysqlURL, trial.Kafka{PartitionBy: verify.ByTable}, syscall.SIGTERM},
		{"MySQL exactly once, killed", mysqlURL, trial.Kafka{PartitionBy: verify.ByKey, ExactlyOnce: true}, syscall.SIGKILL},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.kafka.Restarts = 2
			got := try(t, trial.Config{Binary: binary, URL: c.url(t), Changes: 4000, MaxRows: 150, Kafka: &c.kafka, Signal: c.signal})
			if got.Restarts != 2 || got.Fences == 0 {
				t.Errorf("got %d restarts of the broker and %d claims of progress, want 2 and some", got.Restarts, got.Fences)
			}
			if c.kafka.ExactlyOnce && got.Verify.Again > 0 {
				t.Errorf("got %d events again, want none", got.Verify.Again)
			}
		})
	}
}

// postgresURL is of a server of its own: all trials have one name for their slot, and
// the shared server has that of another trial.
func postgresURL(t *testing.T) string { return servers.NewPostgres(t, 18, nil).Database(t).URL() }

// mysqlURL is of a server of its own: the shared one's other users could not
// start while a transaction is prepared (C4.2).
func mysqlURL(t *testing.T) string { return servers.NewMySQL(t, local.MySQL97, nil).Database(t).URL() }

// TestOneOfTwoInstancesIsLeft is `make accept`'s duel in small.
func TestOneOfTwoInstancesIsLeft(t *testing.T) {
	got := try(t, trial.Config{
		Binary: binary, URL: servers.Postgres(t, 18).URL(), Changes: 3000, MaxRows: 150, Duels: 3,
		Kafka: &trial.Kafka{PartitionBy: verify.ByKey, ExactlyOnce: true},
	})
	if got.Duels != 3 || got.Verify.Again > 0 {
		t.Errorf("got %d duels and %d events again, want 3 and none", got.Duels, got.Verify.Again)
	}
}

// try runs a trial with five signals.
func try(t *testing.T, cfg trial.Config) trial.Result {
	t.Helper()
	cfg.Folder, cfg.Seed, cfg.Signals = folder(t), 7, 5
	got, err := trial.Run(t.Context(), cfg)
	if err != nil {
		t.Fatalf("seed %d: %v\nsee %s", cfg.Seed, err, cfg.Folder)
	}
	if got.Workload.Changes < cfg.Changes || got.Verify.Events < cfg.Changes {
		t.Errorf("got %d changes and %d events, want at least %d", got.Workload.Changes, got.Verify.Events, cfg.Changes)
	}
	if cfg.Signal == syscall.SIGTERM && got.Verify.Again > 0 {
		t.Errorf("got %d events again, want none", got.Verify.Again)
	}
	return got
}

// folder returns one that is kept if the test fails: it holds what explains it.
func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("", "tailrace-trial-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
