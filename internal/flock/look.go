package flock

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Look returns a *HeldError if somebody holds the lock on the file at path, nil
// if nobody does or there is no such file, and else an error of the file system.
// It leaves the file as it is. For a moment it holds a lock itself, a shared one,
// which one that only looks does not mind.
func Look(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = lock(f, syscall.LOCK_SH)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = &HeldError{readPID(f)}
	}
	return errors.Join(err, f.Close())
}
