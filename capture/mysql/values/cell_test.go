package values_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/internal/failure"
)

// point is what a server answers to SELECT POINT(f, 0e0).
func point(f float64) string {
	b := []byte{0, 0, 0, 0, 1, 1, 0, 0, 0}
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	return string(append(b, make([]byte, 8)...))
}

// cells are values as a SELECT shows them, with those of the log where they were
// written there. Servers are asked in TestARowThatIsReadIsTheRowOfItsEvents.
var cells = []struct {
	name   string
	column binlog.Column
	shown  string
	logged string // hex; "" if it is not compared
	want   string
}{
	{"an integer", binlog.Column{Type: binlog.TypeLong, SignKnown: true}, "-2147483648", "00000080", "-2147483648"},
	{"an integer with zeros", binlog.Column{Type: binlog.TypeLong, SignKnown: true, Unsigned: true}, "000042", "2a000000", "42"},
	{"nothing but zeros", binlog.Column{Type: binlog.TypeLong, SignKnown: true, Unsigned: true}, "0000", "00000000", "0"},
	{"a year", binlog.Column{Type: binlog.TypeYear}, "0000", "00", "0"},
	{"a decimal", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 12<<8 | 2}, "12345.45", "80000030392d", `"12345.45"`},
	{"a decimal with zeros", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 12<<8 | 2}, "0000000000.05", "", `"0.05"`},
	{"a decimal below zero", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 5 << 8}, "-12345", "", `"-12345"`},
	{"a decimal right below zero", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 4<<8 | 2}, "-0.05", "", `"-0.05"`},
	{"a float", binlog.Column{Type: binlog.TypeFloat, Meta: 4}, point(float64(float32(0.1))), "cdcccc3d", "0.1"},
	{"a double", binlog.Column{Type: binlog.TypeDouble, Meta: 8}, point(99999.87), "b81e85ebfd69f840", "99999.87"},
	{"a double without a point", binlog.Column{Type: binlog.TypeDouble, Meta: 8}, point(1e21), "", "1e+21"},
	{"a zero below zero", binlog.Column{Type: binlog.TypeDouble, Meta: 8}, point(math.Copysign(0, -1)), "0000000000000080", "-0"},
	{"a date", binlog.Column{Type: binlog.TypeDate}, "2026-11-21", "75d50f", `"2026-11-21"`},
	{"a datetime", binlog.Column{Type: binlog.TypeDatetime2, Meta: 6}, "2026-11-21 10:00:00.123456", "99bb6aa00001e240", `"2026-11-21T10:00:00.123456"`},
	{"a timestamp", binlog.Column{Type: binlog.TypeTimestamp2, Meta: 3}, "2026-11-21 10:00:00.120", "", `"2026-11-21T10:00:00.120Z"`},
	{"a timestamp that is none", binlog.Column{Type: binlog.TypeTimestamp2, Meta: 1}, "0000-00-00 00:00:00.0", "", `"0000-00-00T00:00:00.0"`},
	{"a time", binlog.Column{Type: binlog.TypeTime2, Meta: 2}, "-838:59:59.01", "", `"-838:59:59.01"`},
	{"a short time", binlog.Column{Type: binlog.TypeTime2}, "-00:00:01", "", `"-00:00:01"`},
	{"a label", binlog.Column{Type: binlog.TypeEnum, Meta: 1, Charset: 8, Labels: [][]byte{[]byte("gr\xf6\xdfer")}}, "gr\xf6\xdfer", "01", `"größer"`},
	{"a document", binlog.Column{Type: binlog.TypeJSON, Meta: 4}, `{"a": [1.0, "ä"]}`, "", `{"a": [1.0, "ä"]}`},
	{"what is compressed in the log", binlog.Column{Type: binlog.TypeBlobCompressed, Meta: 2, Charset: 255}, "short", "0073686f7274", `"short"`},
}

