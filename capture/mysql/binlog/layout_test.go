package binlog_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
)

// shop is a table of 12 columns, four of them of variable length.
var shop = []binlog.Column{
	{Type: binlog.TypeLonglong},
	{Type: binlog.TypeLong},
	{Type: binlog.TypeLong, Nullable: true},
	{Type: binlog.TypeTiny},
	{Type: binlog.TypeVarchar, Meta: 400, Nullable: true},
	{Type: binlog.TypeVarchar, Meta: 200, Nullable: true},
	{Type: binlog.TypeNewDecimal, Meta: 12<<8 | 2},
	{Type: binlog.TypeDatetime2, Meta: 6, Nullable: true},
	{Type: binlog.TypeTimestamp2},
	{Type: binlog.TypeJSON, Meta: 4, Nullable: true},
	{Type: binlog.TypeBlob, Meta: 2, Nullable: true},
	{Type: binlog.TypeEnum, Meta: 1},
}

// image is an image of shop's table: of all columns without NULL, or with some
// NULL. As servers do, it sets the bits behind the last column.
func image(nulls uint16) []byte {
	values := []string{
		"12345678", "abcd", "efgh", "i", "\x20\x00" + strings.Repeat("v", 32), "\x05short", "decima", "datetime", "time",
		"\x10\x00\x00\x00" + strings.Repeat("j", 16), "\x28\x00" + strings.Repeat("b", 40), "e",
	}
	b := []byte{byte(nulls), byte(nulls>>8) | 0xf0}
	for i, v := range values {
		if nulls>>i&1 == 0 {
			b = append(b, v...)
		}
	}
	return b
}

func layout(t testing.TB, columns []binlog.Column) *binlog.Layout {
	t.Helper()
	l, err := binlog.NewLayout(columns)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestImagesAreCut(t *testing.T) {
	l := layout(t, shop)
	row := make(event.Row, len(shop))
	for _, c := range []struct {
		name    string
		present []byte
		data    []byte
		want    string
	}{
		{
			"all columns", nil, image(0),
			"12345678 abcd efgh i " + strings.Repeat("v", 32) + " short decima datetime time " + strings.Repeat("j", 16) + " " + strings.Repeat("b", 40) + " e",
		},
		{
			"some NULL", nil, image(0b0110_0001_0100),
			"12345678 abcd null i null short decima datetime time null null e",
		},
		{"all NULL", nil, image(0xfff), "null null null null null null null null null null null null"},
		{"the first and last column alone", []byte{0x01, 0x08}, []byte("\xfc12345678e"), "12345678 absent absent absent absent absent absent absent absent absent absent e"},
		{"a NULL among a few", []byte{0x30, 0xf0}, []byte("\xfd\x02ab"), "absent absent absent absent null ab absent absent absent absent absent absent"},
		{"no column", []byte{0, 0}, nil, "absent absent absent absent absent absent absent absent absent absent absent absent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := append(bytes.Clone(c.data), "behind it"...)
			n, err := l.Cut(c.present, data, row)
			if err != nil || n != len(c.data) {
				t.Fatalf("got %d, %v, want %d", n, err, len(c.data))
			}
			var got []string
			for _, v := range row {
				got = append(got, []string{"absent", "null", string(v.Raw)}[v.State])
			}
			if joined := strings.Join(got, " "); joined != c.want {
				t.Errorf("got %s, want %s", joined, c.want)
			}
			if n, err := l.Skip(c.present, data); err != nil || n != len(c.data) {
				t.Errorf("skipped %d, %v, want %d", n, err, len(c.data))
			}
			for n := range c.data {
				if short, err := l.Cut(c.present, c.data[:n], row); err == nil {
					t.Errorf("%d bytes are cut to %d", n, short)
				}
				if short, err := l.Skip(c.present, c.data[:n]); err == nil {
					t.Errorf("%d bytes are skipped to %d", n, short)
				}
			}
		})
	}
}

