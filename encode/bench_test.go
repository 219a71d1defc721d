package encode_test

import (
	"testing"

	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
)

// benchRows is how many rows share a place in what is measured.
const benchRows = 256

// kinds are the connectors' events of a row, inserted and read by a snapshot.
func kinds(tb testing.TB) []struct {
	name, connector string
	change          event.Change
	step            uint32 // between the rows' vers
} {
	tb.Helper()
	table := orders(tb)
	full := row("1234567", "12.50", "a note of some length", `{"a": 1}`)
	inserted := complete(event.Change{Op: event.Insert, Table: table, After: full})
	copied := read(table, full, 0, 23831560)
	binlog := func(c event.Change) event.Change {
		txn := *c.Txn
		txn.File, txn.Server = "binlog.000003", 1
		c.Txn = &txn
		return c
	}
	return []struct {
		name, connector string
		change          event.Change
		step            uint32
	}{
		{"an inserted row of Postgres", "postgresql", inserted, 2},
		{"a row of Postgres that was read", "postgresql", copied, 1},
		{"an inserted row of MySQL", "mysql", binlog(inserted), 2},
		{"a row of MySQL that was read", "mysql", binlog(copied), 1},
	}
}

// appendAll encodes rows that differ in the row part of their vers.
func appendAll(tb testing.TB, enc encode.Encoder, buf []byte, c *event.Change, step uint32) []byte {
	for i := range uint32(benchRows) {
		c.Ver.Row = i * step
		var err error
		if buf, err = enc.AppendKey(buf[:0], c); err == nil {
			buf, err = enc.AppendValue(buf, c)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return buf
}

func TestNoRowAllocates(t *testing.T) {
	for _, k := range kinds(t) {
		t.Run(k.name, func(t *testing.T) {
			enc := encode.NewNative(k.connector, "shop")
			buf := appendAll(t, enc, nil, &k.change, k.step)
			if n := testing.AllocsPerRun(20, func() { buf = appendAll(t, enc, buf, &k.change, k.step) }); n != 0 {
				t.Errorf("%d rows allocate %v times, want 0", benchRows, n)
			}
		})
	}
}

// BenchmarkNative is the time of an event: a row that was read is to be as cheap
// as one of the stream.
func BenchmarkNative(b *testing.B) {
	for _, k := range kinds(b) {
		b.Run(k.name, func(b *testing.B) {
			enc := encode.NewNative(k.connector, "shop")
			buf := appendAll(b, enc, nil, &k.change, k.step)
			b.ReportAllocs()
			for n := 0; n < b.N; n += benchRows {
				buf = appendAll(b, enc, buf, &k.change, k.step)
			}
		})
	}
}
