package workload_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/workload"
)

const writers = 3

// run runs a workload and returns its folder of truth.
func run(t *testing.T, version int, seed uint64) (*servers.Database, string, workload.Report) {
	t.Helper()
	d, truth := servers.Postgres(t, version), t.TempDir()
	if err := workload.Setup(t.Context(), d.URL()); err != nil {
		t.Fatal(err)
	}
	report, err := workload.Run(t.Context(), workload.Config{URL: d.URL(), Truth: truth, Seed: seed, Changes: 2000, Writers: writers})
	if err != nil {
		t.Fatal(err)
	}
	return d, truth, report
}

// book returns the lines of a table and writer: transaction and event.
func book(t *testing.T, truth, table string, writer int) [][2]string {
	t.Helper()
	text, err := os.ReadFile(workload.ChangesFile(truth, table, writer))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var all [][2]string
	for line := range strings.Lines(string(text)) {
		xid, event, _ := strings.Cut(line, " ")
		all = append(all, [2]string{xid, event})
	}
	return all
}

func TestTheTruthIsWhatTheServerHas(t *testing.T) {
	for _, version := range servers.Versions() {
		d, truth, report := run(t, version, 3)
		if report.Changes < 2000 || report.RolledBack+report.Savepoints == 0 || report.Largest > 1000 {
			t.Errorf("Postgres %d: got %+v", version, report)
		}
		for _, table := range workload.Tables() {
			rows := 0
			for w := range writers {
				for _, line := range book(t, truth, table.Name, w) {
					switch {
					case strings.HasPrefix(line[1], `{"op":"c"`):
						rows++
					case strings.HasPrefix(line[1], `{"op":"d"`):
						rows--
					case strings.HasPrefix(line[1], `{"op":"t"`):
						rows = 0
					}
				}
			}
			if got, want := d.One(t, "SELECT count(*) FROM "+table.Name), strconv.Itoa(rows); got != want {
				t.Errorf("Postgres %d: rows of %s: the server has %s, the truth %s", version, table.Name, got, want)
			}
		}
	}
}

func TestTransactionsCountTheEventsOfTheirTables(t *testing.T) {
	_, truth, _ := run(t, 15, 4)
	got := make(map[string]int)
	for _, table := range workload.Tables() {
		for w := range writers {
			for _, line := range book(t, truth, table.Name, w) {
				got[line[0]+" "+table.Name]++
			}
		}
	}
	text, err := os.ReadFile(workload.TransactionsFile(truth))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var x workload.Transaction
		if err := json.Unmarshal(line, &x); err != nil {
			t.Fatal(err)
		}
		if x.Asked >= x.Done {
			t.Errorf("transaction %d was done before it was asked for", x.XID)
		}
		for table, want := range x.Counts {
			key := strconv.Itoa(int(x.XID)) + " " + table
			if got[key] != want {
				t.Errorf("transaction and table %s: got %d events, want %d", key, got[key], want)
			}
			delete(got, key)
		}
	}
	if len(got) > 0 {
		t.Errorf("got events that no transaction counts: %v", got)
	}
}

func TestTheSameSeedMakesTheSameChanges(t *testing.T) {
	_, first, _ := run(t, 15, 5)
	_, second, _ := run(t, 18, 5)
	_, other, _ := run(t, 18, 6)
	for _, table := range workload.Tables() {
		for w := range writers {
			a, b := events(book(t, first, table.Name, w)), events(book(t, second, table.Name, w))
			if a != b {
				t.Errorf("writer %d, table %s: the changes differ", w, table.Name)
			}
			if c := events(book(t, other, table.Name, w)); a == c && a != "" {
				t.Errorf("writer %d, table %s: another seed makes the same changes", w, table.Name)
			}
		}
	}
}

func events(lines [][2]string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line[1])
	}
	return b.String()
}
