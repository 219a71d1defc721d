package gtid_test

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/gtid"
)

const (
	a = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
	b = "a0000000-0000-0000-0000-000000000001"
)

func set(t testing.TB, text string) *gtid.Set {
	t.Helper()
	s, err := gtid.Parse(text)
	if err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return s
}

func source(t testing.TB, uuid, tag string) gtid.Source {
	t.Helper()
	id, err := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
	if err != nil {
		t.Fatalf("parse %q: %v", uuid, err)
	}
	return gtid.Source{UUID: [16]byte(id), Tag: tag}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"one transaction", a + ":7", a + ":7"},
		{"an interval", a + ":1-77", a + ":1-77"},
		{"an interval of one", a + ":7-7", a + ":7"},
		{"intervals that touch", a + ":1-5:6-9", a + ":1-9"},
		{"intervals that overlap", a + ":4-9:1-5", a + ":1-9"},
		{"intervals out of order", a + ":20:1-5:10-11", a + ":1-5:10-11:20"},
		{"upper case", strings.ToUpper(a) + ":1", a + ":1"},
		{"what the server prints", a + ":1-5,\n" + b + ":3", a + ":1-5," + b + ":3"},
		{"origins out of order", b + ":3, " + a + ":1-5", a + ":1-5," + b + ":3"},
		{"an origin twice", a + ":1-5," + a + ":6", a + ":1-6"},
		{"white space everywhere", " " + a + " : 1 - 5 : 7 ,", a + ":1-5:7"},
		{"tags", a + ":1-5:tag_1:1-3:7:another:9", a + ":1-5:another:9:tag_1:1-3:7"},
		{"a tag alone, in upper case", a + ":TAG:4", a + ":tag:4"},
		{"a tag twice", a + ":x:4," + a + ":x:5", a + ":x:4-5"},
		{"the largest number", a + ":9223372036854775806", a + ":9223372036854775806"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := set(t, c.text)
			if got.String() != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got.Empty() != (c.want == "") {
				t.Errorf("Empty() = %t of %q", got.Empty(), got)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"no interval", a},
		{"an empty interval", a + ":"},
		{"a colon too many", a + ":1:"},
		{"no UUID", ":1-5"},
		{"a UUID that is too short", a[:35] + ":1"},
		{"a UUID with other letters", strings.Replace(a, "e", "g", 1) + ":1"},
		{"a UUID without dashes", strings.ReplaceAll(a, "-", "") + ":1"},
		{"number zero", a + ":0"},
		{"an interval from zero", a + ":0-5"},
		{"a negative number", a + ":-5"},
		{"an interval that ends before it begins", a + ":5-4"},
		{"a number beyond the largest", a + ":9223372036854775807"},
		{"a number of more than 64 bits", a + ":18446744073709551617"},
		{"three numbers", a + ":1-2-3"},
		{"a tag without an interval", a + ":1:tag"},
		{"two tags in a row", a + ":x:y:1"},
		{"a tag of 33 letters", a + ":" + strings.Repeat("x", 33) + ":1"},
		{"a tag that begins with a digit", a + ":1x:1"},
		{"a GTID of MariaDB", "0-1-100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := gtid.Parse(c.text); err == nil {
				t.Errorf("Parse(%q) = %s, want an error", c.text, got)
			}
		})
	}
}

func TestAdd(t *testing.T) {
	plain, tagged, other := source(t, a, ""), source(t, a, "x"), source(t, b, "")
	for _, c := range []struct {
		name, to string
		src      gtid.Source
		n        uint64
		want     string
	}{
		{"to an empty set", "", plain, 5, a + ":5"},
		{"behind the last", a + ":1-5", plain, 6, a + ":1-6"},
		{"with a gap", a + ":1-5", plain, 7, a + ":1-5:7"},
		{"that closes a gap", a + ":1-5:7-9", plain, 6, a + ":1-9"},
		{"before the first", a + ":2-5", plain, 1, a + ":1-5"},
		{"that is there", a + ":1-5", plain, 3, a + ":1-5"},
		{"at the end of an inner interval", a + ":1-5:10", plain, 6, a + ":1-6:10"},
		{"of another tag", a + ":1-5", tagged, 6, a + ":1-5:x:6"},
		{"of another origin", a + ":1-5", other, 6, a + ":1-5," + b + ":6"},
		{"of an origin that comes before", b + ":1-5", plain, 6, a + ":6," + b + ":1-5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := set(t, c.to)
			s.Add(c.src, c.n)
			if got := s.String(); got != c.want {
				t.Errorf("%q and %d = %s, want %s", c.to, c.n, got, c.want)
			}
		})
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	s, src := set(t, a+":1-5:x:1-3,"+b+":1"), source(t, a, "x")
	n := uint64(4)
	got := testing.AllocsPerRun(100, func() {
		s.Add(src, n)
		n++
	})
	if got != 0 {
		t.Errorf("extending an interval made %v allocations, want 0", got)
	}
}

