package event_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/event"
)

func TestVerAsText(t *testing.T) {
	for _, c := range []struct {
		name string
		ver  event.Ver
		want string
	}{
		{"the zero Ver", event.Ver{}, "00000000/0000000000000000/0000000000000000/00000000"},
		{
			"a row",
			event.Ver{Epoch: 1, Commit: 0x30000055c, Event: 0xaa, Row: 0x10},
			"00000001/000000030000055c/00000000000000aa/00000010",
		},
		{
			"the largest Ver",
			event.Ver{Epoch: math.MaxUint32, Commit: math.MaxUint64, Event: event.EndEvent, Row: math.MaxUint32},
			"ffffffff/ffffffffffffffff/ffffffffffffffff/ffffffff",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.ver.String(); got != c.want || len(got) != event.VerLen {
				t.Errorf("got %q, want %q", got, c.want)
			}
			got, err := event.ParseVer(c.want)
			if err != nil || got != c.ver {
				t.Errorf("read back: got %+v, %v, want %+v", got, err, c.ver)
			}
		})
	}
}

func TestVerSortsAsText(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	edge := func() uint64 { // numbers whose order as text could go wrong
		edges := []uint64{0, 1, 9, 10, 15, 16, 255, 256, math.MaxUint32, 1 << 32, 1 << 63, math.MaxUint64}
		return edges[r.IntN(len(edges))]
	}
	var vers []event.Ver
	for range 400 {
		vers = append(vers, event.Ver{Epoch: uint32(edge()), Commit: edge(), Event: edge(), Row: uint32(edge())})
	}
	for _, v := range vers {
		for _, w := range vers {
			if got, want := strings.Compare(v.String(), w.String()), v.Compare(w); got != want {
				t.Fatalf("%v and %v: as text %d, as Vers %d", v, w, got, want)
			}
		}
	}
}

func TestVerTextRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		want := event.Ver{Epoch: r.Uint32(), Commit: r.Uint64(), Event: r.Uint64(), Row: r.Uint32()}
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got event.Ver
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Fatalf("got %v, %v, want %v", got, err, want)
		}
	}
}

func TestTheZeroVerIsNoText(t *testing.T) {
	text, err := event.Ver{}.MarshalText()
	if err != nil || len(text) != 0 {
		t.Errorf("got %q, %v, want nothing", text, err)
	}
	got := event.Ver{Row: 1}
	if err := got.UnmarshalText(nil); err != nil || !got.IsZero() {
		t.Errorf("got %v, %v, want the zero Ver", got, err)
	}
}

func TestParseVerRefuses(t *testing.T) {
	const good = "00000001/000000030000055c/00000000000000aa/00000010"
	for _, c := range []struct{ name, text string }{
		{"nothing", ""},
		{"a short text", good[1:]},
		{"a long text", good + "0"},
		{"a blank at the end", good[:len(good)-1] + " "},
		{"another separator", strings.ReplaceAll(good, "/", "-")},
		{"a separator too many", "0000000//000000030000055c/00000000000000aa/00000010"},
		{"a sign", "+0000001/000000030000055c/00000000000000aa/00000010"},
		{"an underscore", "0000_001/000000030000055c/00000000000000aa/00000010"},
		{"a prefix of base 16", "0x000001/000000030000055c/00000000000000aa/00000010"},
		{"a letter that is no digit", "0000000g/000000030000055c/00000000000000aa/00000010"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := event.ParseVer(c.text); err == nil || !got.IsZero() {
				t.Errorf("got %v, %v, want an error", got, err)
			}
		})
	}
}

func TestVerAppendsWithoutAllocating(t *testing.T) {
	buf := make([]byte, 0, event.VerLen)
	v := event.Ver{Epoch: 1, Commit: 2, Event: 3, Row: 4}
	if got := testing.AllocsPerRun(100, func() { buf = v.Append(buf[:0]) }); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}

func FuzzParseVer(f *testing.F) {
	f.Add("00000001/000000030000055c/00000000000000aa/00000010")
	f.Add("FFFFFFFF/ffffffffffffffff/FFFFFFFFFFFFFFFF/ffffffff")
	f.Add("")
	f.Add("00000001-000000030000055c-00000000000000aa-00000010")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := event.ParseVer(text)
		if err != nil {
			if !v.IsZero() {
				t.Errorf("got %v with an error", v)
			}
			return
		}
		if got := v.String(); got != strings.ToLower(text) {
			t.Errorf("got %q from %q", got, text)
		}
	})
}
