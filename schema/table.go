package schema

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// A Table is one version of a table: immutable, shared by every row that was
// written with it, and safe for concurrent use. Pointers identify versions
// within one stream; Version identifies them across processes.
type Table struct {
	Database string
	Schema   string // MySQL: empty, its schema is its database
	Name     string
	Columns  []Column // in table order
	Key      []int    // the identity key as indexes of Columns, in key order; empty for a keyless table

	// Version is the first 8 bytes of a SHA-256 in hex, over nothing but what
	// the log itself carries (C2.5), so that it does not depend on when the
	// catalog was asked.
	Version string

	// Layout is the source's own: how it cuts a row of this version into
	// columns. Nobody else looks into it.
	Layout any

	// RowCost is how many bytes an event of this table takes at most beyond
	// its values: names, envelope, identifiers. A reader charges it per row,
	// because 1,600 NULL columns are 200 raw bytes and 40 KB of JSON (C6.1).
	RowCost int
}

// Namespace is what people write before the table's name: its schema, or its
// database where there are no schemas, as in MySQL.
func (t *Table) Namespace() string { return cmp.Or(t.Schema, t.Database) }

// String returns namespace and name with a dot between.
func (t *Table) String() string { return t.Namespace() + "." + t.Name }

// A Column is one column of a table version.
type Column struct {
	Name    string
	Type    string // as the database writes it: numeric(12,2)
	Wire    string // as the log writes it, in the source's own notation: 1700/786438
	Kind    Kind
	KeyFlag bool // the log flags it as part of the replica identity
	Codec   Codec
}

// A Codec reads the raw bytes of one column's values. It is made by the
// source for one column, has no state that changes, and is called by many
// workers at once. raw is never nil and never the NULL or absent value, and is
// not kept.
type Codec interface {
	// AppendJSON appends the value in its event form (docs/events.md).
	AppendJSON(dst, raw []byte) ([]byte, error)
	// AppendText appends the value as plain text without quotes.
	AppendText(dst, raw []byte) ([]byte, error)
	// Equal reports whether two values are the same to the database's key.
	Equal(a, b []byte) bool
}

// envelopeCost is what an event's envelope takes at most besides table and
// column names: op, source block, transaction, ver, table_version.
const envelopeCost = 512

// NewTable completes t: it computes Version and RowCost. The caller, a
// source's reader, hands over the slices.
func NewTable(t Table) (*Table, error) {
	for _, k := range t.Key {
		if k < 0 || k >= len(t.Columns) {
			return nil, fmt.Errorf("table %s: key column %d of %d", &t, k, len(t.Columns))
		}
	}
	t.Version = version(&t)
	t.RowCost = envelopeCost + 2*(len(t.Database)+len(t.Schema)+len(t.Name))
	for i := range t.Columns {
		t.RowCost += len(t.Columns[i].Name) + len(`,"":null`)
	}
	return &t, nil
}

// version hashes the canonical JSON of what the log carries.
func version(t *Table) string {
	type column struct {
		Name string `json:"name"`
		Wire string `json:"type"`
		Key  bool   `json:"key"`
	}
	doc := struct {
		Database string   `json:"db"`
		Schema   string   `json:"schema"`
		Name     string   `json:"name"`
		Columns  []column `json:"columns"`
	}{t.Database, t.Schema, t.Name, make([]column, len(t.Columns))}
	for i, c := range t.Columns {
		doc.Columns[i] = column{c.Name, c.Wire, c.KeyFlag}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic("schema: marshal a struct of strings: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
