// Package scarce lets tests run in want of something: permissions, room on the
// disk, file descriptors.
package scarce

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// marker names the test that a process of its own was made for.
const marker = "TAILRACE_TEST_ALONE"

// Alone runs the calling test in a process of its own and returns true there; the
// caller returns at once where it returns false. A limit of the process must not
// meet what else is going on in a package's tests, nor the log that the go
// command has them write of the files they open.
func Alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(marker) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), marker+"="+t.Name())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
	return false
}

// Limited runs f under a limit on one of the process's resources, such as
// syscall.RLIMIT_FSIZE, which stands for a full disk: a write fails half way, as
// it does with ENOSPC. The test must be Alone.
func Limited(t *testing.T, resource int, limit uint64, f func()) {
	t.Helper()
	if os.Getenv(marker) != t.Name() {
		t.Fatal("a limit of the process needs a process of its own: scarce.Alone")
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(resource, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: limit, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(resource, &was)
	f()
}

// AsNobody runs f without root's right to ignore permissions. The thread that
// gave it up is not used again.
func AsNobody(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			_ = syscall.Setfsuid(65534)
		}
		f()
	}()
	<-done
}
