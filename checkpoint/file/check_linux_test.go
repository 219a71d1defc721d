package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/file"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/scarce"
)

// listing describes what is in a folder, with all bytes.
func listing(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	all := ""
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		all += e.Name() + " " + info.Mode().String()
		if info.Mode().IsRegular() {
			all += " " + string(read(t, filepath.Join(folder, e.Name())))
		}
		all += "\n"
	}
	return all
}

// sentence is that of the Stop in err.
func sentence(err error) string {
	var stop *failure.StopError
	if !errors.As(err, &stop) {
		return ""
	}
	return stop.Sentence
}

func TestCheckSaysWhatAcquireWouldAndChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		path string
		make func(t *testing.T, folder string)
	}{
		{"no file", "c.json", nothing},
		{"a file of the pipeline", "c.json", existing(encoded(t, checkpoint.State{Pipeline: "shop", Position: "lsn:0/1"}))},
		{"an empty file", "c.json", existing(nil)},
		{"a file of something else", "c.json", existing([]byte("hello"))},
		{"the file of another pipeline", "c.json", other},
		{"a folder that does not exist", "no/c.json", nothing},
		{"a folder in place of the file", "c.json", func(t *testing.T, folder string) {
			must(t, os.Mkdir(filepath.Join(folder, "c.json"), 0o755))
		}},
		{"a folder that may not be written to", "c.json", func(t *testing.T, folder string) {
			must(t, os.Chmod(folder, 0o555))
		}},
		{"a lock that is a folder", "c.json", func(t *testing.T, folder string) {
			must(t, os.Mkdir(filepath.Join(folder, "c.json.lock"), 0o777))
		}},
		{"a lock that is a pipe", "c.json", func(t *testing.T, folder string) {
			must(t, syscall.Mkfifo(filepath.Join(folder, "c.json.lock"), 0o666))
			must(t, os.Chmod(filepath.Join(folder, "c.json.lock"), 0o666))
		}},
		{"a lock that may not be taken", "c.json", func(t *testing.T, folder string) {
			write(t, filepath.Join(folder, "c.json.lock"), nil)
			must(t, os.Chmod(filepath.Join(folder, "c.json.lock"), 0o444))
			must(t, os.Chmod(folder, 0o777))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			must(t, os.Chmod(filepath.Dir(folder), 0o755))
			must(t, os.Chmod(folder, 0o777))
			c.make(t, folder)
			defer os.Chmod(folder, 0o755)
			if _, err := os.Stat(filepath.Join(folder, "c.json")); err == nil {
				must(t, os.Chmod(filepath.Join(folder, "c.json"), 0o755))
			}
			before := listing(t, folder)
			scarce.AsNobody(func() {
				s := file.New(filepath.Join(folder, c.path), "shop")
				st, checked := s.Check(t.Context())
				if got := listing(t, folder); got != before {
					t.Errorf("the folder holds\n%swant, as before,\n%s", got, before)
				}
				acquired, err := s.Acquire(t.Context())
				defer s.Close()
				if (checked == nil) != (err == nil) || !strings.HasPrefix(c.name, "a lock that ") && sentence(checked) != sentence(err) {
					t.Errorf("Check says %v, and Acquire %v", checked, err)
				}
				if err == nil && st.Position != acquired.Position {
					t.Errorf("got position %q, want %q", st.Position, acquired.Position)
				}
			})
		})
	}
}

func TestCheckNamesAllThatIsWrong(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "c.json")
	write(t, path, []byte("hello"))
	must(t, os.Chmod(path, 0o644))
	must(t, os.Chmod(folder, 0o555))
	defer os.Chmod(folder, 0o755)
	must(t, os.Chmod(filepath.Dir(folder), 0o755))
	scarce.AsNobody(func() {
		_, err := file.New(path, "shop").Check(t.Context())
		if all := failure.List(err); len(all) != 2 || !errors.Is(all[0], checkpoint.ErrCorrupt) || !errors.Is(all[1], os.ErrPermission) {
			t.Errorf("got %q, want that the file is damaged and that the folder is locked", all)
		}
	})
}

func TestCheckBesideAnOwnerNamesItAndReadsTheState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	owner := file.New(path, "shop")
	st, err := owner.Acquire(t.Context())
	must(t, err)
	defer owner.Close()
	st.Position = "lsn:0/1"
	must(t, owner.Save(t.Context(), st))
	got, err := file.New(path, "shop").Check(t.Context())
	if !errors.Is(err, checkpoint.ErrFenced) || failure.ExitCode(err) != failure.ExitFenced || got.Position != st.Position {
		t.Errorf("got position %q and %v, want %q and ErrFenced", got.Position, err, st.Position)
	}
	st.Position = "lsn:0/2"
	must(t, owner.Save(t.Context(), st)) // it was not disturbed
}
