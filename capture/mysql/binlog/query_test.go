package binlog_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// queryBody is the body of a QUERY_EVENT.
func queryBody(status, database, text string) []byte {
	b := []byte{1, 0, 0, 0, 2, 0, 0, 0, byte(len(database)), 3, 0, byte(len(status)), byte(len(status) >> 8)}
	return append(append(append(append(b, status...), database...), 0), text...)
}

func TestQueriesSayWhatTheyChanged(t *testing.T) {
	const (
		flags   = "\x00\x00\x00\x00\x00"
		sqlMode = "\x01\x00\x00\x20\x54\x00\x00\x00\x00"
		catalog = "\x06\x03std"
		zone    = "\x05\x06SYSTEM"
		invoker = "\x0b\x04root\x09localhost"
		maria   = "\x80\x00\x00\x00\x81\x01\x00\x00\x00\x00\x00\x00\x00"
	)
	for _, c := range []struct {
		name, status string
		want         string // names joined by blanks
		said         bool
	}{
		{"nothing is said", flags + sqlMode + catalog, "", false},
		{"one database", flags + sqlMode + catalog + zone + invoker + "\x0c\x01shop\x00", "shop", true},
		{"two databases with something behind", flags + "\x0c\x02shop\x00a\x00" + "\x0d\x01\x02\x03", "shop a", true},
		{"none", flags + "\x0c\x00", "", true},
		{"more than are listed", flags + "\x0c\xfe", "", false},
		{"an old catalog", "\x02\x03std\x00" + "\x0c\x01s\x00", "s", true},
		{"MariaDB's own variables", flags + maria, "", false},
		{"a variable of a newer server before it", "\x7f\x01" + "\x0c\x01s\x00", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := binlog.ParseQuery(queryBody(c.status, "shop", "DROP TABLE t"))
			if err != nil || string(q.Database) != "shop" || string(q.Text) != "DROP TABLE t" {
				t.Fatalf("got %q %q, %v", q.Database, q.Text, err)
			}
			names, said, err := q.Updated()
			if got := string(bytes.Join(names, []byte(" "))); err != nil || got != c.want || said != c.said {
				t.Errorf("got %q, %v, %v, want %q, %v", got, said, err, c.want, c.said)
			}
		})
	}
	for _, c := range []struct{ name, status string }{
		{"a name without an end", "\x0c\x01shop"},
		{"fewer names than said", "\x0c\x02shop\x00"},
		{"half a variable", "\x01\x00"},
		{"a catalog longer than the event", "\x06\x09std"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := binlog.ParseQuery(queryBody(c.status, "", "x"))
			if err != nil {
				t.Fatal(err)
			}
			if names, said, err := q.Updated(); err == nil {
				t.Errorf("got %q, %v", names, said)
			}
		})
	}
}

func TestQueriesThatAreCutAreRefused(t *testing.T) {
	whole := queryBody("\x00\x00\x00\x00\x00", "shop", "")
	for n := range whole {
		if q, err := binlog.ParseQuery(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes are read as %+v", n, len(whole), q)
		}
	}
}

func TestXAStatementsNameTheXIDOfTheirEvents(t *testing.T) {
	onePhase, xid, err := binlog.ParseXAPrepare(unhex(t, "00", "01000000", "02000000", "01000000", "676f", "62"))
	if err != nil || onePhase || xid != "X'676f',X'62',1" {
		t.Fatalf("got %v %s, %v", onePhase, xid, err)
	}
	for _, c := range []struct {
		name, text, verb, xid string
		onePhase              bool
	}{
		{"a start", "XA START X'676f',X'62',1", "START", xid, false},
		{"an end", "XA END X'676f',X'62',1", "END", xid, false},
		{"a prepare", "XA PREPARE X'676f',X'62',1", "PREPARE", xid, false},
		{"a commit", "XA COMMIT X'676f',X'62',1", "COMMIT", xid, false},
		{"a commit of one phase", "XA COMMIT X'676f',X'62',1 ONE PHASE", "COMMIT", xid, true},
		{"a rollback in upper-case hex", "XA ROLLBACK X'676F',X'62',1", "ROLLBACK", xid, false},
		{"a format that the event has no room for", "XA COMMIT X'676f',X'62',4294967297", "COMMIT", xid, false},
		{"an empty branch", "XA COMMIT X'67',X'',7", "COMMIT", "X'67',X'',7", false},
		{"no XA statement", "BEGIN", "", "", false},
		{"another verb", "XA RECOVER X'67',X'',7", "", "", false},
		{"no XID", "XA COMMIT", "", "", false},
		{"a text as XID", "XA COMMIT 'go','b',1", "", "", false},
		{"half a hex digit", "XA COMMIT X'6',X'',1", "", "", false},
		{"no number", "XA COMMIT X'67',X'',", "", "", false},
		{"more behind it", "XA COMMIT X'67',X'',1 AND", "", "", false},
		{"a part longer than any", "XA COMMIT X'" + strings.Repeat("00", 65) + "',X'',1", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			verb, xid, onePhase, ok := binlog.XIDOfQuery([]byte(c.text))
			if verb != c.verb || xid != c.xid || onePhase != c.onePhase || ok != (c.verb != "") {
				t.Errorf("got %s %s %v %v, want %s %s %v", verb, xid, onePhase, ok, c.verb, c.xid, c.onePhase)
			}
		})
	}
	for _, body := range [][]byte{nil, unhex(t, "00", "01000000", "ffffffff", "ffffffff", "67"), unhex(t, "00", "01000000", "02000000", "00000000", "67")} {
		if _, xid, err := binlog.ParseXAPrepare(body); err == nil {
			t.Errorf("%x is read as %s", body, xid)
		}
	}
}

