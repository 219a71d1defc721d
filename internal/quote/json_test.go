package quote_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tailrace/tailrace/internal/quote"
)

func TestAppendJSON(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"empty text is two quotes", "", `""`},
		{"plain text is left alone", "Grüße aus 東京 🙂", `"Grüße aus 東京 🙂"`},
		{"quotes and backslashes are escaped", `a"b\c`, `"a\"b\\c"`},
		{"common control characters have short forms", "\n\r\t\b\f", `"\n\r\t\b\f"`},
		{"other control characters are in hex", "\x00\x01\x0b\x1f", `"\u0000\u0001\u000b\u001f"`},
		{"DEL, slash, HTML and line separators are left alone", "\x7f/<>&\u2028\u2029", "\"\x7f/<>&\u2028\u2029\""},
		{"a special byte right after eight plain ones", `12345678"`, `"12345678\""`},
		{"a special byte as the last of the tail", "1234567890\n", `"1234567890\n"`},
		{"a special byte in front of high ones", "\"\x80\xff......", "\"\\\"\x80\xff......\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(quote.AppendJSON(nil, []byte(tt.in))); got != tt.want {
				t.Errorf("AppendJSON(%q) = %s, want %s", tt.in, got, tt.want)
			}
			if got := string(quote.AppendJSONString(nil, tt.in)); got != tt.want {
				t.Errorf("AppendJSONString(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

func TestPlainFindsEverySpecialByteAtEveryPlace(t *testing.T) {
	for length := range 40 {
		for at := range length {
			for b := range 256 {
				s := bytes.Repeat([]byte{0xe9}, length)
				s[at] = byte(b)
				want := length
				if b < 0x20 || b == '"' || b == '\\' {
					want = at
				}
				if got := quote.Plain(s); got != want {
					t.Fatalf("Plain with byte %#x at %d of %d = %d, want %d", b, at, length, got, want)
				}
			}
		}
	}
}

// checkText holds AppendText against AppendJSON and unicode/utf8, with and without
// room behind dst, and with and without bytes behind s.
func checkText(t *testing.T, s []byte) {
	t.Helper()
	want, valid := "head"+string(quote.AppendJSON(nil, s)), utf8.Valid(s)
	if !valid {
		want = "head"
	}
	for _, room := range []int{0, 2, len(s) + 2, len(s) + 64} {
		for _, behind := range []string{"", "\"\\\x00\xff....", "plain...."} {
			text := append(bytes.Clone(s), behind...)[:len(s)]
			got, ok := quote.AppendText(append(make([]byte, 0, 4+room), "head"...), text)
			if ok != valid || string(got) != want {
				t.Fatalf("AppendText(%q) with %q behind it and %d bytes of room = %q, %v, want %q, %v", s, behind, room, got, ok, want, valid)
			}
			if whole := text[:len(s)+len(behind)]; string(whole) != string(s)+behind {
				t.Fatalf("AppendText(%q) made %q of its input and what is behind it", s, whole)
			}
		}
	}
}

func TestTextIsLookedAtWhileItIsCopied(t *testing.T) {
	for length := range 40 {
		plain := bytes.Repeat([]byte("z"), length)
		checkText(t, plain)
		for at := range length {
			for _, special := range []string{"\"", "\\", "\x00", "\x1f", " ", "\x7f", "\x80", "\xc3", "\xff", "é", "東", "🙂", "é\""} {
				s := bytes.Clone(plain)
				copy(s[at:], special)
				checkText(t, s)
			}
		}
	}
}

func FuzzAppendJSON(f *testing.F) {
	for _, s := range []string{"", "a", `"\`, "12345678\x00", "\u2028é🙂\x7f", strings.Repeat(`x"`, 20), "\xff\xfe"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		checkText(t, s)
		out := quote.AppendJSON([]byte("head"), s)
		if !bytes.HasPrefix(out, []byte("head")) {
			t.Fatalf("AppendJSON changed what was there: %q", out)
		}
		out = out[len("head"):]
		if str := quote.AppendJSONString(nil, string(s)); !bytes.Equal(out, str) {
			t.Errorf("AppendJSON = %q, AppendJSONString = %q", out, str)
		}
		if !json.Valid(out) {
			t.Fatalf("AppendJSON(%q) = %q, which is not JSON", s, out)
		}
		if !utf8.Valid(s) {
			return
		}
		var back string
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatalf("unmarshal %q: %v", out, err)
		}
		if back != string(s) {
			t.Errorf("text came back as %q, want %q", back, s)
		}
	})
}

func TestAppendJSONDoesNotAllocate(t *testing.T) {
	s := []byte("a line\nand \"another\" one \x01")
	dst := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { dst = quote.AppendJSON(dst[:0], s) }); n != 0 {
		t.Errorf("AppendJSON allocates %v times, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() { dst, _ = quote.AppendText(dst[:0], s) }); n != 0 {
		t.Errorf("AppendText allocates %v times, want 0", n)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	for _, bb := range []struct {
		name string
		text string
	}{
		{"5 ASCII bytes", "hello"},
		{"17 ASCII bytes", "seventeen letters"},
		{"400 ASCII bytes", strings.Repeat("forty bytes of text without any escapes.", 10)},
		{"400 CJK bytes", strings.Repeat("東京都千代田区", 19)},
		{"400 bytes of JSON", strings.Repeat(`{"id":12,"name":"a","total":"1.25","n":1}`, 10)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := []byte(bb.text)
			dst := make([]byte, 0, 4*len(s)+2)
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				dst = quote.AppendJSON(dst[:0], s)
			}
		})
	}
}
