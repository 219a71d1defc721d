package binlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// shortSeed is the longest event that becomes a seed: the fuzzer takes minutes
// to shorten what it makes of long ones.
const shortSeed = 300

// TestSeedsAreOfTheRecordedLogs writes the seeds of the fuzz targets with -update
// and sees that there are some.
func TestSeedsAreOfTheRecordedLogs(t *testing.T) {
	for _, log := range recorded(t) {
		seen := map[string]bool{}
		var tableMap []byte
		for i, e := range log.entries {
			maria := fmt.Sprintf("bool(%v)", log.format.MariaDB)
			body := fmt.Sprintf("[]byte(%q)", e.body)
			name := fmt.Sprintf("%s-%03d", log.name, i)
			_, isRows := e.header.Type.RowsOp()
			key := fmt.Sprintf("%d of %d", e.header.Type, len(e.body)/16)
			if seen[key] || len(e.body) > shortSeed {
				continue
			}
			seen[key] = true
			switch {
			case e.header.Type == binlog.TableMapEvent:
				tableMap = e.body
				seed(t, "FuzzTableMap", name, maria, body)
			case isRows && tableMap != nil:
				seed(t, "FuzzRows", name, maria, fmt.Sprintf("byte(%q)", rune(e.header.Type)), fmt.Sprintf("[]byte(%q)", tableMap), body)
			default:
				seed(t, "FuzzEvents", name, fmt.Sprintf("byte(%q)", rune(e.header.Type)), maria, body)
			}
		}
	}
	for _, target := range []string{"FuzzTableMap", "FuzzRows", "FuzzEvents"} {
		if seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", target)); err != nil || len(seeds) < 10 {
			t.Errorf("%s has %d seeds, %v", target, len(seeds), err)
		}
	}
}

// seed keeps the arguments of a fuzz target with -update.
func seed(t *testing.T, target, name string, args ...string) {
	t.Helper()
	if !*update {
		return
	}
	dir := filepath.Join("testdata", "fuzz", target)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	text := "go test fuzz v1\n" + strings.Join(args, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
