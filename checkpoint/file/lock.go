package file

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
)

// lockSuffix names the lock beside the checkpoint. The checkpoint itself can't
// carry the lock, because each Save renames another file to its name.
const lockSuffix = ".lock"

// takeLock locks the file at path until it is closed or the process ends,
// however it ends, and leaves the process id in it for whoever comes next.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unwritable(err, path)
	}
	err = flock(f)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		owner := readPID(f)
		f.Close()
		return nil, fenced("%s is locked by %s", strings.TrimSuffix(path, lockSuffix), owner)
	}
	if err == nil {
		err = writePID(f)
	}
	if err != nil {
		f.Close()
		return nil, unwritable(err, path)
	}
	return f, nil
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("flock", err)
		}
	}
}

// stillLocked returns an error if the name of the lock no longer leads to the
// file that is locked. Somebody removed a lock file that looked stale to them,
// and another process may have locked a new one.
func stillLocked(lock *os.File) error {
	held, err := lock.Stat()
	if err != nil {
		return failure.Retry(fmt.Errorf("look at lock: %w", err))
	}
	named, err := os.Stat(lock.Name())
	if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(held, named) {
		return fenced("the lock file %s was removed while it was held", lock.Name())
	}
	if err != nil {
		return failure.Retry(fmt.Errorf("look at lock: %w", err))
	}
	return nil
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	return err
}

// readPID names the owner of a lock as well as it can.
func readPID(f *os.File) string {
	var text [20]byte
	n, _ := f.ReadAt(text[:], 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil || pid <= 0 {
		return "another process"
	}
	return "process " + strconv.Itoa(pid)
}

func fenced(format string, args ...any) error {
	return fmt.Errorf("%w: %w", checkpoint.ErrFenced,
		failure.Fenced("stop the other instance, or give this one a checkpoint of its own", format, args...))
}