func TestLengthsOfTypes(t *testing.T) {
	for _, c := range []struct {
		name   string
		column binlog.Column
		image  string
	}{
		{"TINYINT", binlog.Column{Type: binlog.TypeTiny}, "1"},
		{"YEAR", binlog.Column{Type: binlog.TypeYear}, "1"},
		{"SMALLINT", binlog.Column{Type: binlog.TypeShort}, "12"},
		{"MEDIUMINT", binlog.Column{Type: binlog.TypeInt24}, "123"},
		{"INT", binlog.Column{Type: binlog.TypeLong}, "1234"},
		{"BIGINT", binlog.Column{Type: binlog.TypeLonglong}, "12345678"},
		{"FLOAT", binlog.Column{Type: binlog.TypeFloat, Meta: 4}, "1234"},
		{"DOUBLE", binlog.Column{Type: binlog.TypeDouble, Meta: 8}, "12345678"},
		{"DATE", binlog.Column{Type: binlog.TypeDate}, "123"},
		{"old TIME", binlog.Column{Type: binlog.TypeTime}, "123"},
		{"old TIMESTAMP", binlog.Column{Type: binlog.TypeTimestamp}, "1234"},
		{"old DATETIME", binlog.Column{Type: binlog.TypeDatetime}, "12345678"},
		{"TIMESTAMP", binlog.Column{Type: binlog.TypeTimestamp2}, "1234"},
		{"TIMESTAMP(1)", binlog.Column{Type: binlog.TypeTimestamp2, Meta: 1}, "12345"},
		{"DATETIME(4)", binlog.Column{Type: binlog.TypeDatetime2, Meta: 4}, "1234567"},
		{"TIME(6)", binlog.Column{Type: binlog.TypeTime2, Meta: 6}, "123456"},
		{"DECIMAL(1,0)", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 1 << 8}, "1"},
		{"DECIMAL(10,4)", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 10<<8 | 4}, "12345"},
		{"DECIMAL(65,30)", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 65<<8 | 30}, strings.Repeat("1", 30)},
		{"BIT(1)", binlog.Column{Type: binlog.TypeBit, Meta: 1}, "1"},
		{"BIT(64)", binlog.Column{Type: binlog.TypeBit, Meta: 64}, "12345678"},
		{"ENUM of many", binlog.Column{Type: binlog.TypeEnum, Meta: 2}, "12"},
		{"SET of many", binlog.Column{Type: binlog.TypeSet, Meta: 8}, "12345678"},
		{"short VARCHAR", binlog.Column{Type: binlog.TypeVarchar, Meta: 255}, "\x02ab"},
		{"long VARCHAR", binlog.Column{Type: binlog.TypeVarchar, Meta: 256}, "\x02\x00ab"},
		{"long CHAR", binlog.Column{Type: binlog.TypeString, Meta: 1020}, "\x02\x00ab"},
		{"MEDIUMTEXT", binlog.Column{Type: binlog.TypeBlob, Meta: 3}, "\x02\x00\x00ab"},
		{"JSON", binlog.Column{Type: binlog.TypeJSON, Meta: 4}, "\x02\x00\x00\x00ab"},
		{"VECTOR", binlog.Column{Type: binlog.TypeVector, Meta: 4}, "\x04\x00\x00\x001234"},
		{"compressed VARCHAR", binlog.Column{Type: binlog.TypeVarcharCompressed, Meta: 301}, "\x02\x00ab"},
		{"compressed BLOB", binlog.Column{Type: binlog.TypeBlobCompressed, Meta: 2}, "\x02\x00ab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := layout(t, []binlog.Column{c.column})
			for _, behind := range []string{"", "a long piece behind it"} {
				if n, err := l.Skip(nil, []byte("\xfe"+c.image+behind)); err != nil || n != 1+len(c.image) {
					t.Errorf("got %d, %v, want %d", n, err, 1+len(c.image))
				}
			}
		})
	}
	for _, c := range []struct {
		name   string
		column binlog.Column
		want   string
	}{
		{"a DECIMAL of before MySQL 5.0", binlog.Column{Type: binlog.TypeDecimal}, "type 0"},
		{"a NULL", binlog.Column{Type: binlog.TypeNull}, "type 6"},
		{"an unknown type", binlog.Column{Type: 200}, "type 200"},
		{"a BLOB without a length", binlog.Column{Type: binlog.TypeBlob}, "type 252"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := binlog.NewLayout(append(shop[:3:3], c.column))
			if err == nil || !strings.Contains(err.Error(), "column 3") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want column 3 of %s", err, c.want)
			}
		})
	}
}

