// Package flock keeps a second process away from a file or folder.
package flock

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// patience is how long a lock is tried for that somebody holds: one that Look
	// holds is free again in much less, also where its process is not scheduled for a
	// moment, and a person does not notice the wait for a refusal.
	patience = 100 * time.Millisecond
	// again is the time between two attempts.
	again = 2 * time.Millisecond
)

// A HeldError says that somebody else holds the lock.
type HeldError struct{ Owner string } // "process 4711", or "another process"

// Error names the owner.
func (e *HeldError) Error() string { return "locked by " + e.Owner }

// Take locks the file at path, which it makes with the given permissions if it
// is missing, until the returned file is closed or the process ends, however
// it ends. It leaves the process id in it for whoever comes next. It waits for
// nobody but a Look: the error is a *HeldError if the lock is held, and else one
// of the file system. The lock holds among the processes of one host.
func Take(path string, perm os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, perm)
	if err != nil {
		return nil, err
	}
	err = lock(f, syscall.LOCK_EX)
	for start := time.Now(); errors.Is(err, syscall.EWOULDBLOCK) && time.Since(start) < patience; {
		time.Sleep(again)
		err = lock(f, syscall.LOCK_EX)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = &HeldError{readPID(f)}
	} else if err == nil {
		err = writePID(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func lock(f *os.File, kind int) error {
	for {
		err := syscall.Flock(int(f.Fd()), kind|syscall.LOCK_NB)
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
	n, _ := f.ReadAt(text[:], 0) // io.EOF: the id is shorter
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil || pid <= 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d", pid)
}