func TestWhatASelectShowsIsWrittenAsWhatTheLogHas(t *testing.T) {
	for _, c := range cells {
		t.Run(c.name, func(t *testing.T) {
			codec, err := values.CellFor(c.column, values.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := codec.AppendJSON(nil, []byte(c.shown))
			if err != nil || c.want != "" && string(got) != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
			if c.logged == "" || c.want == "" {
				return
			}
			theirs, _, _, err := values.For(c.column, values.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want, err := theirs.AppendJSON(nil, unhex(t, c.logged))
			if err != nil || string(got) != string(want) {
				t.Errorf("got %s, and the log's codec writes %s, %v", got, want, err)
			}
		})
	}
}

func TestTheSettingsOfValuesHoldForCells(t *testing.T) {
	for _, c := range []struct {
		name   string
		column binlog.Column
		o      values.Options
		shown  string
		want   string
	}{
		{"a partial date as null", binlog.Column{Type: binlog.TypeDate}, values.Options{ZeroDatesNull: true}, "2026-11-00", "null"},
		{"a whole date as it is", binlog.Column{Type: binlog.TypeDate}, values.Options{ZeroDatesNull: true}, "2026-11-01", `"2026-11-01"`},
		{"a zero datetime as null", binlog.Column{Type: binlog.TypeDatetime2}, values.Options{ZeroDatesNull: true}, "0000-00-00 00:00:00", "null"},
		{"a zero timestamp as null", binlog.Column{Type: binlog.TypeTimestamp2, Meta: 2}, values.Options{ZeroDatesNull: true}, "0000-00-00 00:00:00.00", "null"},
		{"a document as text", binlog.Column{Type: binlog.TypeJSON, Meta: 4}, values.Options{JSONText: true}, `{"a": 1}`, `"{\"a\": 1}"`},
		{"text that is none replaced", binlog.Column{Type: binlog.TypeVarchar, Meta: 40, Charset: 255}, values.Options{ReplaceInvalid: true}, "a\xff\xfeb", "\"a\uFFFDb\""},
		{"a label that is none replaced", binlog.Column{Type: binlog.TypeSet, Meta: 1, Charset: 255}, values.Options{ReplaceInvalid: true}, "a\xff", "\"a\uFFFD\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			codec, err := values.CellFor(c.column, c.o)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := codec.AppendJSON(nil, []byte(c.shown)); err != nil || string(got) != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestStrangeCellsAreRefused(t *testing.T) {
	for _, c := range []struct {
		column binlog.Column
		shown  []string
	}{
		{binlog.Column{Type: binlog.TypeLong, SignKnown: true}, []string{"", "-", "1.5", "x", "--1", "1 "}},
		{binlog.Column{Type: binlog.TypeNewDecimal, Meta: 12<<8 | 2}, []string{"", ".5", "1.", "1.2.3", "-", "1e5"}},
		{binlog.Column{Type: binlog.TypeDouble, Meta: 8}, []string{"", "1.5", point(1)[:24], point(1) + "\x00", point(1)[:24] + "\x01", "\x01" + point(1)[1:], point(1)[:5] + "\x02" + point(1)[6:]}},
		{binlog.Column{Type: binlog.TypeFloat, Meta: 4}, []string{"", point(0.1), point(1e300)}},
		{binlog.Column{Type: binlog.TypeDate}, []string{"", "2026-11-2", "2026-13-21", "2026/11/21", "2026-11-32", "20261-1-21"}},
		{binlog.Column{Type: binlog.TypeDatetime2, Meta: 2}, []string{"", "2026-11-21", "2026-11-21 10:00:00", "2026-11-21T10:00:00.00", "2026-11-21 24:00:00.00", "2026-11-21 10:60:00.00", "2026-11-21 10:00:00.0x"}},
		{binlog.Column{Type: binlog.TypeTime2}, []string{"", "1:00:00", "839:00:00", "10:00", "10:61:00", "10:00:00.0", "x0:00:00"}},
		{binlog.Column{Type: binlog.TypeJSON, Meta: 4}, []string{""}},
		{binlog.Column{Type: binlog.TypeBit, Meta: 12}, []string{"", "a", "abc"}},
		{binlog.Column{Type: binlog.TypeVarchar, Meta: 40, Charset: 255}, []string{"\xff"}},
	} {
		codec, err := values.CellFor(c.column, values.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, shown := range c.shown {
			got, err := codec.AppendJSON(nil, []byte(shown))
			var stop *failure.StopError
			if !errors.As(err, &stop) || len(got) > 0 {
				t.Errorf("type %d, %q: got %q, %v, want a Stop", c.column.Type, shown, got, err)
			}
		}
	}
}

// TestEveryByteOfADateOrAClockIsLookedAt puts each byte at each place of a date, a
// clock and both, and holds what is refused against a plain reading of the text.
func TestEveryByteOfADateOrAClockIsLookedAt(t *testing.T) {
	const year, clock = `(\d\d)\d\d-(\d\d)-(\d\d)`, `(\d\d):(\d\d):(\d\d)`
	for _, c := range []struct {
		kind    binlog.ColumnType
		shown   []string
		pattern string
		largest []int // of the numbers in the pattern
	}{
		{binlog.TypeDate, []string{"2026-11-21", "0000-00-00", "9999-12-31"}, year, []int{99, 12, 31}},
		{binlog.TypeDatetime2, []string{"2026-11-21 10:00:00", "9999-12-31 23:59:59"}, year + " " + clock, []int{99, 12, 31, 23, 59, 59}},
		{binlog.TypeTime2, []string{"10:00:00", "-23:59:59", "838:59:59", "-800:00:00"}, `-?([1-9]?\d\d):(\d\d):(\d\d)`, []int{838, 59, 59}},
	} {
		whole := regexp.MustCompile("^" + c.pattern + "$")
		codec, err := values.CellFor(binlog.Column{Type: c.kind}, values.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, shown := range c.shown {
			for at := range len(shown) {
				for b := range 256 {
					raw := []byte(shown)
					raw[at] = byte(b)
					numbers := whole.FindSubmatch(raw)
					fits := numbers != nil
					for i := range numbers[min(1, len(numbers)):] {
						n, err := strconv.Atoi(string(numbers[i+1]))
						fits = fits && err == nil && n <= c.largest[i]
					}
					got, err := codec.AppendJSON(nil, raw)
					want := `"` + strings.Replace(string(raw), " ", "T", 1) + `"`
					if !fits {
						want = ""
					}
					if string(got) != want || (err == nil) != fits {
						t.Fatalf("type %d, %q: got %q, %v, want %q", c.kind, raw, got, err, want)
					}
				}
			}
		}
	}
}

// FuzzCells gives any bytes to the codec of any column, but to that of documents,
// which writes what the server says.
func FuzzCells(f *testing.F) {
	for _, c := range cells {
		f.Add(uint8(c.column.Type), c.column.Meta, c.column.Charset, uint8(0), []byte(c.shown))
	}
	f.Add(uint8(binlog.TypeTimestamp2), uint16(6), uint16(0), uint8(2), []byte("0000-00-00 00:00:00.000000"))
	f.Fuzz(func(t *testing.T, kind uint8, meta, charset uint16, flags uint8, raw []byte) {
		if binlog.ColumnType(kind) == binlog.TypeJSON {
			return
		}
		c := binlog.Column{
			Type: binlog.ColumnType(kind), Meta: min(meta, 6), Charset: charset, SignKnown: true, Unsigned: flags&8 != 0,
			Labels: [][]byte{[]byte("small"), []byte(`"large"`)},
		}
		o := values.Options{JSONText: flags&1 != 0, ZeroDatesNull: flags&2 != 0, ReplaceInvalid: flags&4 != 0, MariaDB: flags&16 != 0}
		codec, err := values.CellFor(c, o)
		if (codec == nil) != (err != nil) {
			t.Fatalf("CellFor(%+v): got %v, %v", c, codec, err)
		}
		if err == nil {
			checkCodec(t, codec, raw)
		}
	})
}

func BenchmarkCells(b *testing.B) {
	for _, c := range cells {
		codec, err := values.CellFor(c.column, values.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name+" "+hex.EncodeToString([]byte(c.shown))[:2], func(b *testing.B) {
			buf, raw := make([]byte, 0, 256), []byte(c.shown)
			b.ReportAllocs()
			for b.Loop() {
				if buf, err = codec.AppendJSON(buf[:0], raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
