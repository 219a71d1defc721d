package file_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/checkpointtest"
	"github.com/tailrace/tailrace/checkpoint/file"
	"github.com/tailrace/tailrace/internal/failure"
)

func TestStore(t *testing.T) {
	checkpointtest.Run(t, func(t *testing.T) checkpointtest.Harness {
		path := filepath.Join(t.TempDir(), "tailrace-shop.json")
		return checkpointtest.Harness{
			Open: func(*testing.T) checkpoint.Store { return file.New(path, checkpointtest.Pipeline) },
			Damage: func(t *testing.T) {
				text := read(t, path)
				text[len(text)/2] ^= 1
				write(t, path, text)
			},
		}
	})
}

func TestAcquireRefuses(t *testing.T) {
	newer := []byte(`{"format": 99, "checksum": "", "state": {}}`)
	for _, c := range []struct {
		name   string
		path   string
		make   func(t *testing.T, folder string)
		is     error  // or nil
		phrase string // in the error
	}{
		{"an empty file", "c.json", existing(nil), checkpoint.ErrCorrupt, "it is empty"},
		{"a file of blanks", "c.json", existing([]byte(" \n")), checkpoint.ErrCorrupt, "it is empty"},
		{"a file of something else", "c.json", existing([]byte("hello")), checkpoint.ErrCorrupt, "--from"},
		{"a file of a newer program", "c.json", existing(newer), checkpoint.ErrFormat, "a later one"},
		{"the file of another pipeline", "c.json", other, nil, `belongs to pipeline "other", this one is "shop"`},
		{"a folder that does not exist", "no/c.json", nothing, nil, "does not exist"},
		{"a folder that is a file", "c/c.json", func(t *testing.T, folder string) {
			write(t, filepath.Join(folder, "c"), nil)
		}, nil, "not a directory"},
		{"a folder in place of the file", "c.json", func(t *testing.T, folder string) {
			must(t, os.Mkdir(filepath.Join(folder, "c.json"), 0o700))
		}, nil, "is a folder"},
		{"a symbolic link that leads nowhere", "c.json", func(t *testing.T, folder string) {
			must(t, os.Symlink("no/such/file", filepath.Join(folder, "c.json")))
		}, nil, "leads nowhere"},
		{"a device", "null", func(t *testing.T, folder string) {
			must(t, os.Symlink(os.DevNull, filepath.Join(folder, "null")))
		}, nil, "not a regular file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			c.make(t, folder)
			path := filepath.Join(folder, c.path)
			before, _ := os.ReadFile(path)
			s := file.New(path, "shop")
			for range 2 { // the lock of the first attempt must not stay
				_, err := s.Acquire(t.Context())
				if failure.ExitCode(err) != failure.ExitStop {
					t.Fatalf("got exit code %d (%v), want %d", failure.ExitCode(err), err, failure.ExitStop)
				}
				if c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("got error %v, want %v", err, c.is)
				}
				if !strings.Contains(err.Error(), c.phrase) || !strings.Contains(err.Error(), folder) {
					t.Errorf("got error %q, want the path and %q in it", err, c.phrase)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Errorf("the refused start altered the file: %q, was %q", after, before)
			}
		})
	}
}

func TestAcquireLeavesTheBytesOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	s := file.New(path, "shop")
	st, err := s.Acquire(t.Context())
	must(t, err)
	must(t, s.Save(t.Context(), st))
	must(t, s.Close())
	before := read(t, path)
	_, err = s.Acquire(t.Context())
	must(t, err)
	must(t, s.Close())
	if after := read(t, path); !bytes.Equal(before, after) {
		t.Errorf("got %q, want %q", after, before)
	}
}

func TestTheFencedErrorNamesPathAndProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	owner := file.New(path, "shop")
	_, err := owner.Acquire(t.Context())
	must(t, err)
	defer owner.Close()
	_, err = file.New(path, "shop").Acquire(t.Context())
	for _, want := range []string{path, "process " + strconv.Itoa(os.Getpid())} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q in it", err, want)
		}
	}
}

func TestASymbolicLinkIsTheSameCheckpoint(t *testing.T) {
	folder := t.TempDir()
	path, link := filepath.Join(folder, "c.json"), filepath.Join(folder, "link.json")
	write(t, path, encoded(t, checkpoint.State{Pipeline: "shop", Generation: 4}))
	must(t, os.Symlink(path, link))

	s := file.New(link, "shop")
	st, err := s.Acquire(t.Context())
	must(t, err)
	defer s.Close()
	st.Position = "lsn:0/7"
	must(t, s.Save(t.Context(), st))
	if _, err := file.New(path, "shop").Acquire(t.Context()); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("through the other name: got error %v, want ErrFenced", err)
	}
	got, err := checkpoint.Decode(read(t, path))
	if err != nil || got.Position != st.Position || got.Generation != 5 {
		t.Errorf("got %+v, %v in the linked file, want %+v", got, err, st)
	}
}

func TestSaveIsFencedWhenTheLockFileIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	s := file.New(path, "shop")
	st, err := s.Acquire(t.Context())
	must(t, err)
	defer s.Close()
	must(t, os.Remove(path+".lock"))
	if err := s.Save(t.Context(), st); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("without a lock file: got error %v, want ErrFenced", err)
	}
	rival := file.New(path, "shop")
	_, err = rival.Acquire(t.Context())
	must(t, err)
	defer rival.Close()
	if err := s.Save(t.Context(), st); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("with a rival's lock file: got error %v, want ErrFenced", err)
	}
}

func TestSaveOfAnOlderGenerationIsFenced(t *testing.T) {
	s := file.New(filepath.Join(t.TempDir(), "c.json"), "shop")
	old, err := s.Acquire(t.Context())
	must(t, err)
	must(t, s.Save(t.Context(), old))
	must(t, s.Close())
	_, err = s.Acquire(t.Context())
	must(t, err)
	defer s.Close()
	if err := s.Save(t.Context(), old); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("got error %v, want ErrFenced", err)
	}
}

func TestOnlyTheOwnerCanReadTheFiles(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "c.json")
	write(t, path, encoded(t, checkpoint.State{Pipeline: "shop"}))
	must(t, os.Chmod(path, 0o644))
	s := file.New(path, "shop")
	st, err := s.Acquire(t.Context())
	must(t, err)
	defer s.Close()
	must(t, s.Save(t.Context(), st))
	entries, err := os.ReadDir(folder)
	must(t, err)
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %v, want -rw-------", e.Name(), got)
		}
	}
}

func TestAcquireRemovesWhatAKilledProcessLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	write(t, path+".tmp", []byte("half a Sta"))
	s := file.New(path, "shop")
	_, err := s.Acquire(t.Context())
	must(t, err)
	defer s.Close()
	if _, err := os.Stat(path + ".tmp"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got error %v, want that the file is gone", err)
	}
}

func nothing(*testing.T, string) {}

func existing(text []byte) func(*testing.T, string) {
	return func(t *testing.T, folder string) { write(t, filepath.Join(folder, "c.json"), text) }
}

func other(t *testing.T, folder string) {
	existing(encoded(t, checkpoint.State{Pipeline: "other"}))(t, folder)
}

func encoded(t *testing.T, st checkpoint.State) []byte {
	t.Helper()
	text, err := st.Encode()
	must(t, err)
	return text
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return text
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	must(t, os.WriteFile(path, text, 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
