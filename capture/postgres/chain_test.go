package postgres_test

import (
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

// twelve is a row of twelve columns as a shop has them.
var twelve = []struct{ name, typ, value string }{
	{"id", "int8", "1234567"},
	{"customer", "int8", "890123"},
	{"placed_at", "timestamptz", "2026-11-21 10:00:00.123456+00"},
	{"paid", "bool", "t"},
	{"total", "numeric", "1234.50"},
	{"currency", "bpchar", "EUR"},
	{"note", "text", "leave it at the \"back\" door, please"},
	{"token", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	{"weight", "float8", "12.75"},
	{"due", "date", "2026-12-01"},
	{"items", "int4", "3"},
	{"meta", "jsonb", `{"source": "web", "tags": ["new", "gift"], "discount": 2.50, "address": {"city": "Köln"}}`},
}

// A chain is what a worker does with a unit, up to the bytes.
type chain struct {
	unit   event.Unit
	change event.Change
	enc    *encode.Native
	emit   func(*event.Change) error
	buf    []byte
	events int
}

const chainRows = 100

// newChain makes a unit of inserts, updates, key changes and deletes.
func newChain(tb testing.TB) *chain {
	tb.Helper()
	table := schema.Table{Database: "shop", Schema: "public", Name: "orders", Key: []int{0}}
	for i, c := range twelve {
		codec, kind := postgres.CodecFor(typeNamed(tb, c.typ), -1, findUserType, postgres.Values{})
		table.Columns = append(table.Columns, schema.Column{Name: c.name, Kind: kind, KeyFlag: i == 0, Codec: codec})
	}
	version, err := schema.NewTable(table)
	if err != nil {
		tb.Fatalf("make the table: %v", err)
	}
	c := &chain{enc: encode.NewNative(postgres.Connector, "shop")}
	c.unit.Txns = []event.Txn{{Commit: 23831512, Millis: 1795255200123, XID: 771}}
	forms := []struct {
		op    event.Op
		bytes []byte
	}{
		{event.Insert, tuple('N', "1234567")},
		{event.Update, tuple('N', "1234567")},
		{event.Update, append(tuple('K', "7654321"), tuple('N', "1234567")...)},
		{event.Delete, tuple('K', "1234567")},
	}
	for i := range chainRows {
		f := forms[i%len(forms)]
		start := len(c.unit.Raw)
		c.unit.Raw = append(c.unit.Raw, f.bytes...)
		c.unit.Items = append(c.unit.Items, event.Item{
			Op: f.op, Table: version, Start: uint32(start), End: uint32(len(c.unit.Raw)), Event: uint64(23831400 + i),
		})
	}
	c.unit.Split = postgres.NewSplitter()
	c.emit = func(change *event.Change) error {
		var err error
		if c.buf, err = c.enc.AppendKey(c.buf[:0], change); err != nil {
			return err
		}
		c.buf, err = c.enc.AppendValue(c.buf, change)
		c.events++
		return err
	}
	return c
}

// tuple is a TupleData behind its letter: the whole row, or the key alone.
func tuple(letter byte, id string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{letter}, uint16(len(twelve)))
	for i, c := range twelve {
		if letter == 'K' && i > 0 {
			b = append(b, 'n')
			continue
		}
		if i == 0 {
			c.value = id
		}
		b = binary.BigEndian.AppendUint32(append(b, 't'), uint32(len(c.value)))
		b = append(b, c.value...)
	}
	return b
}

// run encodes the unit.
func (c *chain) run() error {
	for i := range c.unit.Items {
		it := &c.unit.Items[i]
		c.change.Op, c.change.Table, c.change.Txn = it.Op, it.Table, &c.unit.Txns[it.Txn]
		c.change.Ver = event.Ver{Commit: c.change.Txn.Commit, Event: it.Event, Row: it.Row}
		if err := c.unit.Split.Split(&c.unit, it, &c.change, c.emit); err != nil {
			return err
		}
	}
	return nil
}

func TestARowBecomesAnEventWithoutAllocating(t *testing.T) {
	c := newChain(t)
	if n := testing.AllocsPerRun(100, func() {
		if err := c.run(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a unit of %d rows allocates %v times, want 0", chainRows, n)
	}
}

func TestTheChainGivesOneEventPerRow(t *testing.T) {
	c := newChain(t)
	encode := c.emit
	c.emit = func(change *event.Change) error {
		err := encode(change)
		key := 0
		for key < len(c.buf) && c.buf[key] != '}' {
			key++
		}
		if value := c.buf[key+1:]; !json.Valid(value) {
			t.Errorf("%s is not JSON", value)
		}
		return err
	}
	if err := c.run(); err != nil {
		t.Fatalf("run the chain: %v", err)
	}
	if want := chainRows + chainRows/4; c.events != want { // a key change is two
		t.Errorf("got %d events, want %d", c.events, want)
	}
}

// BenchmarkRow is the whole way of a row from the server's bytes to the event's,
// per event.
func BenchmarkRow(b *testing.B) {
	c := newChain(b)
	if err := c.run(); err != nil {
		b.Fatalf("run the chain: %v", err)
	}
	if n := testing.AllocsPerRun(10, func() { _ = c.run() }); n != 0 {
		b.Fatalf("a unit of %d rows allocates %v times, want 0", chainRows, n)
	}
	b.SetBytes(int64(len(c.unit.Raw) / chainRows))
	b.ReportAllocs()
	c.events = 0
	for c.events < b.N {
		if err := c.run(); err != nil {
			b.Fatal(err)
		}
	}
}
