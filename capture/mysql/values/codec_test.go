package values_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/internal/failure"
)

// Columns that several tests use.
var (
	utf8mb4Column = binlog.Column{Type: binlog.TypeVarchar, Meta: 160, Charset: 255}
	utf16Column   = binlog.Column{Type: binlog.TypeBlob, Meta: 2, Charset: 54}
	jsonColumn    = binlog.Column{Type: binlog.TypeJSON, Meta: 4}
	enumColumn    = binlog.Column{Type: binlog.TypeEnum, Meta: 2, Charset: 8, Labels: [][]byte{[]byte(`so "so"`), []byte("gr\xf6\xdfer")}}
	setColumn     = binlog.Column{Type: binlog.TypeSet, Meta: 1, Charset: 8, Labels: [][]byte{[]byte("a"), []byte(`"b"`), []byte("c")}}
)

func collated(collation uint16) binlog.Column {
	return binlog.Column{Type: binlog.TypeBlob, Meta: 2, Charset: collation}
}

func timed(kind binlog.ColumnType, digits uint16) binlog.Column {
	return binlog.Column{Type: kind, Meta: digits}
}

func TestCodecsWriteTheEventForm(t *testing.T) {
	zeroNull := values.Options{ZeroDatesNull: true}
	replace := values.Options{ReplaceInvalid: true}
	signed := func(kind binlog.ColumnType) binlog.Column { return binlog.Column{Type: kind, SignKnown: true} }
	unsigned := func(kind binlog.ColumnType) binlog.Column {
		return binlog.Column{Type: kind, SignKnown: true, Unsigned: true}
	}
	decimal := func(precision, scale uint16) binlog.Column {
		return binlog.Column{Type: binlog.TypeNewDecimal, Meta: precision<<8 | scale}
	}
	tests := []struct {
		name       string
		column     binlog.Column
		o          values.Options
		raw        string // hex
		json, text string
	}{
		{"a negative tinyint", signed(binlog.TypeTiny), values.Options{}, "80", "-128", "-128"},
		{"the same bits unsigned", unsigned(binlog.TypeTiny), values.Options{}, "80", "128", "128"},
		{"a negative mediumint", signed(binlog.TypeInt24), values.Options{}, "feffff", "-2", "-2"},
		{"an unsigned mediumint", unsigned(binlog.TypeInt24), values.Options{}, "feffff", "16777214", "16777214"},
		{"the largest unsigned bigint", unsigned(binlog.TypeLonglong), values.Options{}, "ffffffffffffffff", "18446744073709551615", "18446744073709551615"},
		{"bits", binlog.Column{Type: binlog.TypeBit, Meta: 9}, values.Options{}, "0102", "258", "258"},
		{"the year 0000", binlog.Column{Type: binlog.TypeYear}, values.Options{}, "00", "0", "0"},
		{"the year 2155", binlog.Column{Type: binlog.TypeYear}, values.Options{}, "ff", "2155", "2155"},

		{"a float with its own shortest digits", binlog.Column{Type: binlog.TypeFloat, Meta: 4}, values.Options{}, "cdcccc3d", "0.1", "0.1"},
		{"a negative zero", binlog.Column{Type: binlog.TypeDouble, Meta: 8}, values.Options{}, "0000000000000080", "-0", "-0"},
		{"a float that no server stores", binlog.Column{Type: binlog.TypeFloat, Meta: 4}, values.Options{}, "0000807f", `"Infinity"`, "Infinity"},
		{"a double that no server stores", binlog.Column{Type: binlog.TypeDouble, Meta: 8}, values.Options{}, "000000000000f0ff", `"-Infinity"`, "-Infinity"},
		{"a double that is no number", binlog.Column{Type: binlog.TypeDouble, Meta: 8}, values.Options{}, "010000000000f87f", `"NaN"`, "NaN"},

		{"a decimal", decimal(12, 2), values.Options{}, "800000000c32", `"12.50"`, "12.50"},
		{"a negative decimal", decimal(12, 2), values.Options{}, "7ffffffff3cd", `"-12.50"`, "-12.50"},
		{"zeros between the digits of a decimal", decimal(14, 4), values.Options{}, "810df6696513ba", `"1234252645.5050"`, "1234252645.5050"},
		{"a decimal with nothing before the point", decimal(3, 3), values.Options{}, "807d", `"0.125"`, "0.125"},
		{"a decimal of one digit", decimal(1, 0), values.Options{}, "79", `"-6"`, "-6"},

		{"a date", binlog.Column{Type: binlog.TypeDate}, values.Options{}, "75d50f", `"2026-11-21"`, "2026-11-21"},
		{"the zero date", binlog.Column{Type: binlog.TypeDate}, values.Options{}, "000000", `"0000-00-00"`, "0000-00-00"},
		{"the zero date as null", binlog.Column{Type: binlog.TypeDate}, zeroNull, "000000", "null", "0000-00-00"},
		{"a partial date as null", binlog.Column{Type: binlog.TypeDate}, zeroNull, "60d50f", "null", "2026-11-00"},
		{"a date that is left alone", binlog.Column{Type: binlog.TypeDate}, zeroNull, "75d50f", `"2026-11-21"`, "2026-11-21"},
		{"a datetime", timed(binlog.TypeDatetime2, 0), values.Options{}, "99bb6aa000", `"2026-11-21T10:00:00"`, "2026-11-21T10:00:00"},
		{"one digit of a second", timed(binlog.TypeDatetime2, 1), values.Options{}, "99bb6aa0005a", `"2026-11-21T10:00:00.9"`, "2026-11-21T10:00:00.9"},
		{"three digits of a second", timed(binlog.TypeDatetime2, 3), values.Options{}, "99bb6aa00004ce", `"2026-11-21T10:00:00.123"`, "2026-11-21T10:00:00.123"},
		{"six digits of a second", timed(binlog.TypeDatetime2, 6), values.Options{}, "99bb6aa00001e240", `"2026-11-21T10:00:00.123456"`, "2026-11-21T10:00:00.123456"},
		{"the zero datetime as null", timed(binlog.TypeDatetime2, 0), zeroNull, "8000000000", "null", "0000-00-00T00:00:00"},
		{"a timestamp", timed(binlog.TypeTimestamp2, 0), values.Options{}, "6b016ba0", `"2026-11-21T10:00:00Z"`, "2026-11-21T10:00:00Z"},
		{"the last second of a timestamp", timed(binlog.TypeTimestamp2, 0), values.Options{}, "7fffffff", `"2038-01-19T03:14:07Z"`, "2038-01-19T03:14:07Z"},
		{"the last second of MariaDB's timestamp", timed(binlog.TypeTimestamp2, 0), values.Options{}, "ffffffff", `"2106-02-07T06:28:15Z"`, "2106-02-07T06:28:15Z"},
		{"a leap day", timed(binlog.TypeTimestamp2, 0), values.Options{}, "65e00b80", `"2024-02-29T04:43:44Z"`, "2024-02-29T04:43:44Z"},
		{"the zero timestamp", timed(binlog.TypeTimestamp2, 2), values.Options{}, "0000000000", `"0000-00-00T00:00:00.00"`, "0000-00-00T00:00:00.00"},
		{"the zero timestamp as null", timed(binlog.TypeTimestamp2, 2), zeroNull, "0000000000", "null", "0000-00-00T00:00:00.00"},
		{"a time", timed(binlog.TypeTime2, 0), values.Options{}, "80a000", `"10:00:00"`, "10:00:00"},
		{"the longest negative time", timed(binlog.TypeTime2, 0), values.Options{}, "4b9105", `"-838:59:59"`, "-838:59:59"},
		{"a negative fraction of one byte", timed(binlog.TypeTime2, 1), values.Options{}, "7fffffce", `"-00:00:00.5"`, "-00:00:00.5"},
		{"a negative fraction of two bytes", timed(binlog.TypeTime2, 3), values.Options{}, "7ffffefff6", `"-00:00:01.001"`, "-00:00:01.001"},
		{"a negative fraction of three bytes", timed(binlog.TypeTime2, 6), values.Options{}, "7ffffeffffff", `"-00:00:01.000001"`, "-00:00:01.000001"},
		{"an old time", timed(binlog.TypeTime, 0), values.Options{}, "590a80", `"-838:59:59"`, "-838:59:59"},
		{"an old datetime", timed(binlog.TypeDatetime, 0), values.Options{}, "e008ed686d120000", `"2026-11-21T10:00:00"`, "2026-11-21T10:00:00"},
		{"the old zero datetime as null", timed(binlog.TypeDatetime, 0), zeroNull, "0000000000000000", "null", "0000-00-00T00:00:00"},
		{"an old timestamp", timed(binlog.TypeTimestamp, 0), values.Options{}, "a06b016b", `"2026-11-21T10:00:00Z"`, "2026-11-21T10:00:00Z"},
		{"the old zero timestamp", timed(binlog.TypeTimestamp, 0), values.Options{}, "00000000", `"0000-00-00T00:00:00"`, "0000-00-00T00:00:00"},

		{"text", utf8mb4Column, values.Options{}, "22c3a40a", `"\"ä\n"`, "\"ä\n"},
		{"text that is not UTF-8, replaced once per run", utf8mb4Column, replace, "61fffe62ff", "\"a\uFFFDb\uFFFD\"", "a\uFFFDb\uFFFD"},
		{"latin1", collated(8), values.Options{}, "e4800a", `"ä€\n"`, "ä€\n"},
		{"what cp1252 leaves open in latin1", collated(8), values.Options{}, "818d", "\"\u0081\u008d\"", "\u0081\u008d"},
		{"a byte without a character, replaced once per run", collated(26), replace, "61818362", "\"a\uFFFDb\"", "a\uFFFDb"},
		{"a pair of UTF-16", utf16Column, values.Options{}, "0061d83dde00", `"a😀"`, "a😀"},
		{"half a pair of UTF-16, replaced", utf16Column, replace, "d83d0061", "\"\uFFFDa\"", "\uFFFDa"},
		{"half a unit of UTF-16, replaced", utf16Column, replace, "006100", "\"a\uFFFD\"", "a\uFFFD"},
		{"a control character of UTF-16", utf16Column, values.Options{}, "0000", `"\u0000"`, "\x00"},
		{"UTF-16, little endian", collated(56), values.Options{}, "3dd800de", `"😀"`, "😀"},
		{"UCS-2", collated(35), values.Options{}, "4e16", `"世"`, "世"},
		{"UTF-32", collated(60), values.Options{}, "0001f600", `"😀"`, "😀"},
		{"UTF-32 beyond the last character, replaced", collated(60), replace, "00110000ffffffff", "\"\uFFFD\"", "\uFFFD"},
		{"a lead byte at the end of GBK, replaced", collated(28), replace, "cac0ca", "\"世\uFFFD\"", "世\uFFFD"},
		{"a lead byte before ASCII in GBK, replaced", collated(28), replace, "8122", "\"\uFFFD\\\"\"", "\uFFFD\""},
		{"four bytes of GB 18030", collated(248), values.Options{}, "9439fc368431a437", "\"😀\uFFFD\"", "😀\uFFFD"},
		{"three bytes of EUC-JP", collated(12), values.Options{}, "8fb0a1", `"丂"`, "丂"},
		{"half-width katakana of Shift JIS", collated(13), values.Options{}, "b1", `"ｱ"`, "ｱ"},

		{"bytes", collated(63), values.Options{}, "00ff10", `"AP8Q"`, "AP8Q"},
		{"a binary without its zeros", binlog.Column{Type: binlog.TypeString, Meta: 4, Charset: 63}, values.Options{}, "00ff", `"AP8AAA=="`, "AP8AAA=="},
		{"a label", enumColumn, values.Options{}, "0100", `"so \"so\""`, `so "so"`},
		{"a transcoded label", enumColumn, values.Options{}, "0200", `"größer"`, "größer"},
		{"the error value of an enum", enumColumn, values.Options{}, "0000", `""`, ""},
		{"a set", setColumn, values.Options{}, "07", `"a,\"b\",c"`, `a,"b",c`},
		{"an empty set", setColumn, values.Options{}, "00", `""`, ""},
		{"a geometry", binlog.Column{Type: binlog.TypeGeometry, Meta: 4}, values.Options{}, "e610000001", `{"srid":4326,"wkb":"AQ=="}`, `{"srid":4326,"wkb":"AQ=="}`},
		{"a vector", binlog.Column{Type: binlog.TypeVector, Meta: 2}, values.Options{}, "cdccccbd0000803f0000c07f", `[-0.1,1,"NaN"]`, `[-0.1,1,"NaN"]`},
		{"a compressed text that is not compressed", binlog.Column{Type: binlog.TypeBlobCompressed, Meta: 2, Charset: 255}, values.Options{}, "0061", `"a"`, "a"},
		{"a compressed text", binlog.Column{Type: binlog.TypeBlobCompressed, Meta: 2, Charset: 255}, values.Options{}, "8101" + "789c4b040000620062", `"a"`, "a"},
		{"a compressed text without the header of zlib", binlog.Column{Type: binlog.TypeBlobCompressed, Meta: 2, Charset: 255}, values.Options{}, "8901" + "4b0400", `"a"`, "a"},

		{"a document", jsonColumn, values.Options{}, smallJSON, `{"id": 12, "name": "a \"name\"", "total": 1.25}`, `{"id": 12, "name": "a \"name\"", "total": 1.25}`},
		{"a document as text", jsonColumn, values.Options{JSONText: true}, smallJSON, `"{\"id\": 12, \"name\": \"a \\\"name\\\"\", \"total\": 1.25}"`, `{"id": 12, "name": "a \"name\"", "total": 1.25}`},
		{"a document of no bytes", jsonColumn, values.Options{}, "", "null", "null"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			codec := codecOf(t, test.column, test.o)
			raw := unhex(t, test.raw)
			got, err := codec.AppendJSON([]byte("head"), raw)
			if want := "head" + test.json; err != nil || string(got) != want {
				t.Errorf("AppendJSON(%s) = %q, %v; want %q", test.raw, got, err, want)
			}
			got, err = codec.AppendText([]byte("head"), raw)
			if want := "head" + test.text; err != nil || string(got) != want {
				t.Errorf("AppendText(%s) = %q, %v; want %q", test.raw, got, err, want)
			}
		})
	}
}

