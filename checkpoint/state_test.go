package checkpoint_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

var update = flag.Bool("update", false, "write the golden files")

// full is a State in which no field is zero.
func full() checkpoint.State {
	return checkpoint.State{
		Pipeline:   "shop",
		Generation: 7,
		Source:     checkpoint.Identity{Connector: "postgresql", System: "7301234567890123456", Timeline: 2},
		Position:   "lsn:0/16B3748",
		Bound:      0x16b3748,
		Epoch:      3,
		Ver:        event.Ver{Epoch: 3, Commit: 0x16b3748, Event: 0x16b3700, Row: 4},
		Selection:  "9f86d081884c7d65",
		From:       "time:2026-11-21T10:00:00Z",
		Partitions: map[string]int32{"shop.public.orders": 12, "shop.progress": 1},
		Snapshot: &checkpoint.Snapshot{
			Life: 5, Asked: 2, Copied: []string{"public.customers"},
			Copies: []checkpoint.TableCopy{
				{Table: "public.orders", Since: 1, Begun: true, Left: []checkpoint.KeyRange{{After: []string{"7", "größe"}, UpTo: []string{"9", ""}}, {After: []string{"12", "x"}}}, Again: [][]string{{"3", "y"}}, Rows: 70},
				{ID: 2, Table: "public.items", Where: "id > 5", Since: 4},
			},
			Hidden: []checkpoint.HiddenTable{{Table: "public.log", View: "771:780:775", End: "lsn:0/16B3800"}},
		},
		Memory: json.RawMessage(`{"keys":{"16385":["id","größe"]}}`),
	}
}

func TestFullHasNoZeroField(t *testing.T) {
	v := reflect.ValueOf(full())
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is zero: the tests below would not notice if it were lost", v.Type().Field(i).Name)
		}
	}
}

func TestStateRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name  string
		state checkpoint.State
	}{
		{"the zero State", checkpoint.State{}},
		{"a State with every field", full()},
		{"the largest numbers", checkpoint.State{
			Generation: 1<<64 - 1, Bound: 1<<64 - 1, Epoch: 1<<32 - 1,
			Ver: event.Ver{Epoch: 1<<32 - 1, Commit: 1<<64 - 1, Event: 1<<64 - 1, Row: 1<<32 - 1},
		}},
		{"text that JSON escapes", checkpoint.State{Pipeline: "a\"b\\c<&>\n\u2028\x00", From: "é"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := checkpoint.Decode(encode(t, c.state))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.state) {
				t.Errorf("got  %+v\nwant %+v", got, c.state)
			}
		})
	}
}

// A change of this file is a change of the format: programs of both sides must
// still read it.
func TestTheFormatIsAsInTheGoldenFile(t *testing.T) {
	path := filepath.Join("testdata", "state.golden.json")
	text := encode(t, full())
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, golden) {
		t.Errorf("got\n%swant\n%s", text, golden)
	}
	got, err := checkpoint.Decode(golden)
	if err != nil || !reflect.DeepEqual(got, full()) {
		t.Errorf("the golden file holds %+v, %v", got, err)
	}
}

func TestAStateOfTheFirstFormatIsRead(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("testdata", "state-1.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := full()
	want.Snapshot = nil
	got, err := checkpoint.Decode(golden)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAStateMayBeIndentedOtherwise(t *testing.T) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, encode(t, full())); err != nil {
		t.Fatal(err)
	}
	got, err := checkpoint.Decode(compact.Bytes())
	if err != nil || !reflect.DeepEqual(got, full()) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	text := string(encode(t, full()))
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", checkpoint.ErrCorrupt},
		{"blanks", " \n\t", checkpoint.ErrCorrupt},
		{"zeros", strings.Repeat("\x00", 100), checkpoint.ErrCorrupt},
		{"null", "null", checkpoint.ErrCorrupt},
		{"an empty object", "{}", checkpoint.ErrCorrupt},
		{"a list", "[]", checkpoint.ErrCorrupt},
		{"text behind the State", text + "{}", checkpoint.ErrCorrupt},
		{"two States", text + text, checkpoint.ErrCorrupt},
		{"a newer format", strings.Replace(text, `"format": 2`, `"format": 3`, 1), checkpoint.ErrFormat},
		{"a newer format with another shape of State", `{"format":3,"state":"x"}`, checkpoint.ErrFormat},
		{"a format before the first", strings.Replace(text, `"format": 2`, `"format": 0`, 1), checkpoint.ErrCorrupt},
		{"no checksum", `{"format":1,"state":{}}`, checkpoint.ErrCorrupt},
		{"no State", `{"format":1,"checksum":""}`, checkpoint.ErrCorrupt},
		{"an altered position", strings.Replace(text, "0/16B3748", "0/16B3749", 1), checkpoint.ErrCorrupt},
		{
			"a field that this format does not have",
			`{"format":1,"checksum":"0b7c6bd2d9cb71d4eb2a19342dca9d14cf90f7f4b7fc3752239638cbb1b9f616","state":{"new":1}}`,
			checkpoint.ErrCorrupt,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			st, err := checkpoint.Decode([]byte(c.text))
			if !errors.Is(err, c.want) {
				t.Errorf("got error %v, want %v", err, c.want)
			}
			if !reflect.DeepEqual(st, checkpoint.State{}) {
				t.Errorf("got %+v with the error, want the zero State", st)
			}
		})
	}
}

