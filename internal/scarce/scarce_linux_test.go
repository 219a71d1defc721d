package scarce_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/scarce"
)

func TestALimitHoldsWhileTheFunctionRuns(t *testing.T) {
	if !scarce.Alone(t) {
		return
	}
	path := filepath.Join(t.TempDir(), "f")
	var err error
	scarce.Limited(t, syscall.RLIMIT_FSIZE, 10, func() { err = os.WriteFile(path, make([]byte, 11), 0o644) })
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("under the limit: got error %v, want %v", err, syscall.EFBIG)
	}
	if err := os.WriteFile(path, make([]byte, 11), 0o644); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestNobodyIsRefusedWhatRootMayDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o000); err != nil {
		t.Fatal(err)
	}
	scarce.AsNobody(func() {
		if _, err := os.ReadFile(path); !errors.Is(err, os.ErrPermission) {
			t.Errorf("got error %v, want %v", err, os.ErrPermission)
		}
	})
}
