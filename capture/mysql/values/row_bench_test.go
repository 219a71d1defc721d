package values_test

import (
	"encoding/hex"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

// benchColumns are those of the table that internal/bench drains, with a row.
var benchColumns = []struct {
	name   string
	column binlog.Column
	raw    string
}{
	{"id", binlog.Column{Type: binlog.TypeLonglong, SignKnown: true, Unsigned: true}, "\xd2\x02\x96\x00\x00\x00\x00\x00"},
	{"customer", binlog.Column{Type: binlog.TypeLong, SignKnown: true, Unsigned: true}, "\xd2\x02\x00\x00"},
	{"status", binlog.Column{Type: binlog.TypeEnum, Meta: 1, Charset: 255, Labels: [][]byte{[]byte("new"), []byte("paid"), []byte("shipped")}}, "\x02"},
	{"total", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 12<<8 | 2}, "\x80\x00\x00\x30\x39\x2d"},
	{"note", binlog.Column{Type: binlog.TypeBlob, Meta: 2, Charset: 255}, "some note about order 123456"},
	{"created", binlog.Column{Type: binlog.TypeTimestamp2, Meta: 6}, "\x6b\x01\x6b\xa0\x01\xe2\x40"},
	{"shipped", binlog.Column{Type: binlog.TypeDatetime2}, "\x99\xbb\x6a\xa0\x00"},
	{"paid", binlog.Column{Type: binlog.TypeTiny, SignKnown: true}, "\x01"},
	{"weight", binlog.Column{Type: binlog.TypeDouble, Meta: 8}, "\x92\x5f\x2c\xf9\xc5\x92\x38\x40"},
	{"ref", binlog.Column{Type: binlog.TypeString, Meta: 144, Charset: 255}, "01234567-0123-0123-0123-012345678901"},
	{"attrs", jsonColumn, ""},
	{"qty", binlog.Column{Type: binlog.TypeShort, SignKnown: true}, "\x12\x00"},
}

// BenchmarkRow makes key and event of a row. What scripts/profile.sh gives to the
// compiler comes from here.
func BenchmarkRow(b *testing.B) {
	var columns []schema.Column
	var row event.Row
	for i, c := range benchColumns {
		codec, kind, _, err := values.For(c.column, values.Options{})
		if err != nil {
			b.Fatal(err)
		}
		raw := []byte(c.raw)
		if c.name == "attrs" {
			if raw, err = hex.DecodeString(smallJSON); err != nil {
				b.Fatal(err)
			}
		}
		columns = append(columns, schema.Column{Name: c.name, Type: "type", Wire: "wire", Kind: kind, KeyFlag: i == 0, Codec: codec})
		row = append(row, event.Value{Raw: raw, State: event.Present})
	}
	table, err := schema.NewTable(schema.Table{Database: "bench", Name: "orders", Key: []int{0}, Columns: columns})
	if err != nil {
		b.Fatal(err)
	}
	txn := event.Txn{Commit: 1 << 41, Millis: 1795255200000, GTID: event.GTID{Prefix: "3e11fa47-71ca-11e1-9e33-c80aa9429562:", Number: 77}, File: "binlog.000003", Server: 1}
	change := event.Change{Op: event.Insert, Table: table, After: row, Txn: &txn, Pos: 1542}
	enc := encode.NewNative("mysql", "shop")
	buf := make([]byte, 0, 1<<20)
	b.ReportAllocs()
	for n := uint32(0); b.Loop(); n++ {
		if len(buf) > 700<<10 { // as much as a unit's events
			buf = buf[:0]
		}
		change.Ver = event.Ver{Commit: txn.Commit, Event: 1542, Row: n}
		if buf, err = enc.AppendKey(buf, &change); err != nil {
			b.Fatal(err)
		}
		if buf, err = enc.AppendValue(buf, &change); err != nil {
			b.Fatal(err)
		}
	}
}
