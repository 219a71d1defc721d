package gtid_test

import (
	"bytes"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/tailrace/tailrace/capture/mysql/gtid"
)

// FuzzSet holds texts against go-mysql. What it takes and this does not: other
// forms of a UUID and the number zero, which no transaction has. What this takes
// and it does not: a comma too many, white space at more places.
func FuzzSet(f *testing.F) {
	for _, text := range []string{
		"", a + ":1-5", a + ":1-5:tag:1-3:7," + b + ":3", " " + a + " : 4 - 9:1,", a + ":9223372036854775806", "0-1-100,1-2-7", a + ":x:1:y",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := gtid.Parse(text)
		if err != nil {
			return
		}
		canonical := s.String()
		again, err := gtid.Parse(canonical)
		if err != nil || again.String() != canonical {
			t.Fatalf("%q is read back as %v, %v", canonical, again, err)
		}
		oracle, err := mysql.ParseMysqlGTIDSet(canonical)
		if err != nil || oracle.String() != canonical {
			t.Fatalf("the oracle reads %q as %v, %v", canonical, oracle, err)
		}
		if direct, err := mysql.ParseMysqlGTIDSet(text); err == nil && direct.String() != canonical {
			t.Fatalf("the oracle reads %q as %s, this as %s", text, direct, canonical)
		}
		binary := s.Encode(nil, true)
		if want := oracle.Encode(); !bytes.Equal(binary, want) {
			t.Fatalf("%q is %x, the oracle says %x", canonical, binary, want)
		}
		if back, err := gtid.Decode(binary); err != nil || back.String() != canonical {
			t.Fatalf("%q is decoded as %v, %v", canonical, back, err)
		}
		if !s.Contains(again) || !s.Minus(again).Empty() {
			t.Fatalf("%q does not contain itself", canonical)
		}
	})
}

// FuzzDecode holds the binary form against go-mysql, which takes more: intervals
// out of order and numbers that no transaction has. An origin without intervals
// is nothing here and an error there.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{"", a + ":1-5", a + ":1-5:7," + b + ":3", a + ":1-5:tag:1-3:7", a + ":x:1," + b + ":x:1"} {
		if s, err := gtid.Parse(text); err == nil {
			f.Add(s.Encode(nil, true))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := gtid.Decode(b)
		if err != nil {
			return
		}
		oracle, err := mysql.DecodeMysqlGTIDSet(b)
		if err != nil {
			if err.Error() == "invalid gtid set buffer, got zero interval count" {
				return
			}
			t.Fatalf("%x is %s here, and to the oracle %v", b, s, err)
		}
		if oracle.String() != s.String() {
			t.Fatalf("%x is %s here, and to the oracle %s", b, s, oracle)
		}
	})
}

// FuzzList holds MariaDB's places against go-mysql, which sorts as text and
// takes a domain twice.
func FuzzList(f *testing.F) {
	for _, text := range []string{"", "0-1-100", "1-2-7, 0-1-100", "4294967295-1-18446744073709551615", "0-1-2-3", a + ":1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := gtid.ParseList(text)
		if err != nil {
			return
		}
		canonical := l.String()
		if again, err := gtid.ParseList(canonical); err != nil || again.String() != canonical || !l.Contains(again) {
			t.Fatalf("%q is read back as %v, %v", canonical, again, err)
		}
		oracle, err := mysql.ParseMariadbGTIDSet(canonical)
		if err != nil {
			t.Fatalf("the oracle refuses %q: %v", canonical, err)
		}
		sets := oracle.(*mysql.MariadbGTIDSet).Sets
		if len(sets) != len(l) {
			t.Fatalf("%q has %d domains here, %d to the oracle", canonical, len(l), len(sets))
		}
		for _, g := range l {
			if o := sets[g.Domain]; o.ServerID != g.Server || o.SequenceNumber != g.Sequence {
				t.Fatalf("%q has %s here, %s to the oracle", canonical, g, o)
			}
		}
	})
}
