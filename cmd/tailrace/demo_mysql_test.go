package main_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// eachFamily runs a test of the demo for MySQL and for MariaDB, each with the
// server that it finds on this machine.
func eachFamily(t *testing.T, test func(t *testing.T, source, title string)) {
	t.Helper()
	for _, c := range []struct{ source, title string }{{"mysql", "MySQL"}, {"mariadb", "MariaDB"}} {
		t.Run(c.title, func(t *testing.T) { test(t, c.source, c.title) })
	}
}

func TestTheDemoOnMySQLEndsEqual(t *testing.T) {
	eachFamily(t, func(t *testing.T, source, title string) {
		for _, c := range []struct {
			name string
			as   *syscall.Credential
		}{
			{"as whoever runs the tests", nil},
			{"as an ordinary user", ordinary(t)},
		} {
			t.Run(c.name, func(t *testing.T) {
				s := perform(t, c.as, "--source", source, "--for", "3s", "--rate", "100")
				s.exits(t, 0)
				s.wantEqual(t)
				s.leavesNothing(t)
				for _, text := range []string{"starting " + title, "read    ", "insert  ", "update  ", "delete  ", "truncate shop.visits", "0.00 → "} {
					if !strings.Contains(s.stdout.String(), text) {
						t.Errorf("no line shows %q", text)
					}
				}
				events, err := os.ReadFile(s.events + "/shop.ndjson")
				if err != nil {
					t.Fatal(err)
				}
				if want := `"connector":"` + source + `"`; !strings.Contains(string(events), want) {
					t.Errorf("no event has %s", want)
				}
			})
		}
	})
}

func TestTheDemoOnMySQLEndsEqualWhenItIsStopped(t *testing.T) {
	eachFamily(t, func(t *testing.T, source, _ string) {
		s := perform(t, nil, "--source", source, "--for", "1h", "--rate", "50")
		s.opens(t)
		s.signal(t, syscall.SIGINT)
		s.exits(t, 0)
		s.wantEqual(t)
		s.leavesNothing(t)
	})
}

func TestTheDemoOnMySQLLeavesNothingWhenItIsKilled(t *testing.T) {
	eachFamily(t, func(t *testing.T, source, title string) {
		t.Run("the process that was started", func(t *testing.T) {
			s := perform(t, nil, "--source", source, "--for", "1h")
			s.opens(t)
			s.signal(t, syscall.SIGKILL)
			s.wait(t)
			s.leavesNothing(t)
		})
		t.Run("all of its processes at once", func(t *testing.T) {
			s := perform(t, nil, "--source", source, "--for", "1h")
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
			s := perform(t, nil, "--source", source, "--for", "1h")
			s.shows(t, "starting "+title)
			s.signal(t, syscall.SIGTERM)
			s.exits(t, 4)
			s.leavesNothing(t)
		})
	})
}
