package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tailrace/tailrace/internal/workload"
)

// truth is what the workload committed.
type truth struct {
	folder  string
	byID    map[string]*transaction
	named   map[string]*transaction // MySQL: by the id that events have
	writers [][]*transaction        // of each writer, in commit order
}

type transaction struct {
	workload.Transaction
	commit string // commit part of its vers, once an event was seen
	name   string // MySQL: the id that its events have, once it is known
}

func loadTruth(folder string) (*truth, error) {
	t := &truth{folder: folder, byID: make(map[string]*transaction), named: make(map[string]*transaction)}
	l, err := openLines(workload.TransactionsFile(folder))
	if err != nil {
		return nil, err
	}
	defer l.close()
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		x := new(transaction)
		if err := json.Unmarshal(line, &x.Transaction); err != nil {
			return nil, fmt.Errorf("verify: read the truth: %w", err)
		}
		for len(t.writers) <= x.Writer {
			t.writers = append(t.writers, nil)
		}
		t.byID[x.ID] = x
		t.writers[x.Writer] = append(t.writers[x.Writer], x)
	}
}

// books opens what each writer committed to a table.
func (t *truth) books(table string) ([]*book, error) {
	all := make([]*book, len(t.writers))
	for i := range all {
		l, err := openLines(workload.ChangesFile(t.folder, table, i))
		if err != nil {
			return nil, err
		}
		all[i] = &book{l}
	}
	return all, nil
}

// A book is the changes that are still to arrive from one writer in one table.
type book struct{ *lines }

// change returns the next one's transaction and the event up to its source
// block, or io.EOF.
func (b *book) change() (id string, event []byte, err error) {
	line, err := b.next()
	if err != nil {
		return "", nil, err
	}
	text, event, _ := bytes.Cut(line, []byte(" "))
	return string(text), event, nil
}
