package servers_test

import (
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
