package postgres_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

func FuzzNumbers(f *testing.F) {
	fuzzCodecs(f, "bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "money")
}

func FuzzTimes(f *testing.F) {
	fuzzCodecs(f, "date", "time", "timetz", "timestamp", "timestamptz", "interval")
}

func FuzzTexts(f *testing.F) {
	fuzzCodecs(f, "text", "char", "uuid", "mood", "point3", "bytea")
}

func FuzzArrays(f *testing.F) {
	fuzzCodecs(f, "_int4", "_text", "_bool", "_timestamptz", "_bytea", "_json", "_box", "_Instant", "_numbers", "_money")
}

func FuzzHstore(f *testing.F) {
	fuzzCodecs(f, "hstore")
}

// FuzzJSON holds the codec of json against encoding/json.
func FuzzJSON(f *testing.F) {
	for _, seed := range serverTexts(f) {
		f.Add([]byte(seed.Text))
	}
	c, _ := postgres.CodecFor(typeNamed(f, "json"), -1, findUserType, postgres.Values{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		const deepestOfGo = 10_000
		if len(raw) > deepestOfGo {
			return
		}
		given := bytes.Clone(raw)
		got, err := c.AppendJSON(nil, raw)
		if !bytes.Equal(raw, given) {
			t.Fatalf("AppendJSON changed its input %q to %q", given, raw)
		}
		if want := json.Valid(raw); (err == nil) != want {
			t.Fatalf("AppendJSON(%q) = %q, %v; encoding/json says valid: %t", raw, got, err, want)
		}
		if err != nil {
			return
		}
		if bytes.ContainsAny(got, "\n\r\t") {
			t.Errorf("AppendJSON(%q) = %q, which is not one line", raw, got)
		}
		if a, b := compact(t, raw), compact(t, got); !bytes.Equal(a, b) {
			t.Errorf("AppendJSON(%q) = %q, which is another document", raw, got)
		}
	})
}

// FuzzBytea holds the codec of bytea against encoding/hex.
func FuzzBytea(f *testing.F) {
	for _, seed := range []string{"", "00", "00ff10fe", "0", "zz", "AbCd"} {
		f.Add(seed)
	}
	c, _ := postgres.CodecFor(typeNamed(f, "bytea"), -1, findUserType, postgres.Values{})
	f.Fuzz(func(t *testing.T, digits string) {
		got, err := c.AppendText(nil, []byte(`\x`+digits))
		value, hexErr := hex.DecodeString(digits)
		if (err == nil) != (hexErr == nil) {
			t.Fatalf("AppendText of %q: %v; encoding/hex says %v", digits, err, hexErr)
		}
		if want := base64.StdEncoding.EncodeToString(value); err == nil && string(got) != want {
			t.Errorf("AppendText of %q = %s, want %s", digits, got, want)
		}
	})
}

// fuzzCodecs gives any bytes to the codecs of the named types: each either
// writes valid JSON on one line or stops, and neither touches what was there.
func fuzzCodecs(f *testing.F, names ...string) {
	for _, seed := range serverTexts(f) {
		name := seed.Type.Name
		if i := slices.Index(names, name); i >= 0 {
			f.Add(uint8(i), int8(seed.Typmod), uint8(0), []byte(seed.Text))
		}
	}
	types := make([]postgres.Type, len(names))
	for i, name := range names {
		types[i] = typeNamed(f, name)
		f.Add(uint8(i), int8(-1), uint8(0), []byte{})
		f.Add(uint8(i), int8(3), uint8(15), []byte("\xff{\"infinity"))
	}
	f.Fuzz(func(t *testing.T, which uint8, typmod int8, flags uint8, raw []byte) {
		values := postgres.Values{JSONText: flags&1 != 0, InfinityNull: flags&2 != 0, ReplaceInvalid: flags&4 != 0, CheckUTF8: flags&8 != 0}
		typ := types[int(which)%len(types)]
		c, _ := postgres.CodecFor(typ, int32(typmod), findUserType, values)
		checkCodec(t, c, raw, values)
	})
}

func checkCodec(t *testing.T, c schema.Codec, raw []byte, values postgres.Values) {
	given := bytes.Clone(raw)
	const head = "head"
	form, err := c.AppendJSON([]byte(head), raw)
	text, textErr := c.AppendText([]byte(head), raw)
	if !bytes.Equal(raw, given) {
		t.Fatalf("the codec changed its input %q to %q", given, raw)
	}
	if (err == nil) != (textErr == nil) {
		t.Fatalf("AppendJSON of %q: %v, AppendText: %v", raw, err, textErr)
	}
	form, ok := bytes.CutPrefix(form, []byte(head))
	text, textOK := bytes.CutPrefix(text, []byte(head))
	if !ok || !textOK {
		t.Fatalf("the codec changed what was there: %q, %q", form, text)
	}
	if err != nil {
		var stop *failure.StopError
		if !errors.As(err, &stop) {
			t.Errorf("error %v is not a Stop", err)
		}
		if len(form) > 0 || len(text) > 0 {
			t.Errorf("the codec left %q and %q behind", form, text)
		}
		return
	}
	if !json.Valid(form) {
		t.Fatalf("AppendJSON(%q) = %q, which is not JSON", raw, form)
	}
	if bytes.ContainsAny(form, "\n\r\t") {
		t.Errorf("AppendJSON(%q) = %q, which is not one line", raw, form)
	}
	if values.CheckUTF8 && !utf8.Valid(form) {
		t.Errorf("AppendJSON(%q) = %q, which is not UTF-8", raw, form)
	}
	switch {
	case !utf8.Valid(form) || string(form) == "null":
	case form[0] != '"':
		if !bytes.Equal(form, text) {
			t.Errorf("AppendJSON(%q) = %q, AppendText = %q", raw, form, text)
		}
	default:
		var content string
		if err := json.Unmarshal(form, &content); err != nil {
			t.Fatalf("unmarshal %q: %v", form, err)
		}
		if content != string(text) {
			t.Errorf("AppendJSON(%q) = %q, AppendText = %q", raw, form, text)
		}
	}
}

func compact(t *testing.T, text []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatalf("compact %q: %v", text, err)
	}
	return b.Bytes()
}

// serverTexts returns what servers of several versions sent for the documented
// values.
func serverTexts(f *testing.F) []serverText {
	f.Helper()
	text, err := os.ReadFile(serverTextsPath())
	if err != nil {
		f.Fatalf("read the servers' texts: %v", err)
	}
	var seeds []serverText
	if err := json.Unmarshal(text, &seeds); err != nil {
		f.Fatalf("unmarshal the servers' texts: %v", err)
	}
	return seeds
}