func TestPayloadsAreReadBeforeTheyAreWhole(t *testing.T) {
	header := unhex(t, "020100", "0303fce803", "010105", "00")
	whole := append(bytes.Clone(header), "12345checksum"...)
	for n := range whole {
		p, err := binlog.ParsePayload(whole[:n])
		if n < len(header) {
			if err == nil {
				t.Errorf("%d bytes of the header are read as %+v", n, p)
			}
			continue
		}
		want := whole[len(header):min(n, len(header)+5)]
		if err != nil || p.Compression != binlog.Zstd || p.Size != 5 || p.Uncompressed != 1000 || p.HeaderLen != len(header) || !bytes.Equal(p.Data, want) {
			t.Errorf("%d bytes are read as %+v, %v, want the data %q", n, p, err, want)
		}
	}
	for _, c := range []struct {
		name, fields string
		ok           bool
	}{
		{"events that are not compressed", "0203fcff00" + "010100" + "00", true},
		{"a field of a newer server", "020100" + "0702ffff" + "010100" + "00", true},
		{"no size", "020100" + "00", false},
		{"an unknown compression", "020103" + "010100" + "00", false},
		{"a field longer than its value", "020900" + "010100" + "00", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if p, err := binlog.ParsePayload(unhex(t, c.fields)); (err == nil) != c.ok {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
}

func TestOnlyWhatFitsIsInflated(t *testing.T) {
	for _, log := range recorded(t) {
		for _, e := range log.entries {
			if e.header.Type != binlog.QueryCompressed {
				continue
			}
			q, err := binlog.ParseQueryCompressed(e.body, roomy)
			if err != nil || !strings.HasPrefix(string(q.Text), "CREATE TABLE packed") {
				t.Fatalf("got %q, %v", q.Text, err)
			}
			if _, err := binlog.ParseQueryCompressed(e.body, len(q.Text)); err != nil {
				t.Errorf("at its own size: %v", err)
			}
			if _, err := binlog.ParseQueryCompressed(e.body, len(q.Text)-1); !errors.Is(err, binlog.ErrTooLarge) {
				t.Errorf("one byte over the limit: %v", err)
			}
			packed := e.body[bytes.Index(e.body, []byte{0x81, byte(len(q.Text)), 0x78}):]
			for _, c := range []struct {
				name string
				body []byte
			}{
				{"nothing", nil},
				{"no mark", append([]byte{0x01}, packed[1:]...)},
				{"another algorithm", append([]byte{0x91}, packed[1:]...)},
				{"a length of no bytes", append([]byte{0x80}, packed[1:]...)},
				{"a shorter length", append([]byte{0x81, packed[1] - 1}, packed[2:]...)},
				{"a longer length", append([]byte{0x81, packed[1] + 1}, packed[2:]...)},
				{"a huge length", append([]byte{0x84, 0, 0xff, 0xff, 0xff}, packed[2:]...)},
				{"a piece", packed[:len(packed)-1]},
				{"another checksum", append(bytes.Clone(packed[:len(packed)-1]), packed[len(packed)-1]^1)},
				{"no zlib", []byte{0x81, 1, 1, 2, 3}},
			} {
				dst := []byte("before")
				if out, err := binlog.Inflate(dst, c.body, 1<<30); err == nil || string(out) != "before" {
					t.Errorf("%s: got %q, %v", c.name, out, err)
				}
			}
			out, err := binlog.Inflate([]byte("before "), packed, roomy)
			if want := fmt.Sprintf("before %s", q.Text); err != nil || string(out) != want {
				t.Errorf("got %q, %v, want %q", out, err, want)
			}
		}
	}
}

func TestALongInflationIsCheckedToItsEnd(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 32 << 10, 100 << 10} {
		t.Run(fmt.Sprintf("%d bytes", size), func(t *testing.T) {
			want := bytes.Repeat([]byte("x"), size)
			packed := bytes.NewBuffer([]byte{0x84, 0, byte(size >> 16), byte(size >> 8), byte(size)})
			w := zlib.NewWriter(packed)
			if _, err := w.Write(want); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got, err := binlog.Inflate(nil, packed.Bytes(), size); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
			packed.Bytes()[packed.Len()-1] ^= 1
			if got, err := binlog.Inflate(nil, packed.Bytes(), size); err == nil {
				t.Errorf("with another checksum: got %d bytes", len(got))
			}
		})
	}
}
