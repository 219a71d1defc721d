package flock_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/flock"
)

func TestLookSaysWhoHoldsALockAndLeavesItToThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if err := flock.Look(path); err != nil {
		t.Errorf("without a file: got %v, want nil", err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("Look made the file: %v", err)
	}
	held, err := flock.Take(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var by *flock.HeldError
	if err := flock.Look(path); !errors.As(err, &by) || by.Owner != fmt.Sprintf("process %d", os.Getpid()) {
		t.Errorf("while it is held: got %v, want this process", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // whoever only looks is in nobody's way afterwards
		if err := flock.Look(path); err != nil {
			t.Errorf("after its end: got %v, want nil", err)
		}
	}
	again, err := flock.Take(path, 0o600)
	if err != nil {
		t.Fatalf("take it after a look: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestLookRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	for name, make := range map[string]func(path string) error{
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) }, // to read it would wait for ever
	} {
		path := filepath.Join(dir, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if err := flock.Look(path); err == nil {
			t.Errorf("Look: a %s can be locked", name)
		}
		if f, err := flock.Take(path, 0o600); err == nil {
			_ = f.Close()
			t.Errorf("Take: a %s was locked", name)
		}
	}
}
