package workload

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// A Transaction is one that was committed, with at least one change.
type Transaction struct {
	// ID is the transaction id of Postgres. The writers of MySQL are not told
	// one: there it is the writer and the number that the transaction's row in
	// the table of marks has, as in "1-77".
	ID     string         `json:"id"`
	Writer int            `json:"writer"`
	Counts map[string]int `json:"counts"` // events per table

	// Asked and Done are when the writer sent COMMIT and when it was answered,
	// in nanoseconds of one monotonic clock: a transaction that was done before
	// another asked has the earlier place in the log.
	Asked int64 `json:"asked"`
	Done  int64 `json:"done"`
}

// TransactionsFile returns the path of the committed transactions in a folder
// of truth: one JSON object per line, each writer's in commit order.
func TransactionsFile(folder string) string { return filepath.Join(folder, "transactions.ndjson") }

// ChangesFile returns the path of what a writer has committed to a table, in
// commit order: one line per event, its transaction, a space, and the
// event up to its source block. A writer that never changed the table has none.
func ChangesFile(folder, table string, writer int) string {
	return filepath.Join(folder, table+"."+strconv.Itoa(writer)+".txt")
}

// ledger writes the transactions of all writers.
type ledger struct {
	mu   sync.Mutex
	file *os.File
	buf  *bufio.Writer
}

func openLedger(folder string) (*ledger, error) {
	f, err := os.Create(TransactionsFile(folder))
	if err != nil {
		return nil, fmt.Errorf("write the truth: %w", err)
	}
	return &ledger{file: f, buf: bufio.NewWriter(f)}, nil
}

func (l *ledger) add(t Transaction) error {
	line, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write the truth: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.buf.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the truth: %w", err)
	}
	return nil
}

func (l *ledger) close() error { return errors.Join(l.buf.Flush(), l.file.Close()) }

// book writes what one writer has committed to one table.
type book struct {
	path string
	file *os.File // nil before the first change
	buf  *bufio.Writer
}

func (b *book) add(id string, events []string) error {
	if b.file == nil {
		f, err := os.Create(b.path)
		if err != nil {
			return fmt.Errorf("write the truth: %w", err)
		}
		b.file, b.buf = f, bufio.NewWriter(f)
	}
	for _, e := range events {
		if _, err := fmt.Fprintf(b.buf, "%s %s\n", id, e); err != nil {
			return fmt.Errorf("write the truth: %w", err)
		}
	}
	return nil
}

func (b *book) close() error {
	if b.file == nil {
		return nil
	}
	return errors.Join(b.buf.Flush(), b.file.Close())
}
