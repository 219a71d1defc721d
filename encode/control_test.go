package encode_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
)

func TestControlRecords(t *testing.T) {
	counts := []encode.Count{{Topic: "shop.public.orders", Rows: 3}, {Topic: `sh"op.😀`, Rows: 1<<64 - 1}}
	var b strings.Builder
	for _, c := range []struct {
		name string
		text []byte
	}{
		{"the end of a transaction", encode.AppendEnd(nil, 0, txn(), counts)},
		{"the end of a transaction without events", encode.AppendEnd(nil, 0, txn(), nil)},
		{"the end of a transaction in another epoch", encode.AppendEnd(nil, 1<<32-1, &event.Txn{}, counts[:1])},
		{"progress", encode.AppendProgress(nil, 0, 23831512, 1795255200123)},
		{"progress in another epoch, at an unknown time", encode.AppendProgress(nil, 1, 1<<64-1, 0)},
		{"the schema of a table", encode.AppendSchema(nil, orders(t))},
		{"the schema of a keyless table", encode.AppendSchema(nil, audit(t))},
		{"the schema of a table with odd names", encode.AppendSchema(nil, odd(t))},
	} {
		if !json.Valid(c.text) || strings.ContainsAny(string(c.text), "\n\r\t") {
			t.Errorf("%s: %s is not one line of JSON", c.name, c.text)
		}
		fmt.Fprintf(&b, "# %s\n%s\n\n", c.name, c.text)
	}
	golden(t, "control.golden", b.String())
}

func TestControlRecordsAreAppended(t *testing.T) {
	const head = "head"
	for name, text := range map[string][]byte{
		"end":      encode.AppendEnd([]byte(head), 0, txn(), nil),
		"progress": encode.AppendProgress([]byte(head), 0, 1, 2),
		"schema":   encode.AppendSchema([]byte(head), orders(t)),
	} {
		if !strings.HasPrefix(string(text), head+"{") {
			t.Errorf("%s: got %s, want it behind %q", name, text, head)
		}
	}
}

// TestAnEndSortsBehindItsTransaction and before the next one, and a progress
// record at the transaction's own place before its events (C8.1).
func TestAnEndSortsBehindItsTransaction(t *testing.T) {
	type record struct {
		Ver string `json:"ver"`
	}
	read := func(text []byte) string {
		t.Helper()
		var r record
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatalf("unmarshal %s: %v", text, err)
		}
		return r.Ver
	}
	at := txn()
	vers := []string{
		read(encode.AppendProgress(nil, 0, at.Commit, 0)),
		event.Ver{Commit: at.Commit, Event: 1}.String(),
		event.Ver{Commit: at.Commit, Event: 1<<64 - 2, Row: 1<<32 - 1}.String(),
		read(encode.AppendEnd(nil, 0, at, nil)),
		read(encode.AppendProgress(nil, 0, at.Commit+1, 0)),
		event.Ver{Commit: at.Commit + 1, Event: 0}.String(),
	}
	for i := 1; i < len(vers)-1; i++ {
		if vers[i-1] >= vers[i] {
			t.Errorf("%s is followed by %s: they must rise", vers[i-1], vers[i])
		}
	}
}
