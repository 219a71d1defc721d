package trial_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/accept/trial"
	"github.com/tailrace/tailrace/internal/servers"
)

// TestNothingIsLostReorderedOrRepeated is `make accept` in small.
func TestNothingIsLostReorderedOrRepeated(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "tailrace")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/tailrace/tailrace/cmd/tailrace").CombinedOutput(); err != nil {
		t.Fatalf("build the binary: %v: %s", err, out)
	}
	for _, version := range servers.Versions() {
		for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
			t.Run(fmt.Sprintf("Postgres %d, five times %v", version, signal), func(t *testing.T) {
				cfg := trial.Config{
					Binary: binary, URL: servers.Postgres(t, version).URL(), Folder: folder(t),
					Seed: 7, Changes: 5000, Signals: 5, Signal: signal,
				}
				got, err := trial.Run(t.Context(), cfg)
				if err != nil {
					t.Fatalf("seed %d: %v\nsee %s", cfg.Seed, err, cfg.Folder)
				}
				if got.Workload.Changes < cfg.Changes || got.Verify.Events < cfg.Changes {
					t.Errorf("got %d changes and %d events, want at least %d", got.Workload.Changes, got.Verify.Events, cfg.Changes)
				}
				if signal == syscall.SIGTERM && got.Verify.Again > 0 {
					t.Errorf("got %d events again, want none", got.Verify.Again)
				}
			})
		}
	}
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
