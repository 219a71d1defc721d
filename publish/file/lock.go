package file

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/tailrace/tailrace/internal/failure"
)

// takeLock locks the folder at path until the file is closed or the process
// ends, however it ends, so that no two processes append to the same files. It
// leaves the process id in the lock file for whoever comes next.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, unwritable(err, path)
	}
	err = flock(f)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		owner := readPID(f)
		f.Close()
		return nil, failure.Fenced("stop it, or publish to another folder",
			"%s is locked by %s, which publishes to it", path, owner)
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
