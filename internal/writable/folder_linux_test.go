package writable_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/scarce"
	"github.com/tailrace/tailrace/internal/writable"
)

func TestAFolderIsWritableByRightsAndRoom(t *testing.T) {
	open, locked := t.TempDir(), t.TempDir()
	for dir, mode := range map[string]os.FileMode{open: 0o777, locked: 0o555, filepath.Dir(open): 0o755} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, path string
		bytes      uint64
		want       error
	}{
		{"one that may be written to", open, 1 << 10, nil},
		{"one that may not", locked, 1 << 10, syscall.EACCES},
		{"one without the room", open, 1 << 62, syscall.ENOSPC},
		{"one that is not there", filepath.Join(open, "missing"), 0, os.ErrNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			scarce.AsNobody(func() {
				if err := writable.Folder(c.path, c.bytes); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
		})
	}
}

func TestAFileIsWritableByItsRights(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]error{0o666: nil, 0o444: syscall.EACCES, 0o600: syscall.EACCES} {
		path := filepath.Join(dir, mode.String())
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		scarce.AsNobody(func() {
			if err := writable.File(path); !errors.Is(err, want) && os.Geteuid() == 0 {
				t.Errorf("%v: got %v, want %v", mode, err, want)
			}
		})
	}
}
