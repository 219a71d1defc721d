package servers_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// A recorder is a test whose failure is what another test wants.
type recorder struct {
	testing.TB
	fatal string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatal(args ...any) {
	r.fatal = fmt.Sprint(args...)
	runtime.Goexit()
}

// startReplication returns the command that makes the server stream a slot.
func startReplication(slot string) *pgproto3.Query {
	const command = `START_REPLICATION SLOT %s LOGICAL 0/0 (proto_version '1', publication_names 'p')`
	return &pgproto3.Query{String: fmt.Sprintf(command, slot)}
}

// processesOf returns the ids of the processes whose command line names
// something in the folder.
func processesOf(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatalf("list processes: %v", err)
	}
	var found []string
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it ended after the listing
		}
		if strings.Contains(string(line), folder+"/") {
			found = append(found, filepath.Base(filepath.Dir(path)))
		}
	}
	return found
}

// threadsThatGoOn returns the states of the threads of a process that are
// neither stopped nor ended: without one of them nothing can answer.
func threadsThatGoOn(t *testing.T, pid string) []string {
	t.Helper()
	paths, err := filepath.Glob("/proc/" + pid + "/task/[0-9]*/stat")
	if err != nil || len(paths) == 0 {
		t.Fatalf("list the threads of process %s: %v, %d of them", pid, err, len(paths))
	}
	var found []string
	for _, path := range paths {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it ended after the listing
		}
		// "tid (name) state ...", where the name may hold anything.
		state := stat[bytes.LastIndexByte(stat, ')')+2]
		if !strings.ContainsRune("TtZX", rune(state)) {
			found = append(found, string(state))
		}
	}
	return found
}
