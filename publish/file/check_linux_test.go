package file_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/scarce"
	"github.com/tailrace/tailrace/publish/file"
)

func TestCheckSaysWhatOpenWouldAndChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string) // in a folder that anybody may write to
		dir  string
	}{
		{"a folder that is there", func(*testing.T, string) {}, "."},
		{"a folder with a torn line", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "orders.ndjson"), []byte("{}\n{"), 0o644))
			must(t, os.Chmod(filepath.Join(dir, "orders.ndjson"), 0o666))
		}, "."},
		{"a folder that can be made, with those above it", func(*testing.T, string) {}, "made/by/Open"},
		{"a folder that can't be made", func(t *testing.T, dir string) { must(t, os.Chmod(dir, 0o555)) }, "made/by/Open"},
		{"a folder that may not be written to", func(t *testing.T, dir string) { must(t, os.Chmod(dir, 0o555)) }, "."},
		{"a file in its place", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "events"), nil, 0o666))
		}, "events"},
		{"a file above it", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "events"), nil, 0o666))
		}, "events/here"},
		{"a link that leads nowhere", func(t *testing.T, dir string) {
			must(t, os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, "events")))
		}, "events"},
		{"a link that leads nowhere above it", func(t *testing.T, dir string) {
			must(t, os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, "events")))
		}, "events/here"},
		{"a link to a folder", func(t *testing.T, dir string) {
			must(t, os.Symlink(dir, filepath.Join(dir, "events")))
		}, "events"},
		{"a lock that is a folder", func(t *testing.T, dir string) {
			must(t, os.Mkdir(filepath.Join(dir, ".tailrace.lock"), 0o777))
		}, "."},
		{"a lock that is a pipe", func(t *testing.T, dir string) {
			must(t, syscall.Mkfifo(filepath.Join(dir, ".tailrace.lock"), 0o666))
			must(t, os.Chmod(filepath.Join(dir, ".tailrace.lock"), 0o666))
		}, "."},
		{"an event file that may not be written to", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "orders.ndjson"), []byte("{}\n"), 0o444))
		}, "."},
		{"an event file that is a folder", func(t *testing.T, dir string) {
			must(t, os.Mkdir(filepath.Join(dir, "orders.ndjson"), 0o777))
		}, "."},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.Chmod(filepath.Dir(dir), 0o755))
			must(t, os.Chmod(dir, 0o777))
			c.make(t, dir)
			defer os.Chmod(dir, 0o755)
			before := tree(t, dir)
			scarce.AsNobody(func() {
				path := filepath.Join(dir, c.dir)
				checked := file.Check(path)
				if got := tree(t, dir); got != before {
					t.Errorf("the folder holds\n%swant, as before,\n%s", got, before)
				}
				p, err := file.Open(path)
				if err == nil {
					must(t, p.Close())
				}
				if (checked == nil) != (err == nil) || failure.ExitCode(checked) != failure.ExitCode(err) {
					t.Errorf("Check says %v, and Open %v", checked, err)
				}
			})
		})
	}
}

func TestCheckSaysWhoPublishesToAFolder(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	if err := file.Check(dir); failure.ExitCode(err) != failure.ExitFenced {
		t.Errorf("got %v, want that it is locked", err)
	}
	publishNow(t, p, batch("orders", `{"id":1}`)) // it was not disturbed
}

// tree describes what is in a folder, with all bytes.
func tree(t *testing.T, dir string) string {
	t.Helper()
	all := ""
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		all += path + " " + info.Mode().String()
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all += " " + string(text)
		}
		all += "\n"
		return nil
	}))
	return all
}
