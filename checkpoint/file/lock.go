package file

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/flock"
)

// lockSuffix names the lock beside the checkpoint. The checkpoint itself can't
// carry the lock, because each Save renames another file to its name.
const lockSuffix = ".lock"

// takeLock locks the file at path until it is closed or the process ends.
func takeLock(path string) (*os.File, error) {
	f, err := flock.Take(path, 0o600)
	var held *flock.HeldError
	if errors.As(err, &held) {
		return nil, lockedBy(path, held)
	}
	if err != nil {
		return nil, unwritable(err, path)
	}
	return f, nil
}

// lockedBy is the error for a lock at path that somebody holds.
func lockedBy(path string, held *flock.HeldError) error {
	return fenced("%s is locked by %s", strings.TrimSuffix(path, lockSuffix), held.Owner)
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

func fenced(format string, args ...any) error {
	return fmt.Errorf("%w: %w", checkpoint.ErrFenced,
		failure.Fenced("stop the other instance, or give this one a checkpoint of its own", format, args...))
}