func TestTablesOfAnyWidthAreCut(t *testing.T) {
	for _, columns := range []int{1, 7, 8, 9, 55, 56, 57, 63, 64, 65, 130} {
		for _, null := range []int{-1, 0, columns / 2, columns - 1} {
			t.Run(fmt.Sprintf("%d columns, of which %d is NULL", columns, null), func(t *testing.T) {
				table := make([]binlog.Column, columns)
				data := bytes.Repeat([]byte{0}, (columns+7)/8)
				if columns%8 != 0 {
					data[len(data)-1] = 0xff << (columns % 8)
				}
				for i := range table {
					table[i] = binlog.Column{Type: binlog.TypeVarchar, Meta: 20}
					if i == null {
						data[i/8] |= 1 << (i % 8)
					} else {
						data = append(data, 1, byte(i))
					}
				}
				l, row := layout(t, table), make(event.Row, columns)
				cut, err := l.Cut(nil, data, row)
				skipped, skipErr := l.Skip(nil, data)
				if cut != len(data) || skipped != len(data) || err != nil || skipErr != nil {
					t.Fatalf("cut %d, %v, skipped %d, %v, want %d", cut, err, skipped, skipErr, len(data))
				}
				for i, v := range row {
					if (v.State == event.Null) != (i == null) || i != null && v.Raw[0] != byte(i) {
						t.Errorf("column %d is %+v", i, v)
					}
				}
			})
		}
	}
}

