package verify_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/verify"
	"github.com/tailrace/tailrace/internal/workload"
)

// A sink is what a file sink holds, line by line and file by file, and the
// truth that it is held against.
type sink struct {
	events map[string][]string
	txns   []workload.Transaction
	books  map[string][]string
	fences []verify.Fence
	runs   int
	mysql  bool
	by     string // what shares a partition: events are copies of those of Kafka

	isStream bool // or of those of Kinesis
}

const (
	stock    = "shop.public.stock.ndjson"
	journal  = "shop.public.journal.ndjson"
	ends     = "_transactions.ndjson"
	progress = "_progress.ndjson"
	schemas  = "_schemas.ndjson"
)

// torn at the end of a file stands for a last line without its break.
const torn = "torn"

// A row of stock and one of journal.
func stockRow(sku string, quantity int) string {
	return fmt.Sprintf(`{"quantity":%d,"warehouse":"w","remark":null,"sku":"%s","seen":null}`, quantity, sku)
}

func stockKey(sku string) string { return fmt.Sprintf(`{"warehouse":"w","sku":"%s"}`, sku) }

func journalRow(n int) string {
	return fmt.Sprintf(`{"happened":"2026-11-21T10:00:00.000000Z","level":1,"message":"m","number":%d}`, n)
}

func inserted(row string) string { return `{"op":"c","before":null,"after":` + row }

// good returns a sink without a fault: two writers, three transactions.
func good(t *testing.T) *sink {
	s := &sink{events: make(map[string][]string), books: make(map[string][]string)}
	s.transaction(t, "101", 0, 0x1000, map[string][]string{
		"stock":   {inserted(stockRow("a", 1)), inserted(stockRow("b", 2))},
		"journal": {inserted(journalRow(1)), inserted(journalRow(1))},
	})
	s.transaction(t, "103", 1, 0x2000, map[string][]string{
		"stock": {inserted(stockRow("c", 3))},
	})
	s.transaction(t, "102", 0, 0x3000, map[string][]string{
		"stock": {
			`{"op":"u","before":` + stockKey("a") + `,"after":` + stockRow("a", 9),
			`{"op":"d","before":` + stockKey("b") + `,"after":null`,
		},
		"journal": {`{"op":"u","before":` + journalRow(1) + `,"after":` + journalRow(2)},
	})
	s.events[progress] = []string{mark(0x1000), mark(0x2000)}
	s.events[schemas] = []string{`{"table_version":"v"}`}
	return s
}

// transaction adds one to truth and sink.
func (s *sink) transaction(t *testing.T, xid string, writer int, commit uint64, changes map[string][]string) {
	t.Helper()
	n := int64(len(s.txns))
	x := workload.Transaction{ID: xid, Writer: writer, Counts: make(map[string]int), Asked: 10 * n, Done: 10*n + 5}
	counts := make(map[string]int)
	lsn := commit - 0x800
	for _, table := range []string{"stock", "journal", "readings"} {
		if len(changes[table]) == 0 {
			continue
		}
		x.Counts[table], counts["shop.public."+table] = len(changes[table]), len(changes[table])
		for _, c := range changes[table] {
			lsn++
			book := fmt.Sprintf("%s.%d", table, writer)
			s.books[book] = append(s.books[book], xid+" "+c)
			file := "shop.public." + table + ".ndjson"
			s.events[file] = append(s.events[file], c+fmt.Sprintf(
				`,"source":{"connector":"postgresql","name":"shop","ts_ms":5,"schema":"public","table":"%s","txId":%s,"lsn":%d,"commit_lsn":%d},`+
					`"transaction":{"id":"%[2]s:%[4]d"},"ts_ms":5,"ver":"00000000/%016[4]x/%016[3]x/00000000","table_version":"v"}`,
				table, xid, lsn, commit))
		}
	}
	s.txns = append(s.txns, x)
	text, err := json.Marshal(counts)
	if err != nil {
		t.Fatal(err)
	}
	s.events[ends] = append(s.events[ends], fmt.Sprintf(`{"id":"%s:%d","ver":"00000000/%016[2]x/ffffffffffffffff/00000000","ts_ms":5,"counts":%s}`, xid, commit, text))
}

func mark(bound uint64) string {
	return fmt.Sprintf(`{"ver":"%s","ts_ms":5}`, below(bound))
}

func below(bound uint64) string { return fmt.Sprintf("00000000/%016x/%016x/%08x", bound, 0, 0) }

// verify writes everything to files and verifies them.
func (s *sink) verify(t *testing.T) (verify.Report, error) {
	t.Helper()
	events := t.TempDir()
	for file, lines := range s.events {
		write(t, filepath.Join(events, file), lines)
	}
	return s.verifyFolder(t, events)
}

func write(t *testing.T, path string, lines []string) {
	t.Helper()
	text := strings.TrimSuffix(strings.Join(append(slices.Clone(lines), ""), "\n"), torn+"\n")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// verifyFolder verifies what is in a folder against the truth of s.
func (s *sink) verifyFolder(t *testing.T, events string) (verify.Report, error) {
	t.Helper()
	truth := t.TempDir()
	for book, lines := range s.books {
		write(t, filepath.Join(truth, book+".txt"), lines)
	}
	var txns []string
	for _, x := range s.txns {
		line, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		txns = append(txns, string(line))
	}
	write(t, workload.TransactionsFile(truth), txns)
	cfg := verify.Config{
		Events: events, Name: "shop", Kind: workload.Postgres, Schema: "public", Truth: truth, Runs: s.runs, Fences: s.fences,
		PartitionBy: s.by, Stream: s.isStream,
	}
	if s.mysql {
		cfg.Kind, cfg.Schema = workload.MySQL, "db"
	}
	return verify.Run(t.Context(), cfg)
}
