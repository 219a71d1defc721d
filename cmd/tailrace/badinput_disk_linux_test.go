package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
)

// mount makes dir a small disk. What was in it is hidden.
func mount(t *testing.T, dir, size string) {
	t.Helper()
	if err := syscall.Mount("tailrace", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mount a small disk (this test needs to be root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount the small disk: %v", err)
		}
	})
}

// mountFull makes dir a disk without room.
func mountFull(t *testing.T, dir string) {
	t.Helper()
	mount(t, dir, "64k")
	full, err := os.Create(filepath.Join(dir, "full"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = full.Write(make([]byte, 4096))
	}
	if closed := full.Close(); closed != nil {
		t.Fatal(closed)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the small disk: %v", err)
	}
}

func TestADiskThatFillsUpStopsTheRunAndLosesNothing(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		if err := os.Mkdir(s.events(), 0o755); err != nil {
			t.Fatal(err)
		}
		mount(t, s.events(), "256k")
		s.establish(t)
		s.insert(t, 1, many)
		p := s.follow(t)
		p.exits(t, 4)
		got := s.normalize(p.verdict(t))
		want := "the event files in FOLDER/events can't be written: write FOLDER/events/FILE: no space left on device; " +
			"when the folder can be written to, start tailrace again: it goes on where it stopped"
		if got != want {
			t.Errorf("sentence:\n got %s\nwant %s", got, want)
		}
		if err := syscall.Mount("tailrace", s.events(), "tmpfs", syscall.MS_REMOUNT, "size=16m"); err != nil {
			t.Fatal(err)
		}
		s.follow(t, "--until", "now").succeeds(t)
		seen := s.ids(t)
		slices.Sort(seen)
		wantIDs(t, slices.Compact(seen), 1, many)
	})
}