func TestDecodeOfACutTextIsAnError(t *testing.T) {
	text := encode(t, full())
	for n := range len(text) - 1 { // without its last line break it is whole
		if _, err := checkpoint.Decode(text[:n]); !errors.Is(err, checkpoint.ErrCorrupt) {
			t.Fatalf("cut to %d of %d bytes: got error %v, want ErrCorrupt", n, len(text), err)
		}
	}
}

// No flipped bit may change what is read. Some change nothing: a key of the
// envelope in the other case, one blank for another.
func TestDecodeNoticesEveryFlippedBit(t *testing.T) {
	text := encode(t, full())
	for i := range text {
		for bit := range 8 {
			text[i] ^= 1 << bit
			st, err := checkpoint.Decode(text)
			known := errors.Is(err, checkpoint.ErrCorrupt) || errors.Is(err, checkpoint.ErrFormat)
			if err == nil && !reflect.DeepEqual(st, full()) || err != nil && !known {
				t.Errorf("byte %d, bit %d: got %+v, %v", i, bit, st, err)
			}
			text[i] ^= 1 << bit
		}
	}
}

func TestWithMovesForwardOnly(t *testing.T) {
	at := func(n uint64) event.Ver { return event.Ver{Commit: n} }
	for _, c := range []struct {
		name       string
		state      checkpoint.State
		mark       checkpoint.Mark
		want       checkpoint.State
		open, then bool
	}{
		{
			name:  "an empty mark alters nothing",
			state: full(), want: full(), open: true, then: true,
		},
		{
			name:  "a place without rows keeps the ver",
			state: checkpoint.State{Position: "a", Bound: 10, Ver: at(9)},
			mark:  checkpoint.Mark{Position: "b", Bound: 20},
			want:  checkpoint.State{Position: "b", Bound: 20, Ver: at(9)},
		},
		{
			name:  "rows without an end open a transaction",
			state: checkpoint.State{Position: "a", Bound: 10, Ver: at(9)},
			mark:  checkpoint.Mark{Ver: at(15)},
			want:  checkpoint.State{Position: "a", Bound: 10, Ver: at(15)},
			then:  true,
		},
		{
			name:  "the end closes it",
			state: checkpoint.State{Position: "a", Bound: 10, Ver: at(15)},
			mark:  checkpoint.Mark{Position: "b", Bound: 16},
			want:  checkpoint.State{Position: "b", Bound: 16, Ver: at(15)},
			open:  true,
		},
		{
			name:  "rows that had passed before take nothing back",
			state: checkpoint.State{Position: "a", Bound: 10, Ver: at(15)},
			mark:  checkpoint.Mark{Ver: at(12)},
			want:  checkpoint.State{Position: "a", Bound: 10, Ver: at(15)},
			open:  true, then: true,
		},
		{
			name:  "memory is replaced",
			state: checkpoint.State{Memory: json.RawMessage(`1`)},
			mark:  checkpoint.Mark{Memory: []byte(`2`)},
			want:  checkpoint.State{Memory: json.RawMessage(`2`)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.state.With(c.mark)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if c.state.Open() != c.open || got.Open() != c.then {
				t.Errorf("got open %v, then %v, want %v, %v", c.state.Open(), got.Open(), c.open, c.then)
			}
		})
	}
}

func TestATransactionOfAnEarlierEpochIsNotOpen(t *testing.T) {
	st := checkpoint.State{Epoch: 2, Bound: 10, Ver: event.Ver{Epoch: 1, Commit: 50}}
	if st.Open() {
		t.Error("got open")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, full()))
	f.Add(encode(f, checkpoint.State{}))
	f.Fuzz(decodeAny)
}

// FuzzDecodeSealed gets past the checksum.
func FuzzDecodeSealed(f *testing.F) {
	f.Add([]byte(`{"position":"lsn:0/16B3748","ver":"","memory":{"a":"<"}}`))
	f.Add([]byte(`{"position":"a","POSITION":"b","memory":null}`))
	f.Add([]byte(`{"ver":"00000001/000000030000055c/00000000000000aa/00000010","epoch":4294967296}`))
	f.Fuzz(func(t *testing.T, state []byte) {
		sum := sha256.Sum256(state)
		decodeAny(t, fmt.Appendf(nil, `{"format":1,"checksum":"%x","state":%s}`, sum, state))
	})
}

func decodeAny(t *testing.T, text []byte) {
	st, err := checkpoint.Decode(text)
	if err != nil {
		if !errors.Is(err, checkpoint.ErrCorrupt) && !errors.Is(err, checkpoint.ErrFormat) {
			t.Errorf("got error %v, want ErrCorrupt or ErrFormat", err)
		}
		return
	}
	want := encode(t, st)
	again, err := checkpoint.Decode(want)
	if err != nil {
		t.Fatalf("%v after encoding %+v", err, st)
	}
	if got := encode(t, again); !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func encode(t testing.TB, st checkpoint.State) []byte {
	t.Helper()
	text, err := st.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