func TestRowsThatNobodyCouldCountAreRefused(t *testing.T) {
	f := parseFormat(t, formatBody("8.0.43", 8, 1))
	const head = "\x07\x00\x00\x00\x00\x00\x01\x00"
	for _, c := range []struct {
		name string
		kind binlog.EventType
		body string
		ok   bool
	}{
		{"rows", binlog.WriteRows, head + "\x02\x00\x01\xffx", true},
		{"rows of the first version", binlog.WriteRowsV1, head + "\x01\xffx", true},
		{"numbers of partitions before them", binlog.WriteRows, head + "\x05\x00\x01\x02\x03\x01\xffx", true},
		{"an update from nothing to something", binlog.UpdateRows, head + "\x02\x00\x01\x00\x01x", true},
		{"no columns", binlog.WriteRows, head + "\x02\x00\x00x", false},
		{"images of no columns", binlog.WriteRows, head + "\x02\x00\x01\xfex", false},
		{"an update of no columns", binlog.UpdateRows, head + "\x02\x00\x01\x00\x00", false},
		{"more columns than any table", binlog.WriteRows, head + "\x02\x00\xfc\x01\x10" + strings.Repeat("\xff", 513), false},
		{"a bitmap that is cut", binlog.UpdateRows, head + "\x02\x00\x01\x01", false},
		{"extra data shorter than its length", binlog.WriteRows, head + "\x01\x00\x01\xffx", false},
		{"extra data longer than the event", binlog.WriteRows, head + "\x09\x00\x01\xffx", false},
		{"partial JSON", binlog.PartialUpdateRows, head + "\x02\x00\x01\x01\x01x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := binlog.ParseRows(f, binlog.Header{Type: c.kind}, []byte(c.body))
			if (err == nil) != c.ok {
				t.Errorf("got %+v, %v", r, err)
			}
			if c.ok && (r.TableID != 7 || !r.StatementEnd || r.Columns != 1 || string(r.Data) != "x") {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// allocated returns the bytes that a call takes.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	f() // what is kept for later calls
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestNothingIsAllocatedByADeclaredSize(t *testing.T) {
	f := parseFormat(t, formatBody("8.0.43", 8, 1))
	const table = "\x07\x00\x00\x00\x00\x00\x01\x00\x01d\x00\x01t\x00"
	const huge = "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"
	big := layout(t, []binlog.Column{{Type: binlog.TypeBlob, Meta: 4}})
	packed := append([]byte{0x84, 0x3f, 0xff, 0xff, 0xff}, "\x78\x9c\x03\x00\x00\x00\x00\x01"...)
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"columns of a table", func() error { _, err := binlog.ParseTableMap(f, []byte(table+huge)); return err }},
		{"metadata of columns", func() error { _, err := binlog.ParseTableMap(f, []byte(table+"\x01\x03"+huge)); return err }},
		{"optional metadata", func() error {
			_, err := binlog.ParseTableMap(f, []byte(table+"\x01\x03\x00\x00\x01"+huge))
			return err
		}},
		{"labels", func() error {
			_, err := binlog.ParseTableMap(f, []byte(table+"\x01\xfe\x02\xf7\x01\x00\x06\x09"+huge))
			return err
		}},
		{"columns of rows", func() error {
			_, err := binlog.ParseRows(f, binlog.Header{Type: binlog.WriteRowsV1}, []byte(table[:8]+huge))
			return err
		}},
		{"a value", func() error { _, err := big.Skip(nil, []byte("\xfe\xff\xff\xff\xffabcdefgh")); return err }},
		{"compressed data", func() error { _, err := binlog.Inflate(nil, packed, 1<<30); return err }},
		{"a payload's field", func() error { _, err := binlog.ParsePayload([]byte("\x01" + huge)); return err }},
		{"an XID", func() error {
			_, _, err := binlog.ParseXAPrepare([]byte("\x00\x01\x00\x00\x00\xff\xff\xff\x7f\xff\xff\xff\x7f"))
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.call(); err == nil {
				t.Error("it is read")
			}
			const most = 64 << 10 // an inflater, if the collector took the kept one
			if got := allocated(func() { _ = c.call() }); got > most {
				t.Errorf("it takes %d bytes, want at most %d", got, most)
			}
		})
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	l, row := layout(t, shop), make(event.Row, len(shop))
	whole, holes := image(0), image(0b100)
	f := parseFormat(t, formatBody("8.0.43", 8, 1))
	body := append([]byte("\x07\x00\x00\x00\x00\x00\x01\x00\x02\x00\x0c\xff\xff"), whole...)
	tagged := taggedGTID([16]byte{1}, "t", 77, 3, 2, 90700)
	query := queryBody("\x0c\x01shop\x00", "shop", "BEGIN")
	for _, c := range []struct {
		name string
		call func()
	}{
		{"Cut", func() { _, _ = l.Cut(nil, whole, row); _, _ = l.Cut(nil, holes, row) }},
		{"Skip", func() { _, _ = l.Skip(nil, whole); _, _ = l.Skip(nil, holes) }},
		{"ParseRows", func() { _, _ = binlog.ParseRows(f, binlog.Header{Type: binlog.WriteRows}, body) }},
		{"TableID", func() { _, _ = binlog.TableID(f, body) }},
		{"ParseGTID", func() { _, _ = binlog.ParseGTID(binlog.Header{Type: binlog.GTIDTagged}, tagged) }},
		{"ParseQuery", func() { q, _ := binlog.ParseQuery(query); _, _, _, _ = binlog.XIDOfQuery(q.Text) }},
	} {
		if got := testing.AllocsPerRun(100, c.call); got != 0 {
			t.Errorf("%s: got %v allocations, want none", c.name, got)
		}
	}
}

func BenchmarkSkip(b *testing.B) {
	benchmark(b, func(l *binlog.Layout, data []byte, _ event.Row) (int, error) { return l.Skip(nil, data) })
}

func BenchmarkCut(b *testing.B) {
	benchmark(b, func(l *binlog.Layout, data []byte, row event.Row) (int, error) { return l.Cut(nil, data, row) })
}

func benchmark(b *testing.B, f func(l *binlog.Layout, data []byte, row event.Row) (int, error)) {
	l, row := layout(b, shop), make(event.Row, len(shop))
	for _, c := range []struct {
		name  string
		nulls uint16
	}{{"whole", 0}, {"two NULL", 0b0010_0000_0100}} {
		b.Run(c.name, func(b *testing.B) {
			data := image(c.nulls)
			for b.Loop() {
				if n, err := f(l, data, row); err != nil || n != len(data) {
					b.Fatal(n, err)
				}
			}
		})
	}
}
