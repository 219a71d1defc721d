package flock_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/tailrace/tailrace/internal/flock"
)

func TestOnesThatLookKeepNobodyFromALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	taken, err := flock.Take(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	end, looked := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { looked <- n }()
		for {
			select {
			case <-end:
				return
			default:
			}
			var held *flock.HeldError
			if err := flock.Look(path); err != nil && !errors.As(err, &held) {
				t.Errorf("look: %v", err)
				return
			} else if err == nil {
				n++
			}
		}
	}()
	for i := range 2000 {
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
		if taken, err = flock.Take(path, 0o600); err != nil {
			t.Errorf("take %d: %v, and nobody has it", i, err)
			break
		}
	}
	close(end)
	if n := <-looked; n == 0 {
		t.Error("nobody looked while the lock was free")
	}
	if err == nil {
		_ = taken.Close()
	}
}

func TestWhoHoldsALockIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	taken, err := flock.Take(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var held *flock.HeldError
	if second, err := flock.Take(path, 0o600); !errors.As(err, &held) {
		t.Errorf("a second Take: got %v, %v, want that it is held", second, err)
	}
}
