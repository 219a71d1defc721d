package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/flock"
	"github.com/tailrace/tailrace/internal/writable"
)

// Check returns the saved State, the zero State if there is none or it can't be
// read, and every reason why Acquire or the Saves after it would fail, joined.
// One that wraps checkpoint.ErrFenced says that another process holds the
// checkpoint. It makes, takes and changes nothing.
func (s *Store) Check(ctx context.Context) (checkpoint.State, error) {
	if err := ctx.Err(); err != nil {
		return checkpoint.State{}, err
	}
	target, err := resolve(s.path)
	if err != nil {
		return checkpoint.State{}, err
	}
	if err := checkFolder(target); err != nil {
		return checkpoint.State{}, err
	}
	st, err := s.read(target)
	if err != nil {
		st = checkpoint.State{} // of another pipeline, say
	}
	return st, errors.Join(err, lookAtLock(target+lockSuffix), canSave(target))
}

// lookAtLock says what takeLock would.
func lookAtLock(path string) error {
	err := flock.Look(path)
	var held *flock.HeldError
	switch {
	case errors.As(err, &held):
		return lockedBy(path, held)
	case err == nil:
		if err = writable.File(path); errors.Is(err, fs.ErrNotExist) {
			return nil // the folder says whether it can be made
		}
	}
	if err != nil {
		return failure.StopFrom(err, "remove it if no tailrace runs, or run as the user who made it", "the lock of the checkpoint can't be taken")
	}
	return nil
}

// canSave says what probe would find. What a killed process left beside the
// checkpoint is replaced, which only the folder must allow.
func canSave(target string) error {
	room := uint64(2 * probeSize)
	if info, err := os.Stat(target); err == nil {
		room += uint64(info.Size())
	}
	if err := writable.Folder(filepath.Dir(target), room); err != nil {
		return unwritable(err, target)
	}
	return nil
}
