package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/file"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/scarce"
)

func TestAcquireRefusesAFolderThatIsNotWritable(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "c.json")
	write(t, path, encoded(t, checkpoint.State{Pipeline: "shop"}))
	must(t, os.Chmod(path, 0o644))
	must(t, os.Chmod(folder, 0o555))
	defer os.Chmod(folder, 0o755)
	must(t, os.Chmod(filepath.Dir(folder), 0o755))
	scarce.AsNobody(func() {
		_, err := file.New(path, "shop").Acquire(t.Context())
		if failure.ExitCode(err) != failure.ExitStop || !errors.Is(err, os.ErrPermission) {
			t.Errorf("got error %v, want a Stop for the permission", err)
		}
	})
}

func TestASaveThatFailsLeavesTheFormerState(t *testing.T) {
	if !scarce.Alone(t) {
		return
	}
	path := filepath.Join(t.TempDir(), "c.json")
	s := file.New(path, "shop")
	st, err := s.Acquire(t.Context())
	must(t, err)
	defer s.Close()
	st.Position = "lsn:0/1"
	must(t, s.Save(t.Context(), st))

	next := st
	next.Position = "lsn:0/2"
	scarce.Limited(t, syscall.RLIMIT_FSIZE, 100, func() { err = s.Save(t.Context(), next) })
	if !failure.Retryable(err) || !errors.Is(err, syscall.EFBIG) {
		t.Errorf("got error %v, want a Retry for the size", err)
	}
	got, err := file.New(path, "shop").Load(t.Context())
	if err != nil || got.Position != st.Position {
		t.Errorf("got %q, %v, want %q", got.Position, err, st.Position)
	}
	if _, err := os.Stat(path + ".tmp"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got error %v, want no temporary file", err)
	}

	must(t, s.Save(t.Context(), next))
	got, err = s.Load(t.Context())
	if err != nil || got.Position != next.Position {
		t.Errorf("after the retry: got %q, %v, want %q", got.Position, err, next.Position)
	}
}

func TestAcquireRefusesAFullDisk(t *testing.T) {
	if !scarce.Alone(t) {
		return
	}
	folder := t.TempDir()
	var err error
	scarce.Limited(t, syscall.RLIMIT_FSIZE, 100, func() { _, err = file.New(filepath.Join(folder, "c.json"), "shop").Acquire(t.Context()) })
	if failure.ExitCode(err) != failure.ExitStop || !strings.Contains(err.Error(), "can't be kept in "+folder) {
		t.Errorf("got error %v, want a Stop that names %s", err, folder)
	}
}