func TestSetsTogether(t *testing.T) {
	for _, c := range []struct {
		name, s, u       string
		contains         bool
		union, remainder string
	}{
		{"the same", a + ":1-5", a + ":1-5", true, a + ":1-5", ""},
		{"nothing of nothing", "", "", true, "", ""},
		{"nothing in it", a + ":1-5", "", true, a + ":1-5", a + ":1-5"},
		{"in nothing", "", a + ":1-5", false, a + ":1-5", ""},
		{"a part at the start", a + ":1-5", a + ":1-2", true, a + ":1-5", a + ":3-5"},
		{"a part in the middle", a + ":1-5", a + ":3", true, a + ":1-5", a + ":1-2:4-5"},
		{"a part at the end", a + ":1-5", a + ":4-5", true, a + ":1-5", a + ":1-3"},
		{"more than it", a + ":2-4", a + ":1-5", false, a + ":1-5", ""},
		{"over a gap", a + ":1-3:6-9", a + ":2-7", false, a + ":1-9", a + ":1:8-9"},
		{"many parts", a + ":1-9", a + ":1:3:5:7:9", true, a + ":1-9", a + ":2:4:6:8"},
		{"one part over many", a + ":1:3:5:7:9", a + ":2-8", false, a + ":1-9", a + ":1:9"},
		{"another origin", a + ":1-5", b + ":1-5", false, a + ":1-5," + b + ":1-5", a + ":1-5"},
		{"another tag", a + ":1-5", a + ":x:1-5", false, a + ":1-5:x:1-5", a + ":1-5"},
		{"one of two origins", a + ":1-5," + b + ":1-5", b + ":1-5", true, a + ":1-5," + b + ":1-5", a + ":1-5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, u := set(t, c.s), set(t, c.u)
			if got := s.Contains(u); got != c.contains {
				t.Errorf("%q contains %q: %t, want %t", s, u, got, c.contains)
			}
			if got := s.Minus(u).String(); got != c.remainder {
				t.Errorf("%q minus %q = %q, want %q", s, u, got, c.remainder)
			}
			if got := set(t, c.s+","+c.u).String(); got != c.union {
				t.Errorf("%q and %q = %q, want %q", s, u, got, c.union)
			}
			if s.String() != set(t, c.s).String() || u.String() != set(t, c.u).String() {
				t.Errorf("the sets have changed: %q, %q", s, u)
			}
		})
	}
}

func TestNilSetIsEmpty(t *testing.T) {
	var none *gtid.Set
	some := set(t, a+":1")
	if !none.Empty() || none.String() != "" || none.Contains(some) || !none.Contains(nil) || !some.Contains(none) ||
		!none.Minus(some).Empty() || !none.Clone().Empty() || some.Minus(none).String() != some.String() {
		t.Error("a nil set is not as an empty one")
	}
}

func TestAddRefusesWhatNoServerGives(t *testing.T) {
	for _, n := range []uint64{0, math.MaxInt64, math.MaxUint64} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Add of %d did not panic", n)
				}
			}()
			(&gtid.Set{}).Add(gtid.Source{}, n)
		}()
	}
}

func BenchmarkAdd(bm *testing.B) {
	s, src := set(bm, a+":1-77:x:1,"+b+":1-1000"), source(bm, b, "")
	n := uint64(1001)
	bm.ReportAllocs()
	for bm.Loop() {
		s.Add(src, n)
		n++
	}
}

func BenchmarkAppend(bm *testing.B) {
	s := set(bm, a+":1-77:80-90,"+b+":1-1000000000")
	dst := make([]byte, 0, 256)
	bm.ReportAllocs()
	for bm.Loop() {
		dst = s.Append(dst[:0])
	}
}
