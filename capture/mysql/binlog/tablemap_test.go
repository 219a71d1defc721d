package binlog_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// formatBody is the body of a FORMAT_DESCRIPTION_EVENT, with the length of the
// fixed part of a table map.
func formatBody(server string, tableMap, algorithm byte) []byte {
	b := make([]byte, 57)
	b[0] = 4
	copy(b[2:52], server)
	b[52], b[56] = 9, 19
	lengths := bytes.Repeat([]byte{8}, 42)
	lengths[18] = tableMap
	return append(append(append(b, lengths...), algorithm), 1, 2, 3, 4)
}

func parseFormat(t testing.TB, body []byte) *binlog.Format {
	t.Helper()
	f, err := binlog.ParseFormat(body)
	if err != nil {
		t.Fatal(err)
	}
	return &f
}

func TestFormatsAreRead(t *testing.T) {
	for _, c := range []struct {
		name            string
		body            []byte
		server          string
		checksum, maria bool
	}{
		{"a MySQL with checksums", formatBody("8.0.43", 8, 1), "8.0.43", true, false},
		{"a MySQL without", formatBody("9.7.0-debug", 8, 0), "9.7.0-debug", false, false},
		{"a MariaDB", formatBody("11.4.5-MariaDB-log", 8, 1), "11.4.5-MariaDB-log", true, true},
		{"a version that fills its field", formatBody(strings.Repeat("9", 50), 8, 255), strings.Repeat("9", 50), false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := binlog.ParseFormat(c.body)
			if err != nil || f.Server != c.server || f.Checksum != c.checksum || f.MariaDB != c.maria {
				t.Errorf("got %+v, %v", f, err)
			}
		})
	}
	good := formatBody("8.0.43", 8, 1)
	otherHeader, otherVersion := bytes.Clone(good), bytes.Clone(good)
	otherHeader[56], otherVersion[0] = 20, 3
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"nothing", nil},
		{"no lengths", good[:57]},
		{"an unknown checksum", formatBody("8.0.43", 8, 7)},
		{"another header", otherHeader},
		{"another version", otherVersion},
	} {
		t.Run(c.name, func(t *testing.T) {
			if f, err := binlog.ParseFormat(c.body); err == nil {
				t.Errorf("read as %+v", f)
			}
		})
	}
}

// tableBody is the body of a TABLE_MAP_EVENT of shop.t with columns of the given
// types, none of them nullable, and optional metadata.
func tableBody(types, meta string, fields ...string) []byte {
	b := append([]byte{7, 0, 0, 0, 0, 0, 1, 0, 4}, "shop\x00\x01t\x00"...)
	b = append(append(b, byte(len(types))), types...)
	b = append(append(b, byte(len(meta))), meta...)
	b = append(b, make([]byte, (len(types)+7)/8)...)
	for _, field := range fields {
		b = append(b, field[0], byte(len(field)-1))
		b = append(b, field[1:]...)
	}
	return b
}

