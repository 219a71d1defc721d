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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
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
			pids := []int{pid}
			var folders []string
			for _, server := range []string{"postgres/15", "mysql/mysql-9.7", "mysql/mariadb-10.11", "mysql/mariadb-11.4", "kafka"} {
				folder := filepath.Dir(ask(t, url, server))
				pids = append(pids, processesOf(t, folder)...)
				folders = append(folders, folder)
			}

			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			eventually.True(t, 2*time.Minute, "the command, the servers and their folders are gone", func() bool {
				return !slices.ContainsFunc(folders, exists) && !slices.ContainsFunc(pids, runs)
			})
		})
	}
}

// ask has the owner start a server and returns its data folder.
func ask(t *testing.T, url, server string) string {
	t.Helper()
	response, err := http.Get(url + "/" + server)
	if err != nil {
		t.Fatalf("ask the owner: %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("ask the owner: %v", err)
	}
	// What local.Address, local.MySQLAddress and local.KafkaAddress have in common.
	var address struct {
		DataDir string `json:"data_dir"`
	}
	if err := json.Unmarshal(body, &address); err != nil || address.DataDir == "" {
		t.Fatalf("read the answer of the owner: %v: %s", err, body)
	}
	return address.DataDir
}

// processesOf returns the ids of the processes whose command line names something
// in the folder of a server, which has at least one.
func processesOf(t *testing.T, folder string) []int {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatalf("list processes: %v", err)
	}
	var found []int
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(line), folder+"/") {
			continue // an error is for one that ended after the listing
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatalf("read a process id: %v", err)
		}
		found = append(found, pid)
	}
	if !slices.ContainsFunc(found, runs) {
		t.Fatalf("processes in %s: got %v, want one that runs", folder, found)
	}
	return found
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !os.IsNotExist(err)
}

// runs reports whether a process exists and is not just waiting to be reaped.
func runs(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}
