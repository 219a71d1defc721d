package workload_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/internal/workload"
)

const (
	writers = 3
	changes = 2000
)

// A source is a database that the workload changes.
type source struct {
	name string
	kind workload.Kind
	url  string
	one  func(sql string) string // the one value that a query answers
}

// sources returns a clean database of each kind and version.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, version := range servers.Versions() {
		all = append(all, postgres(t, version))
	}
	for _, product := range servers.MySQLProducts() {
		all = append(all, mysql(t, product))
	}
	return all
}

func postgres(t *testing.T, version int) source {
	t.Helper()
	d := servers.Postgres(t, version)
	return source{fmt.Sprintf("postgres-%d", version), workload.Postgres, d.URL(), func(sql string) string { return d.One(t, sql) }}
}

func mysql(t *testing.T, product local.Product) source {
	t.Helper()
	d := servers.MySQL(t, product)
	kind := workload.MySQL
	if product.MariaDB() {
		kind = workload.MariaDB
	}
	return source{string(product), kind, d.URL(), func(sql string) string { return d.One(t, sql) }}
}

// run runs a workload and returns its folder of truth.
func (s source) run(t *testing.T, seed uint64) (string, workload.Report) {
	t.Helper()
	truth := t.TempDir()
	if err := workload.Setup(t.Context(), s.url); err != nil {
		t.Fatal(err)
	}
	report, err := workload.Run(t.Context(), workload.Config{URL: s.url, Truth: truth, Seed: seed, Changes: changes, Writers: writers, MaxRows: 60})
	if err != nil {
		t.Fatal(err)
	}
	return truth, report
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
	for _, s := range sources(t) {
		t.Run(s.name, func(t *testing.T) {
			truth, report := s.run(t, 3)
			if report.Changes < changes || report.RolledBack*report.Savepoints*report.Swaps == 0 || report.Largest > 60 {
				t.Errorf("got %+v", report)
			}
			if s.kind != workload.Postgres && report.Singled*report.Prepared*report.Truncates == 0 {
				t.Errorf("got %+v", report)
			}
			for _, table := range workload.Tables(s.kind) {
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
				if got, want := s.one("SELECT count(*) FROM "+table.Name), strconv.Itoa(rows); got != want {
					t.Errorf("rows of %s: the server has %s, the truth %s", table.Name, got, want)
				}
			}
		})
	}
}

func TestTransactionsCountTheEventsOfTheirTables(t *testing.T) {
	for _, s := range sources(t) {
		t.Run(s.name, func(t *testing.T) { s.count(t) })
	}
}

func (s source) count(t *testing.T) {
	truth, _ := s.run(t, 4)
	got := make(map[string]int)
	for _, table := range workload.Tables(s.kind) {
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
			t.Errorf("transaction %s was done before it was asked for", x.ID)
		}
		for table, want := range x.Counts {
			key := x.ID + " " + table
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
	for _, s := range [][3]source{
		{postgres(t, 15), postgres(t, 18), postgres(t, 18)},
		{mysql(t, local.MariaDB1011), mysql(t, local.MariaDB114), mysql(t, local.MariaDB114)},
	} {
		first, _ := s[0].run(t, 5)
		second, _ := s[1].run(t, 5)
		other, _ := s[2].run(t, 6)
		for _, table := range workload.Tables(s[0].kind) {
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
}

func events(lines [][2]string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line[1])
	}
	return b.String()
}
