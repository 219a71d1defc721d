package gtid_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/gtid"
)

// Hex of the parts of binary sets.
const (
	hexA    = "3e11fa4771ca11e19e33c80aa9429562"
	one     = "0100000000000000"
	two     = "0200000000000000"
	six     = "0600000000000000"
	untag1  = one
	untag2  = two
	tagged2 = "0102000000000001"
)

func TestBinaryForm(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		tagged           bool
	}{
		{"nothing", "", "0000000000000000", true},
		{"an interval", a + ":1-5", untag1 + hexA + one + one + six, true},
		{"two intervals", a + ":1:5", untag1 + hexA + two + one + two + "0500000000000000" + six, true},
		{"a server without tags", a + ":1-5", untag1 + hexA + one + one + six, false},
		{"a tag", a + ":1-5:ab:1", tagged2 + hexA + "00" + one + one + six + hexA + "04" + "6162" + one + one + two, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := set(t, c.text)
			got := s.Encode(nil, c.tagged)
			if hex.EncodeToString(got) != c.want {
				t.Errorf("got %x, want %s", got, c.want)
			}
			back, err := gtid.Decode(got)
			if err != nil || back.String() != s.String() {
				t.Errorf("read back %v, %v; want %s", back, err, s)
			}
		})
	}
}

func TestEncodeLeavesTagsOutForAServerWithoutThem(t *testing.T) {
	got := set(t, a+":1-5:ab:1").Encode(nil, false)
	if want := set(t, a+":1-5").Encode(nil, false); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ name, hex string }{
		{"nothing", ""},
		{"half a number of origins", "01000000"},
		{"an origin that is not there", untag1},
		{"half a UUID", untag1 + hexA[:16]},
		{"no number of intervals", untag1 + hexA},
		{"an interval that is not there", untag1 + hexA + one},
		{"half an interval", untag1 + hexA + one + one},
		{"more origins than any memory holds", "ffffffffffffff00" + hexA},
		{"more intervals than any memory holds", untag1 + hexA + "ffffffffffffffff" + one + two},
		{"an interval that ends before it begins", untag1 + hexA + one + two + one},
		{"an empty interval", untag1 + hexA + one + one + one},
		{"an interval from zero", untag1 + hexA + one + "0000000000000000" + one},
		{"a negative end", untag1 + hexA + one + one + "ffffffffffffffff"},
		{"intervals that touch", untag1 + hexA + two + one + two + two + six},
		{"bytes behind the end", untag1 + hexA + one + one + six + "00"},
		{"an unknown format", "0100000000000002"},
		{"a tag that is cut off", tagged2 + hexA + "04" + "61"},
		{"a tag of more than 32 letters", tagged2 + hexA + "42" + strings.Repeat("61", 33) + one + one + two},
		{"a tag's length of two bytes", tagged2 + hexA + "0500" + "61" + one + one + two},
		{"a tag in upper case", tagged2 + hexA + "02" + "41" + one + one + two},
		{"no tag's length", tagged2 + hexA},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := hex.DecodeString(c.hex)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := gtid.Decode(b); err == nil {
				t.Errorf("Decode(%s) = %s, want an error", c.hex, got)
			}
		})
	}
}