func TestBytesThatNoServerWritesStop(t *testing.T) {
	compressed := binlog.Column{Type: binlog.TypeBlobCompressed, Meta: 4, Charset: 63}
	tests := []struct {
		name   string
		column binlog.Column
		raw    string // hex
	}{
		{"an int of three bytes", binlog.Column{Type: binlog.TypeLong, SignKnown: true}, "000000"},
		{"a decimal with ten digits in a group", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 9 << 8}, "ffffffff"},
		{"a decimal with two digits for one", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 1 << 8}, "8a"},
		{"the month 13", binlog.Column{Type: binlog.TypeDate}, "b5d50f"},
		{"a datetime below zero", timed(binlog.TypeDatetime2, 0), "7fffffffff"},
		{"the minute 63 of a datetime", timed(binlog.TypeDatetime2, 0), "99bb6aafff"},
		{"a second of more than a million microseconds", timed(binlog.TypeTimestamp2, 6), "6b016ba00f4240"},
		{"a time of 839 hours", timed(binlog.TypeTime2, 0), "b47000"},
		{"an old datetime with the month 13", timed(binlog.TypeDatetime, 0), "e0cad8746d120000"},
		{"a label that there is not", enumColumn, "0300"},
		{"a label with a byte too few", enumColumn, "01"},
		{"a member of a set that there is not", setColumn, "08"},
		{"a binary that is too long", binlog.Column{Type: binlog.TypeString, Meta: 2, Charset: 63}, "000000"},
		{"a geometry without SRID", binlog.Column{Type: binlog.TypeGeometry, Meta: 4}, "e61000"},
		{"half an element of a vector", binlog.Column{Type: binlog.TypeVector, Meta: 2}, "cdcc"},
		{"another compression", compressed, "1101"},
		{"a compressed value without its length", compressed, "84000000"},
		{"a compressed value that is longer than it says", compressed, "8100" + "789c4b040000620062"},
		{"a compressed value that is shorter than it says", compressed, "8102" + "789c4b040000620062"},
		{"a compressed value with a wrong checksum", compressed, "8101" + "789c4b040000620063"},
		{"a compressed value of four gigabytes in nothing", compressed, "84ffffffff" + "789c4b040000620062"},
		{"text that is not UTF-8", utf8mb4Column, "ff"},
		{"a byte without a character", collated(26), "81"},
		{"half a pair of UTF-16", utf16Column, "d83d"},
		{"a document of an unknown type", jsonColumn, "0d00"},
		{"a document that ends early", jsonColumn, smallJSON[:len(smallJSON)-2]},
		{"a document with a number that is none", jsonColumn, "0b000000000000f07f"},
		{"a document with a string that is not UTF-8", jsonColumn, "0c01ff"},
		{"a document with a literal that there is not", jsonColumn, "0403"},
		{"an array that holds itself", jsonColumn, "02" + "0100" + "0700" + "020000"},
		{"an object that holds itself", jsonColumn, "00" + "0100" + "0c00" + "0b000100" + "000000" + "61"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			codec := codecOf(t, test.column, values.Options{})
			for name, appendTo := range map[string]func(dst, raw []byte) ([]byte, error){"AppendJSON": codec.AppendJSON, "AppendText": codec.AppendText} {
				got, err := appendTo([]byte("head"), unhex(t, test.raw))
				var stop *failure.StopError
				if !errors.As(err, &stop) || string(got) != "head" {
					t.Errorf("%s(%s) = %q, %v; want a Stop and nothing more", name, test.raw, got, err)
				}
			}
		})
	}
}

