package values_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/schema"
)

// refused are the character sets that no codec reads.
var refused = []string{"swe7"}

func TestCollationsAreThoseOfTheServers(t *testing.T) {
	eachProduct(t, func(t *testing.T, d *servers.MySQLDatabase) {
		for _, row := range collations(t, d) {
			id := uint16(parseInt(t, row[0]))
			if got, want := values.CharsetName(id), row[1]; got != want {
				t.Errorf("collation %d: got %q, want %q", id, got, want)
			}
			_, _, _, err := values.For(binlog.Column{Type: binlog.TypeBlob, Meta: 2, Charset: id}, values.Options{})
			if got, want := err != nil, slices.Contains(refused, row[1]); got != want {
				t.Errorf("collation %d of %s: For gives %v, want an error: %t", id, row[1], err, want)
			}
		}
	})
}

// collations returns the server's ids with their character sets. MariaDB's other
// list leaves out ids.
func collations(t *testing.T, d *servers.MySQLDatabase) [][]string {
	t.Helper()
	if d.Product.MariaDB() {
		return d.Rows(t, "SELECT id, character_set_name FROM information_schema.collation_character_set_applicability")
	}
	return d.Rows(t, "SELECT id, character_set_name FROM information_schema.collations")
}

// The codes that are compared, as SQL that yields a column b of bytes. 0x3F is
// left out: a question mark is what a server writes for what it can't convert.
const (
	oneByte    = "SELECT CHAR(i) b FROM n WHERE i <> 63"
	twoBytes   = "SELECT CHAR(256 * n.i + m.i) b FROM n, n m WHERE n.i >= 128 AND m.i <> 63"
	threeBytes = "SELECT CHAR(0x8F0000 + 256 * n.i + m.i) b FROM n, n m WHERE n.i >= 160 AND m.i >= 160"

	// All of the codes of four bytes up to U+FFFF, and some of the rest.
	fourBytes = `SELECT CHAR(a.i, b.i, c.i, d.i) b FROM n a, n b, n c, n d
		WHERE b.i BETWEEN 48 AND 57 AND c.i BETWEEN 129 AND 254 AND d.i BETWEEN 48 AND 57
		AND (a.i BETWEEN 129 AND 132 OR a.i IN (143, 144, 145, 227, 228, 254) AND b.i IN (48, 49, 50, 51, 57) AND c.i IN (129, 153, 154, 155, 254))`
)

func TestCharacterSetsAreConvertedAsServersDo(t *testing.T) {
	eachProduct(t, func(t *testing.T, d *servers.MySQLDatabase) {
		const single = `armscii8 ascii cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 dec8 geostd8 greek hebrew hp8
			keybcs2 koi8r koi8u latin1 latin2 latin5 latin7 macce macroman tis620`
		multi := "big5 cp932 eucjpms euckr gb2312 gbk sjis ujis"
		if !d.Product.MariaDB() {
			multi += " gb18030"
			compareCodes(t, d, fourBytes, []string{"gb18030"})
		}
		compareCodes(t, d, oneByte, strings.Fields(single+" "+multi))
		compareCodes(t, d, twoBytes, strings.Fields(multi))
		compareCodes(t, d, threeBytes, []string{"eucjpms", "ujis"})
	})
}

// compareCodes holds codes against what the server makes of them.
func compareCodes(t *testing.T, d *servers.MySQLDatabase, codes string, sets []string) {
	t.Helper()
	known := collations(t, d)
	query := "WITH RECURSIVE n AS (SELECT 0 i UNION ALL SELECT i + 1 FROM n WHERE i < 255), codes AS (" + codes + ") SELECT HEX(b)"
	var codecs []schema.Codec
	for _, set := range sets {
		query += fmt.Sprintf(", HEX(CONVERT(CONVERT(b USING %s) USING utf8mb4))", set)
		i := slices.IndexFunc(known, func(row []string) bool { return row[1] == set })
		if i < 0 {
			t.Fatalf("the server does not know %s", set)
		}
		c := binlog.Column{Type: binlog.TypeBlob, Meta: 2, Charset: uint16(parseInt(t, known[i][0]))}
		codec, _, _, err := values.For(c, values.Options{})
		if err != nil {
			t.Fatalf("For(%s): %v", set, err)
		}
		codecs = append(codecs, codec)
	}
	for _, row := range d.Rows(t, query+" FROM codes") {
		raw, err := hex.DecodeString(row[0])
		if err != nil {
			t.Fatal(err)
		}
		for i, set := range sets {
			want, converted := serverText(t, row[0], row[i+1])
			got, err := codecs[i].AppendText(nil, raw)
			if (err == nil) != converted || converted && string(got) != want {
				t.Errorf("%s %s: got %+q, %v; want %+q, %t", set, row[0], got, err, want, converted)
			}
		}
	}
}

// serverText returns the text that the server converted a code to, if it did.
func serverText(t *testing.T, code, answer string) (text string, ok bool) {
	t.Helper()
	const replacement = "8431A437" // is U+FFFD itself in gb18030
	b, err := hex.DecodeString(strings.TrimSuffix(answer, "NULL"))
	if err != nil {
		t.Fatalf("the answer to %s: %v", code, err)
	}
	text = string(b)
	return text, text != "" && !strings.Contains(text, "?") && (code == replacement || !strings.ContainsRune(text, utf8.RuneError))
}
