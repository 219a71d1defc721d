package flock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Look returns a *HeldError if somebody holds the lock on the file at path, nil
// if nobody does or there is no such file, and else an error of the file system, or
// that it is none that Take could lock. It leaves the file as it is. For a moment it
// holds a lock itself, a shared one, which one that only looks does not mind and
// Take waits for.
func Look(path string) error {
	info, err := os.Stat(path) // to open a pipe would wait for whoever writes to it
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case err != nil:
		return err
	}
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
