package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
)

// A show is a demo under test, with places of its own for what it might leave.
type show struct {
	*process
	temporary string
	events    string
}

// perform starts a demo as this process's user, or another one.
func perform(t *testing.T, as *syscall.Credential, args ...string) *show {
	t.Helper()
	// t.TempDir is closed to other users, and the path of its parent too.
	base, err := os.MkdirTemp("/tmp", "tailrace-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	s := &show{process: new(process), temporary: filepath.Join(base, "tmp"), events: filepath.Join(base, "events")}
	home := filepath.Join(base, "home")
	program := filepath.Join(base, "tailrace")
	for _, dir := range []string{s.temporary, s.events, home} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if as != nil {
			if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{"demo", "--dir", s.events}, args...)...)
	cmd.Dir = base
	cmd.Env = append(os.Environ(), "TMPDIR="+s.temporary, "TAILRACE_SOURCE=", "HOME="+home, "XDG_CACHE_HOME="+cacheFor(t, as))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	s.begin(t, cmd, &s.stdout)
	return s
}

// cacheFor returns a folder that keeps the download for the next test of an
// ordinary user. Root's is that of the system.
func cacheFor(t *testing.T, as *syscall.Credential) string {
	t.Helper()
	if as == nil {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := fmt.Sprintf("/var/cache/tailrace/user-%d", as.Uid)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// opens waits until the shop is open.
func (s *show) opens(t *testing.T) { t.Helper(); s.shows(t, "insert", ".customers", "id 14") }

// leavesNothing waits until no process and no file of the demo is left.
func (s *show) leavesNothing(t *testing.T) {
	t.Helper()
	eventually.NoError(t, patience, "nothing of the demo is left", func() error {
		entries, err := os.ReadDir(s.temporary)
		if err != nil || len(entries) > 0 {
			return fmt.Errorf("files: %v, %v", entries, err)
		}
		if left := s.processes(t, ""); len(left) > 0 {
			return fmt.Errorf("processes: %v", left)
		}
		return nil
	})
}

// processes returns those whose command lines name the demo's folder and word.
func (s *show) processes(t *testing.T, word string) []int {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it ended after the listing
		}
		if bytes.Contains(line, []byte(s.temporary+"/")) && bytes.Contains(line, []byte(word)) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, pid)
		}
	}
	return found
}

// wantEqual fails unless the demo has said that everything is equal, and has
// kept the events that it counted.
func (s *show) wantEqual(t *testing.T) {
	t.Helper()
	var events, tables int
	out := s.stdout.String()
	if at := strings.Index(out, "\nreplayed "); at < 0 || !strings.Contains(out, "equal to the source, row for row\n") {
		t.Fatalf("got %q at the end, want that all is equal", out[max(0, len(out)-500):])
	} else if _, err := fmt.Sscanf(strings.ReplaceAll(out[at+1:], ",", ""), "replayed %d events into %d tables", &events, &tables); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.events, "shop.ndjson")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(text, []byte("\n")); got != events || tables != 4 {
		t.Errorf("got %d events in the file, %d replayed into %d tables; want the same number, and 4", got, events, tables)
	}
	if want := "the events are in " + file + "\n"; !strings.HasSuffix(out, want) {
		t.Errorf("got %q at the end, want %q", out[max(0, len(out)-200):], want)
	}
}

// ordinary is a user without privileges, or nil if this process already has none.
func ordinary(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	daemon, err := user.Lookup("daemon")
	if err != nil {
		t.Fatal(err)
	}
	var c syscall.Credential
	if _, err := fmt.Sscan(daemon.Uid+" "+daemon.Gid, &c.Uid, &c.Gid); err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestTheDemoEndsEqual(t *testing.T) {
	for _, c := range []struct {
		name string
		as   *syscall.Credential
	}{
		{"as whoever runs the tests", nil},
		{"as an ordinary user", ordinary(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := perform(t, c.as, "--for", "3s", "--rate", "100")
			s.exits(t, 0)
			s.wantEqual(t)
			s.leavesNothing(t)
			for _, op := range []string{"read    ", "insert  ", "update  ", "delete  ", "truncate", "0.00 → ", "not sent"} {
				if !strings.Contains(s.stdout.String(), op) {
					t.Errorf("no line shows %q", op)
				}
			}
			if strings.Contains(s.stdout.String(), "\x1b") {
				t.Error("stdout is no terminal and got an escape")
			}
		})
	}
}

func TestTheDemoEndsEqualWhenItIsStopped(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			s := perform(t, nil, "--for", "1h", "--rate", "50")
			s.opens(t)
			s.signal(t, signal)
			s.exits(t, 0)
			s.wantEqual(t)
			s.leavesNothing(t)
		})
	}
}

func TestTheDemoLeavesNothingWhenItIsKilled(t *testing.T) {
	t.Run("the process that was started", func(t *testing.T) {
		s := perform(t, nil, "--for", "1h")
		s.opens(t)
		s.signal(t, syscall.SIGKILL)
		s.wait(t)
		s.leavesNothing(t)
	})
	t.Run("by a second signal", func(t *testing.T) {
		s := perform(t, nil, "--for", "1h")
		s.opens(t)
		s.signal(t, syscall.SIGTERM)
		s.signal(t, syscall.SIGTERM)
		if got := s.wait(t); got != 128+int(syscall.SIGTERM) && got != 0 { // it may have been faster
			t.Errorf("exit code: got %d, want 143 or 0", got)
		}
		s.leavesNothing(t)
	})
	t.Run("its inside", func(t *testing.T) {
		s := perform(t, nil, "--for", "1h")
		s.opens(t)
		inside := s.processes(t, "\x00inside\x00")
		if len(inside) != 1 {
			t.Fatalf("processes that are the inside: got %v, want one", inside)
		}
		if err := syscall.Kill(inside[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.exits(t, 4)
		s.leavesNothing(t)
	})
	t.Run("all of its processes at once", func(t *testing.T) {
		s := perform(t, nil, "--for", "1h")
		s.opens(t)
		s.signal(t, syscall.SIGSTOP) // so that it can't act before it is killed too
		for _, pid := range append(s.processes(t, "\x00inside\x00"), s.cmd.Process.Pid) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		s.wait(t)
		s.leavesNothing(t)
	})
	t.Run("before it has begun", func(t *testing.T) {
		s := perform(t, nil, "--for", "1h")
		s.shows(t, "starting PostgreSQL")
		s.signal(t, syscall.SIGTERM)
		s.exits(t, 4)
		s.leavesNothing(t)
	})
}

func TestTheDemoRefusesWhatItCanNotDo(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no time", []string{"--for", "0s"}, "no time to watch"},
		{"no rate", []string{"--rate", "0"}, "not one that can be kept"},
		{"a folder with something in it", []string{"--dir", full}, "is not empty"},
		{"an argument", []string{"now"}, "takes no argument"},
		{"an unknown database", []string{"--source", "oracle"}, "is no database of the demo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := exec.Command(binary, slices.Concat([]string{"demo"}, c.args)...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("got %v and %q, want an error that says %q", err, out, c.want)
			}
		})
	}
}