func TestADocumentThatLeadsToOnePlaceAgainAndAgainEndsSoon(t *testing.T) {
	// Each array holds the next one a thousand times: 10^30 elements in 30 kB.
	const elements, levels = 1000, 10
	size := 4 + 3*elements
	var doc strings.Builder
	for level := range levels {
		rest := (levels - level) * size
		doc.Write([]byte{byte(elements & 0xff), elements >> 8, byte(rest), byte(rest >> 8)})
		for range elements {
			doc.Write([]byte{2, byte(size & 0xff), byte(size >> 8)})
		}
	}
	got, err := codecOf(t, jsonColumn, values.Options{}).AppendJSON(nil, []byte("\x02"+doc.String()))
	if err == nil || len(got) > 0 {
		t.Errorf("AppendJSON = %d bytes, %v; want an error", len(got), err)
	}
}

func TestEqualComparesBytes(t *testing.T) {
	codec := codecOf(t, utf8mb4Column, values.Options{})
	if !codec.Equal([]byte("a"), []byte("a")) || codec.Equal([]byte("a"), []byte("A")) {
		t.Errorf("Equal: a and a %t, a and A %t; want true, false", codec.Equal([]byte("a"), []byte("a")), codec.Equal([]byte("a"), []byte("A")))
	}
}
