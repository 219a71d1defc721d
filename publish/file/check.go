package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/flock"
	"github.com/tailrace/tailrace/internal/writable"
)

// Check returns every reason why Open would fail for the folder dir, joined. One
// with the exit code of a Fenced says that another process publishes to it. It
// makes, takes and changes nothing: what Open would cut off a torn line stays.
func Check(dir string) error {
	path := filepath.Clean(dir)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err = leadsNowhere(path); err == nil {
			return canMake(path)
		}
	case err == nil && !info.IsDir():
		err = fmt.Errorf("%s is not a folder", path)
	}
	if err != nil {
		return unwritable(err, path)
	}
	var errs []error
	if err := writable.Folder(path, probeSize); err != nil {
		errs = append(errs, unwritable(err, path))
	}
	lock := filepath.Join(path, lockName)
	err = flock.Look(lock)
	var held *flock.HeldError
	if errors.As(err, &held) {
		return errors.Join(append(errs, lockedBy(path, held))...)
	}
	if err == nil {
		err = writable.File(lock)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, failure.StopFrom(err, "remove it if no tailrace runs, or run as the user who made it", "the lock of the folder of events can't be taken"))
	}
	return errors.Join(append(errs, checkOutputs(path)...)...)
}

// canMake says why makeFolder could not make the folder at path.
func canMake(path string) error {
	parent := filepath.Dir(path)
	info, err := os.Stat(parent)
	switch {
	case errors.Is(err, fs.ErrNotExist) && parent != path:
		if err = leadsNowhere(parent); err == nil {
			return canMake(parent)
		}
	case err == nil && !info.IsDir():
		err = fmt.Errorf("%s is not a folder", parent)
	case err == nil:
		err = writable.Folder(parent, probeSize)
	}
	if err != nil {
		return unwritable(err, path)
	}
	return nil
}

// leadsNowhere returns an error for a symbolic link without a target: in its place
// no folder can be made.
func leadsNowhere(path string) error {
	_, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil:
		err = fmt.Errorf("%s is a symbolic link that leads nowhere", path)
	}
	return err
}

// checkOutputs looks at the event files that are there, as mend does.
func checkOutputs(path string) []error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return []error{unwritable(err, path)}
	}
	var errs []error
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), extension) {
			continue
		}
		name := filepath.Join(path, e.Name())
		info, err := os.Stat(name)
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is not a regular file", name)
		}
		if err == nil {
			err = writable.File(name)
		}
		if err != nil {
			errs = append(errs, unwritable(err, path))
		}
	}
	return errs
}
