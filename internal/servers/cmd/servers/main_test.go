package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// build returns the path of the command.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "servers")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the command: %v: %s", err, out)
	}
	return path
}

func TestTheExitCodeIsThatOfTheCommand(t *testing.T) {
	path := build(t)
	for _, c := range []struct {
		name, script string
		want         int
	}{
		{"success", "exit 0", 0},
		{"a code", "exit 7", 7},
		{"a signal", "kill -TERM $$", 128 + 15},
		{"the variable is set", `test -n "$` + servers.OwnerVariable + `"`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(path, "--", "sh", "-c", c.script)
			out, err := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != c.want {
				t.Errorf("exit code: got %d (%v: %s), want %d", got, err, out, c.want)
			}
		})
	}
}

func TestNothingIsLeftWhenTheOwnerEnds(t *testing.T) {
	path := build(t)
	for _, c := range []struct {
		name   string
		signal syscall.Signal
	}{
		{"by an interrupt", syscall.SIGINT},
		{"by SIGTERM", syscall.SIGTERM},
		{"by SIGKILL", syscall.SIGKILL},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// The command prints the owner's address and its own process id, and
			// then does nothing until it is ended.
			cmd := exec.Command(path, "--", "sh", "-c", `echo $`+servers.OwnerVariable+` $$; exec sleep 600`)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var url string
			var pid int
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatalf("read what the command prints: %v", err)
			}
			if _, err := fmt.Sscan(line, &url, &pid); err != nil {
				t.Fatalf("read what the command prints: %v", err)
			}
			address := ask(t, url)
			postmaster := postmasterOf(t, address)

			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			eventually.True(t, 30*time.Second, "the command, the server and its folder are gone", func() bool {
				_, err := os.Stat(filepath.Dir(address.DataDir))
				return os.IsNotExist(err) && !runs(pid) && !runs(postmaster)
			})
		})
	}
}

// ask has the owner start its Postgres 15.
func ask(t *testing.T, url string) local.Address {
	t.Helper()
	response, err := http.Get(url + "/postgres/15")
	if err != nil {
		t.Fatalf("ask the owner: %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("ask the owner: %v", err)
	}
	var address local.Address
	if err := json.Unmarshal(body, &address); err != nil {
		t.Fatalf("read the answer of the owner: %v: %s", err, body)
	}
	return address
}

// postmasterOf returns the process id of a server.
func postmasterOf(t *testing.T, address local.Address) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(address.DataDir, "postmaster.pid"))
	if err != nil {
		t.Fatalf("read the process id of the server: %v", err)
	}
	var pid int
	if _, err := fmt.Sscan(string(b), &pid); err != nil {
		t.Fatalf("read the process id of the server: %v", err)
	}
	if !runs(pid) {
		t.Fatalf("the server's process %d does not run", pid)
	}
	return pid
}

// runs reports whether a process exists and is not just waiting to be reaped.
func runs(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}
