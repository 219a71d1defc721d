package gtid_test

import (
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/gtid"
)

func list(t testing.TB, text string) gtid.List {
	t.Helper()
	l, err := gtid.ParseList(text)
	if err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return l
}

func TestParseList(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"the beginning", "", ""},
		{"one domain", "0-1-100", "0-1-100"},
		{"domains out of order", "5-1-7,0-2-9", "0-2-9,5-1-7"},
		{"white space", " 0-1-100 , 1-2-3\n", "0-1-100,1-2-3"},
		{"the largest numbers", "4294967295-4294967295-18446744073709551615", "4294967295-4294967295-18446744073709551615"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := list(t, c.text)
			if got.String() != c.want || got.Empty() != (c.want == "") {
				t.Errorf("got %q, empty %t, want %q", got, got.Empty(), c.want)
			}
		})
	}
}

func TestParseListRefuses(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"two numbers", "0-1"},
		{"four numbers", "0-1-2-3"},
		{"a domain of more than 32 bits", "4294967296-1-1"},
		{"a server of more than 32 bits", "0-4294967296-1"},
		{"a sequence of more than 64 bits", "0-1-18446744073709551616"},
		{"a sign", "0-1-+5"},
		{"no number", "0-1-x"},
		{"a domain twice", "0-1-5,0-2-6"},
		{"a set of MySQL", a + ":1-5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := gtid.ParseList(c.text); err == nil {
				t.Errorf("ParseList(%q) = %s, want an error", c.text, got)
			}
		})
	}
}

func TestParseGTIDsTakesADomainTwice(t *testing.T) {
	got, err := gtid.ParseGTIDs("0-1-5,0-2-6")
	want := []gtid.GTID{{Domain: 0, Server: 1, Sequence: 5}, {Domain: 0, Server: 2, Sequence: 6}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestListSet(t *testing.T) {
	for _, c := range []struct {
		name, text string
		g          gtid.GTID
		want       string
	}{
		{"the first", "", gtid.GTID{Server: 1, Sequence: 5}, "0-1-5"},
		{"the next", "0-1-5", gtid.GTID{Server: 1, Sequence: 6}, "0-1-6"},
		{"of another server", "0-1-5", gtid.GTID{Server: 2, Sequence: 6}, "0-2-6"},
		{"of another domain", "1-1-5", gtid.GTID{Server: 2, Sequence: 6}, "0-2-6,1-1-5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := list(t, c.text)
			before := l.Clone()
			l.Set(c.g.Domain, c.g.Server, c.g.Sequence)
			if got := l.String(); got != c.want {
				t.Errorf("%q and %s = %s, want %s", c.text, c.g, got, c.want)
			}
			if before.String() != c.text {
				t.Errorf("the copy has changed to %s", before)
			}
		})
	}
}

func TestListContains(t *testing.T) {
	for _, c := range []struct {
		name, l, other string
		want           bool
	}{
		{"the same", "0-1-5", "0-1-5", true},
		{"an earlier one", "0-1-5", "0-1-4", true},
		{"an earlier one of another server", "0-1-5", "0-2-4", true},
		{"a later one", "0-1-5", "0-1-6", false},
		{"the beginning", "0-1-5", "", true},
		{"not from the beginning", "", "0-1-5", false},
		{"a domain that is missing", "0-1-5", "0-1-5,1-1-1", false},
		{"one domain before, one behind", "0-1-5,1-1-5", "0-1-4,1-1-6", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := list(t, c.l).Contains(list(t, c.other)); got != c.want {
				t.Errorf("%q contains %q: %t, want %t", c.l, c.other, got, c.want)
			}
		})
	}
}
