package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
)

func TestACheckpointThatCanNotBeSavedIsToldOfAndTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	disk := t.TempDir()
	mount(t, disk, "64k")
	args := append([]string{"--checkpoint", "file://" + filepath.Join(disk, "checkpoint.json")}, fromNow...)
	p := s.follow(t, append(args, onFree...)...)
	p.answers(t, "/readyz", 200, "ready")

	full := filepath.Join(disk, "full")
	if err := os.WriteFile(full, make([]byte, 64<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the small disk: got %v, want no space left", err)
	}
	s.insert(t, 1, 3)
	p.says(t, "following: the checkpoint has not been saved for ", "the checkpoint has not been saved for ", "no space left on device", "\ntailrace_save_pending_seconds 3")
	p.answers(t, "/metrics", 200, `tailrace_published_changes_total{op="insert",table="public.orders"} 3`)
	if got := p.report(t).Checkpoint.FailedSaves; got == 0 {
		t.Error("failed saves: got 0, want some")
	}

	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	p.recovers(t)
	p.answers(t, "/metrics", 200, "\ntailrace_save_pending_seconds 0\n")
	p.stop(t)
}
