package verify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/verify"
	"github.com/tailrace/tailrace/internal/workload"
)

// sources are a URL and a way to run SQL for each kind of database.
func sources(t *testing.T) map[string]func(sql string) {
	all := make(map[string]func(string))
	d := servers.Postgres(t, 18)
	all[d.URL()] = func(sql string) { d.Exec(t, sql) }
	for _, product := range servers.MySQLProducts() {
		d := servers.MySQL(t, product)
		all[d.URL()] = func(sql string) { d.Exec(t, sql) }
	}
	return all
}

func TestASourceThatDiffersIsFound(t *testing.T) {
	for url, exec := range sources(t) {
		cfg := config(t, url)
		t.Run(string(cfg.Kind), func(t *testing.T) {
			if err := workload.Setup(t.Context(), url); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(workload.TransactionsFile(cfg.Truth), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := verify.Run(t.Context(), cfg); err != nil {
				t.Fatalf("empty tables and no events: %v", err)
			}
			exec("INSERT INTO readings (id) VALUES (1)")
			_, err := verify.Run(t.Context(), cfg)
			if want := "table readings: the events give 0 rows that the source has not, and miss 1 that it has"; err == nil || err.Error() != want {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func config(t *testing.T, url string) verify.Config {
	t.Helper()
	kind, schema, err := workload.KindOf(url)
	if err != nil {
		t.Fatal(err)
	}
	return verify.Config{Events: t.TempDir(), Name: "shop", Kind: kind, Schema: schema, Truth: t.TempDir(), URL: url}
}

// TestWhatAWorkloadDidIsWhatTheSourceHas makes of a truth the events that it
// asks for: then truth, verifier and server must agree in every value.
func TestWhatAWorkloadDidIsWhatTheSourceHas(t *testing.T) {
	for url := range sources(t) {
		cfg := config(t, url)
		t.Run(string(cfg.Kind), func(t *testing.T) {
			if err := workload.Setup(t.Context(), url); err != nil {
				t.Fatal(err)
			}
			done, err := workload.Run(t.Context(), workload.Config{URL: url, Truth: cfg.Truth, Seed: 11, Changes: 3000, MaxRows: 60})
			if err != nil {
				t.Fatal(err)
			}
			want := publish(t, &cfg)
			got, err := verify.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if got.Events != want || got.Transactions != done.Transactions-done.Empty || got.Rows == 0 {
				t.Errorf("got %+v, want %d events of %d transactions", got, want, done.Transactions-done.Empty)
			}
		})
	}
}

// publish writes the events of a truth as if they had come in the order in which
// their commits were asked for, and returns how many there are.
func publish(t *testing.T, cfg *verify.Config) int {
	t.Helper()
	var all []workload.Transaction
	for line := range bytes.Lines(read(t, workload.TransactionsFile(cfg.Truth))) {
		var x workload.Transaction
		if err := json.Unmarshal(line, &x); err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b workload.Transaction) int { return int(a.Asked - b.Asked) })
	files := map[string]*strings.Builder{ends: {}, schemas: {}}
	fmt.Fprintln(files[schemas], `{"table_version":"v"}`)
	count := 0
	for _, table := range workload.Tables(cfg.Kind) {
		files[table.Name] = new(strings.Builder)
		books := make(map[string][]string) // of a transaction
		for w := range 3 {
			for line := range strings.Lines(string(read(t, workload.ChangesFile(cfg.Truth, table.Name, w)))) {
				id, event, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
				books[id] = append(books[id], event)
			}
		}
		for n, x := range all {
			for row, event := range books[x.ID] {
				fmt.Fprintln(files[table.Name], event+origin(cfg, table.Name, x, n, row))
				count++
			}
		}
	}
	for n, x := range all {
		counts := make(map[string]int)
		for table, c := range x.Counts {
			counts[cfg.Name+"."+cfg.Schema+"."+table] = c
		}
		text, err := json.Marshal(counts)
		if err != nil {
			t.Fatal(err)
		}
		id, commit := called(cfg, x, n)
		fmt.Fprintf(files[ends], `{"id":"%s","ver":"00000000/%016x/ffffffffffffffff/00000000","counts":%s}`+"\n", id, commit, text)
	}
	for name, b := range files {
		if !strings.HasPrefix(name, "_") {
			name = cfg.Name + "." + cfg.Schema + "." + name + ".ndjson"
		}
		put(t, filepath.Join(cfg.Events, name), b.String())
	}
	return count
}

// called returns the id of the transaction that is number n in the log, and
// where it is.
func called(cfg *verify.Config, x workload.Transaction, n int) (id string, commit uint64) {
	if cfg.Kind == workload.Postgres {
		commit = uint64(n+1) << 20
		return fmt.Sprintf("%s:%d", x.ID, commit), commit
	}
	return fmt.Sprintf("binlog.000003:%d", (n+1)<<20), 3<<40 | uint64(n+1)<<20
}

// origin returns an event from its source block on.
func origin(cfg *verify.Config, table string, x workload.Transaction, n, row int) string {
	id, commit := called(cfg, x, n)
	where := fmt.Sprintf(`"schema":"public","table":"%s","txId":%s,"lsn":%d,"commit_lsn":%d`, table, x.ID, row, commit)
	if cfg.Kind != workload.Postgres {
		where = fmt.Sprintf(`"db":"%s","table":"%s","gtid":null,"file":"binlog.000003","pos":%d,"row":0`, cfg.Schema, table, uint32(commit)+uint32(row)+1)
	}
	return fmt.Sprintf(`,"source":{"connector":"%s","name":"shop",%s},"transaction":{"id":"%s"},"ver":"00000000/%016x/%016x/00000000","table_version":"v"}`,
		cfg.Kind, where, id, commit, row)
}

// read returns what is in a file, nothing if it is not there.
func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return text
}