func TestTypesOfColumnsAreUnpacked(t *testing.T) {
	f := parseFormat(t, formatBody("8.0.43", 8, 1))
	for _, c := range []struct {
		name, types, meta string
		want              string // types and metadata; "" if it is refused
	}{
		{"numbers without metadata", "\x01\x02\x03\x08\x09\x0a\x0d", "", "1(0) 2(0) 3(0) 8(0) 9(0) 10(0) 13(0)"},
		{"times", "\x11\x12\x13", "\x00\x06\x03", "17(0) 18(6) 19(3)"},
		{"a time with too many digits", "\x13", "\x07", ""},
		{"a DECIMAL", "\xf6", "\x41\x1e", "246(16670)"},
		{"a DECIMAL with more digits than any", "\xf6", "\x42\x00", ""},
		{"a DECIMAL with more digits behind the point than there are", "\xf6", "\x02\x03", ""},
		{"a BIT", "\x10", "\x05\x01", "16(13)"},
		{"a BIT of no bits", "\x10", "\x00\x00", ""},
		{"a BIT of more bits than any", "\x10", "\x01\x08", ""},
		{"a short CHAR", "\xfe", "\xfe\x0a", "254(10)"},
		{"a CHAR of 256 bytes", "\xfe", "\xee\x00", "254(256)"},
		{"a CHAR of 1020 bytes", "\xfe", "\xce\xfc", "254(1020)"},
		{"a CHAR of a very old server", "\xfe", "\x00\x0a", "254(10)"},
		{"an ENUM", "\xfe", "\xf7\x02", "247(2)"},
		{"an ENUM of three bytes", "\xfe", "\xf7\x03", ""},
		{"a SET", "\xfe", "\xf8\x08", "248(8)"},
		{"a SET of nine bytes", "\xfe", "\xf8\x09", ""},
		{"a STRING that is something else", "\xfe", "\xfc\x01", ""},
		{"texts", "\x0f\xfd\xfc\xf5\xff\xf2", "\x2c\x01\x14\x00\x02\x04\x04\x04", "15(300) 253(20) 252(2) 245(4) 255(4) 242(4)"},
		{"a BLOB with a length of five bytes", "\xfc", "\x05", ""},
		{"a FLOAT of eight bytes", "\x04", "\x08", ""},
		{"MariaDB's compressed columns", "\x8c\x8d", "\x03\x2d\x01", "140(3) 141(301)"},
		{"types of old servers", "\x07\x0b\x0c", "", "7(0) 11(0) 12(0)"},
		{"an unknown type", "\xc8", "", "200(0)"},
		{"too little metadata", "\x0f", "\x2c", ""},
		{"too much metadata", "\x0f", "\x2c\x01\x00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := binlog.ParseTableMap(f, tableBody(c.types, c.meta))
			var got []string
			if err == nil {
				for _, column := range m.Columns {
					got = append(got, fmt.Sprintf("%d(%d)", column.Type, column.Meta))
				}
			}
			if joined := strings.Join(got, " "); joined != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, %v, want %q", joined, err, c.want)
			}
		})
	}
}

