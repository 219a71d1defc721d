package file

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailrace/tailrace/internal/failure"
)

const (
	lockName  = ".tailrace.lock"
	probeName = ".tailrace.tmp"
)

// openFolder makes dir if it is missing, locks it and finds out what would
// make writing to it fail.
func openFolder(dir string) (*folder, error) {
	path := filepath.Clean(dir)
	if err := makeFolder(path); err != nil {
		return nil, unwritable(err, path)
	}
	lock, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	err = probe(filepath.Join(path, probeName))
	if err == nil {
		err = mend(path)
	}
	var self *os.File
	if err == nil {
		self, err = os.Open(path)
	}
	if err == nil {
		err = self.Sync() // one that was killed may have made files, and not got here
	}
	if err != nil {
		_ = self.Close() // nothing was written to it, and it may be nil
		return nil, errors.Join(unwritable(err, path), lock.Close())
	}
	return &folder{path: path, lock: lock, self: self, topics: make(map[string]*output)}, nil
}

// makeFolder makes the folder at path and those above it, durable.
func makeFolder(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a folder", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if err := makeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

// probeSize is how much is written to find out whether there is room.
const probeSize = 16 << 10

// probe makes a file as the outputs will be made, and removes it.
func probe(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeSize))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), os.Remove(path))
}

// mend cuts the last line off each event file of the folder at path if it has
// no end.
func mend(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), extension) {
			if err := cutTornLine(filepath.Join(path, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func cutTornLine(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	size := info.Size()
	whole, err := wholeLines(f, size)
	if err == nil && whole < size {
		if err = f.Truncate(whole); err == nil {
			err = f.Sync()
		}
	}
	return errors.Join(err, f.Close())
}

// wholeLines returns the length of f up to its last line break.
func wholeLines(f *os.File, size int64) (int64, error) {
	buf := make([]byte, min(size, 64<<10))
	for end := size; end > 0; {
		start := max(0, end-int64(len(buf)))
		part := buf[:end-start]
		if _, err := f.ReadAt(part, start); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func unwritable(cause error, path string) error {
	return failure.StopFrom(cause, "it must be a folder that can be written to and has room",
		"events can't be published to %s", path)
}
