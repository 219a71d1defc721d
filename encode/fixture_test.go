package encode_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/schema"
)

// verbatim is the codec of what is JSON as it stands.
type verbatim struct{}

func (verbatim) AppendJSON(dst, raw []byte) ([]byte, error) { return append(dst, raw...), nil }
func (verbatim) AppendText(dst, raw []byte) ([]byte, error) { return append(dst, raw...), nil }
func (verbatim) Equal(a, b []byte) bool                     { return bytes.Equal(a, b) }

// quoted is the codec of strings.
type quoted struct{ verbatim }

func (quoted) AppendJSON(dst, raw []byte) ([]byte, error) { return quote.AppendJSON(dst, raw), nil }

// broken is the codec of what can't be read.
type broken struct{ verbatim }

var errBroken = errors.New("the value is malformed")

func (broken) AppendJSON(dst, _ []byte) ([]byte, error) { return append(dst, "half"...), errBroken }

func newTable(t testing.TB, table schema.Table) *schema.Table {
	t.Helper()
	version, err := schema.NewTable(table)
	if err != nil {
		t.Fatalf("make a table: %v", err)
	}
	return version
}

func orders(t testing.TB) *schema.Table {
	t.Helper()
	return newTable(t, schema.Table{
		Database: "shop", Schema: "public", Name: "orders", Key: []int{0},
		Columns: []schema.Column{
			{Name: "id", Type: "bigint", Wire: "20/-1", Kind: schema.Int, KeyFlag: true, Codec: verbatim{}},
			{Name: "total", Type: "numeric(12,2)", Wire: "1700/786438", Kind: schema.Decimal, Codec: quoted{}},
			{Name: "note", Type: "text", Wire: "25/-1", Kind: schema.String, Codec: quoted{}},
			{Name: "meta", Type: "jsonb", Wire: "3802/-1", Kind: schema.JSON, Codec: verbatim{}},
		},
	})
}

// audit has no key.
func audit(t testing.TB) *schema.Table {
	t.Helper()
	return newTable(t, schema.Table{
		Database: "shop", Schema: "app", Name: "audit",
		Columns: []schema.Column{{Name: "line", Type: "text", Wire: "25/-1", Kind: schema.String, Codec: quoted{}}},
	})
}

// odd has a key in another order than its columns, and names that want care.
func odd(t testing.TB) *schema.Table {
	t.Helper()
	return newTable(t, schema.Table{
		Database: `d"b`, Schema: `sch\ema`, Name: "t.😀\n<&>", Key: []int{2, 0},
		Columns: []schema.Column{
			{Name: "a.b", Type: "integer", Wire: "23/-1", Kind: schema.Int, KeyFlag: true, Codec: verbatim{}},
			{Name: `quo"te`, Type: "text", Wire: "25/-1", Kind: schema.String, Codec: quoted{}},
			{Name: "😀", Type: "text", Wire: "25/-1", Kind: schema.String, KeyFlag: true, Codec: quoted{}},
			{Name: "", Type: "text", Wire: "25/-1", Kind: schema.String, Codec: quoted{}},
		},
	})
}

// null and gone are the values of row that are none.
const (
	null = "\x00null"
	gone = "\x00gone"
)

func row(values ...string) event.Row {
	r := make(event.Row, len(values))
	for i, v := range values {
		switch v {
		case gone:
		case null:
			r[i].State = event.Null
		default:
			r[i] = event.Value{Raw: []byte(v), State: event.Present}
		}
	}
	return r
}

func txn() *event.Txn {
	return &event.Txn{Commit: 23831512, Millis: 1795255200123, XID: 771}
}

func ver(nth uint32) event.Ver {
	return event.Ver{Commit: 23831512, Event: 23831400, Row: nth}
}

// read is a row of chunk 7 of the second life, which the stream met at 23831600.
func read(table *schema.Table, after event.Row, nth uint32, pos uint64) event.Change {
	const commit = 23831600 - 1
	return event.Change{
		Op: event.Read, Table: table, After: after, Pos: pos,
		Txn: &event.Txn{Commit: commit, Millis: 1795255200123, Snapshot: true},
		Ver: event.Ver{Commit: commit, Event: 2<<32 | 7, Row: nth},
	}
}
