package file

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/flock"
)

// takeLock locks the folder at path until the file is closed or the process
// ends, however it ends, so that no two processes append to the same files.
func takeLock(path string) (*os.File, error) {
	f, err := flock.Take(filepath.Join(path, lockName), 0o644)
	var held *flock.HeldError
	if errors.As(err, &held) {
		return nil, lockedBy(path, held)
	}
	if err != nil {
		return nil, unwritable(err, path)
	}
	return f, nil
}

// lockedBy is the error for a folder at path that somebody publishes to.
func lockedBy(path string, held *flock.HeldError) error {
	return failure.Fenced("stop it, or publish to another folder", "%s is locked by %s, which publishes to it", path, held.Owner)
}
