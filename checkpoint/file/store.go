// Package file keeps a checkpoint in one JSON file of the local file system,
// locked for as long as its owner lives.
package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
)

// A Store is a checkpoint.Store on one file. The lock that it takes holds on
// this host only: it can't fence a process on another one (C7.5).
type Store struct {
	path     string
	pipeline string

	target     string   // path without symbolic links, known once acquired
	lock       *os.File // nil while the pipeline is not held
	generation uint64
}

var _ checkpoint.Store = (*Store)(nil)

// New returns a Store that keeps the State of the named pipeline in the file
// at path. It touches nothing.
func New(path, pipeline string) *Store {
	return &Store{path: filepath.Clean(path), pipeline: pipeline}
}

// Acquire locks the checkpoint for this process and returns its State. It
// finds out now what would make Save fail later: a missing folder, missing
// permission, a read-only or full file system are errors of the class Stop. So
// is a file that is damaged, newer than this program or of another pipeline. If
// somebody else holds the lock the error wraps checkpoint.ErrFenced.
//
// The new Generation is written with the first Save, not here: the lock alone
// keeps others out, and a start that is refused later for what it was asked
// must leave the file as it was. Two starts without a Save between them thus
// have the same Generation.
func (s *Store) Acquire(ctx context.Context) (checkpoint.State, error) {
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
	lock, err := takeLock(target + lockSuffix)
	if err != nil {
		return checkpoint.State{}, err
	}
	st, err := s.read(target)
	if err == nil {
		err = probe(target)
	}
	if err != nil {
		return checkpoint.State{}, errors.Join(err, lock.Close())
	}
	st.Generation++
	s.target, s.lock, s.generation = target, lock, st.Generation
	return st, nil
}

// Load returns the saved State, whoever holds it, and the zero State if there
// is no file. Its other errors are those of Acquire for a file that can't be
// read.
func (s *Store) Load(ctx context.Context) (checkpoint.State, error) {
	if err := ctx.Err(); err != nil {
		return checkpoint.State{}, err
	}
	target, err := resolve(s.path)
	if err != nil {
		return checkpoint.State{}, err
	}
	return s.read(target)
}

// Save replaces the file with st, which is what Acquire returned, moved
// forward; an empty pipeline name is filled in. After an error of the class
// Retry (no space, an I/O error) the file is still whole: it holds the former
// State or, if only the folder could not be synced, st.
func (s *Store) Save(ctx context.Context, st checkpoint.State) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.lock == nil {
		return fmt.Errorf("save checkpoint %s: it is not acquired: %w", s.path, os.ErrClosed)
	}
	if st.Pipeline == "" {
		st.Pipeline = s.pipeline
	}
	if err := s.belongs(st); err != nil {
		return err
	}
	if st.Generation != s.generation {
		return fenced("the State to save was read before another instance took %s", s.path)
	}
	if err := stillLocked(s.lock); err != nil {
		return err
	}
	text, err := st.Encode()
	if err != nil {
		return fmt.Errorf("save checkpoint %s: %w", s.path, err)
	}
	if err := replace(s.target, text); err != nil {
		return failure.Retry(fmt.Errorf("save checkpoint: %w", err))
	}
	return nil
}

// Close gives the lock back; a Store that holds none is closed already. The
// lock file stays, since removing it could take it from under a process that
// has just opened it.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	lock := s.lock
	s.lock = nil
	if err := lock.Close(); err != nil {
		return fmt.Errorf("unlock checkpoint %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) read(target string) (checkpoint.State, error) {
	text, err := os.ReadFile(target)
	if errors.Is(err, fs.ErrNotExist) {
		return checkpoint.State{}, nil
	}
	if err != nil {
		return checkpoint.State{}, failure.StopFrom(err, "", "the checkpoint can't be read")
	}
	st, err := checkpoint.Decode(text)
	switch {
	case errors.Is(err, checkpoint.ErrFormat):
		return checkpoint.State{}, failure.StopFrom(err,
			"start the version that wrote it or a later one",
			"read checkpoint %s", s.path)
	case err != nil:
		return checkpoint.State{}, failure.StopFrom(err,
			"restore it from a copy, or move it away and say with --from where to start",
			"read checkpoint %s", s.path)
	}
	return st, s.belongs(st)
}

func (s *Store) belongs(st checkpoint.State) error {
	if st.Pipeline == s.pipeline {
		return nil
	}
	return failure.Stop(
		"give each pipeline a file of its own with --checkpoint, or this one its name with --name",
		"the checkpoint %s belongs to pipeline %q, this one is %q", s.path, st.Pipeline, s.pipeline)
}