func TestMetadataIsOfTheColumnsThatHaveIt(t *testing.T) {
	mysql := parseFormat(t, formatBody("8.0.43", 8, 1))
	maria := parseFormat(t, formatBody("11.4.5-MariaDB", 8, 1))
	// INT, VARCHAR, ENUM, GEOMETRY, BIGINT, SET, TEXT
	const types, meta = "\x03\x0f\xfe\xff\x08\xfe\xfc", "\x14\x00\xf7\x01\x04\xf8\x01\x02"
	charsets := func(m *binlog.TableMap) string {
		var got []string
		for _, c := range m.Columns {
			got = append(got, fmt.Sprint(c.Charset))
		}
		return strings.Join(got, " ")
	}
	for _, c := range []struct {
		name   string
		format *binlog.Format
		fields []string
		get    func(m *binlog.TableMap) string
		want   string
	}{
		{"signs", mysql, []string{"\x01\x40"}, func(m *binlog.TableMap) string {
			return fmt.Sprint(m.Columns[0].Unsigned, m.Columns[4].Unsigned, m.Columns[0].SignKnown, m.Columns[1].SignKnown)
		}, "false true true false"},
		{"no signs", mysql, nil, func(m *binlog.TableMap) string { return fmt.Sprint(m.Columns[0].SignKnown) }, "false"},
		{"a collation for all", mysql, []string{"\x02\x21"}, charsets, "0 33 0 0 0 0 33"},
		{"a collation for all but one", mysql, []string{"\x02\x21\x01\xfc\xff\x00"}, charsets, "0 33 0 0 0 0 255"},
		{"a collation for each", mysql, []string{"\x03\x21\x08"}, charsets, "0 33 0 0 0 0 8"},
		{"a geometry has a collation on MariaDB", maria, []string{"\x03\x21\x3f\x08"}, charsets, "0 33 0 63 0 0 8"},
		{"collations of labels", mysql, []string{"\x0b\x08\x09"}, charsets, "0 0 8 0 0 9 0"},
		{"a collation of all labels", mysql, []string{"\x0a\x08"}, charsets, "0 0 8 0 0 8 0"},
		{"labels", mysql, []string{"\x05\x02\x01x\x00", "\x06\x01\x03red"}, func(m *binlog.TableMap) string {
			return fmt.Sprintf("%q %q %v", m.Columns[2].Labels, m.Columns[5].Labels, m.Columns[1].Labels == nil)
		}, `["red"] ["x" ""] true`},
		{"the type of a geometry", mysql, []string{"\x07\x03"}, func(m *binlog.TableMap) string { return fmt.Sprint(m.Columns[3].Geometry) }, "3"},
		{"a key", mysql, []string{"\x08\x04\x00"}, func(m *binlog.TableMap) string { return fmt.Sprint(m.Key) }, "[4 0]"},
		{"a key of prefixes", mysql, []string{"\x09\x06\x0a\x00\x00"}, func(m *binlog.TableMap) string { return fmt.Sprint(m.Key) }, "[6 0]"},
		{"invisible columns", mysql, []string{"\x0c\xbe"}, func(m *binlog.TableMap) string {
			return fmt.Sprint(m.Columns[0].Invisible, m.Columns[1].Invisible, m.Columns[6].Invisible)
		}, "false true false"},
		{"names", mysql, []string{"\x04\x01a\x01b\x02cc\x01d\x01e\x01f\x01g"}, func(m *binlog.TableMap) string {
			return fmt.Sprintf("%v %s %s", m.Full, m.Columns[2].Name, m.Columns[6].Name)
		}, "true cc g"},
		{"a field of a newer server", mysql, []string{"\x55abc", "\x07\x03"}, func(m *binlog.TableMap) string {
			return fmt.Sprint(m.Full, m.Columns[3].Geometry)
		}, "false 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := binlog.ParseTableMap(c.format, tableBody(types, meta, c.fields...))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.get(m); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	for _, c := range []struct{ name, field string }{
		{"too few signs", "\x01"},
		{"too many signs", "\x01\x00\x00"},
		{"too few collations", "\x03\x21"},
		{"a collation of a column that has none", "\x02\x21\x02\x08"},
		{"a collation beyond all", "\x02\xfd\x00\x00\x01"},
		{"too few names", "\x04\x01a"},
		{"too many names", "\x04\x01a\x01b\x02cc\x01d\x01e\x01f\x01g\x01h"},
		{"fewer labels than said", "\x05\x02\x01x"},
		{"a key of a column that is not there", "\x08\x07"},
		{"a key without its prefix", "\x09\x06"},
		{"a key with more columns than the table", "\x08" + strings.Repeat("\x00", 8)},
		{"half an integer", "\x03\xfc\x21"},
		{"a NULL for an integer", "\x03\xfb\x21"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if m, err := binlog.ParseTableMap(mysql, tableBody(types, meta, c.field)); err == nil {
				t.Errorf("read as %s", describe(m))
			}
		})
	}
	for _, fields := range [][]string{{"\x01\x40", "\x01\x40"}, {"\x02\x21", "\x03\x21\x08"}, {"\x08\x00", "\x09\x00\x00"}} {
		if _, err := binlog.ParseTableMap(mysql, tableBody(types, meta, fields...)); err == nil {
			t.Errorf("two fields for the same are read: %q", fields)
		}
	}
}

func TestATableMapOutlivesItsEvent(t *testing.T) {
	f := parseFormat(t, formatBody("8.0.43", 8, 1))
	body := tableBody("\xfe", "\xf7\x01", "\x04\x01e", "\x06\x01\x03red")
	m, err := binlog.ParseTableMap(f, body)
	if err != nil {
		t.Fatal(err)
	}
	before := describe(m)
	for i := range body {
		body[i] = 'x'
	}
	if after := describe(m); after != before {
		t.Errorf("it was\n%s, and is\n%s", before, after)
	}
}

func TestTableIDsOfFourBytesAreRead(t *testing.T) {
	f := parseFormat(t, formatBody("5.1.3", 6, 0))
	body := slices.Delete(tableBody("\x03", ""), 4, 6)
	m, err := binlog.ParseTableMap(f, body)
	if err != nil || m.ID != 7 || m.Name != "t" {
		t.Errorf("got %+v, %v", m, err)
	}
	if id, err := binlog.TableID(f, body); err != nil || id != 7 {
		t.Errorf("got %d, %v", id, err)
	}
}

func TestATableMapThatIsCutIsRefused(t *testing.T) {
	f := parseFormat(t, formatBody("8.0.43", 8, 1))
	whole := tableBody("\x03\x0f", "\x14\x00", "\x01\x80")
	fixed := len(whole) - len("\x01\x01\x80")
	for n := range whole {
		if m, err := binlog.ParseTableMap(f, whole[:n]); err == nil && n != fixed {
			t.Errorf("%d of %d bytes are read as %s", n, len(whole), describe(m))
		}
	}
}
