package postgres_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// The types of a user that the tests know besides the built-in ones.
var (
	mood       = postgres.Type{OID: 20001, Schema: "public", Name: "mood", Kind: 'e', Typmod: -1, Delim: ','}
	moods      = postgres.Type{OID: 20002, Schema: "public", Name: "_mood", Kind: 'b', Elem: 20001, Typmod: -1, Delim: ','}
	price      = postgres.Type{OID: 20003, Schema: "app", Name: "price", Kind: 'd', Base: 1700, Typmod: 655366, Delim: ','}
	instant    = postgres.Type{OID: 20004, Schema: "app", Name: "Instant", Kind: 'd', Base: 1184, Typmod: 3, Delim: ','}
	instants   = postgres.Type{OID: 20005, Schema: "app", Name: "_Instant", Kind: 'b', Elem: 20004, Typmod: -1, Delim: ','}
	hstoreType = postgres.Type{OID: 20006, Schema: "public", Name: "hstore", Kind: 'b', Typmod: -1, Delim: ','}
	numbers    = postgres.Type{OID: 20007, Schema: "public", Name: "numbers", Kind: 'd', Base: 1007, Typmod: -1, Delim: ','}
	numbersArr = postgres.Type{OID: 20008, Schema: "public", Name: "_numbers", Kind: 'b', Elem: 20007, Typmod: -1, Delim: ','}
	circular   = postgres.Type{OID: 20009, Schema: "public", Name: "circular", Kind: 'd', Base: 20009, Typmod: -1, Delim: ','}
	composite  = postgres.Type{OID: 20010, Schema: "public", Name: "point3", Kind: 'c', Typmod: -1, Delim: ','}
	userTypes  = []postgres.Type{mood, moods, price, instant, instants, hstoreType, numbers, numbersArr, circular, composite}
)

func findUserType(oid uint32) (postgres.Type, bool) {
	for _, t := range userTypes {
		if t.OID == oid {
			return t, true
		}
	}
	return postgres.Type{}, false
}

// typeNamed finds a type by its name in the catalog.
func typeNamed(t testing.TB, name string) postgres.Type {
	t.Helper()
	for _, types := range [][]postgres.Type{postgres.Builtins(), userTypes} {
		for _, typ := range types {
			if typ.Name == name {
				return typ
			}
		}
	}
	t.Fatalf("no type %s", name)
	return postgres.Type{}
}

func TestCodecsWriteTheEventForm(t *testing.T) {
	jsonText := postgres.Values{JSONText: true}
	infinityNull := postgres.Values{InfinityNull: true}
	tests := []struct {
		name     string
		typ      string
		typmod   int32
		values   postgres.Values
		raw      string
		wantJSON string
		wantText string
		wantKind schema.Kind
	}{
		{"true is true", "bool", -1, postgres.Values{}, "t", `true`, `true`, schema.Bool},
		{"false is false", "bool", -1, postgres.Values{}, "f", `false`, `false`, schema.Bool},
		{"a bigint keeps its digits", "int8", -1, postgres.Values{}, "-9223372036854775808", `-9223372036854775808`, `-9223372036854775808`, schema.Int},
		{"an oid is unsigned", "oid", -1, postgres.Values{}, "4294967295", `4294967295`, `4294967295`, schema.Int},
		{"a float keeps the server's exponent", "float8", -1, postgres.Values{}, "1e-05", `1e-05`, `1e-05`, schema.Float},
		{"a negative zero stays negative", "float8", -1, postgres.Values{}, "-0", `-0`, `-0`, schema.Float},
		{"a float that is no number is a string", "float4", -1, postgres.Values{}, "-Infinity", `"-Infinity"`, `-Infinity`, schema.Float},
		{"a numeric is a string", "numeric", -1, postgres.Values{}, "12.50", `"12.50"`, `12.50`, schema.Decimal},
		{"a numeric NaN is a string", "numeric", -1, postgres.Values{}, "NaN", `"NaN"`, `NaN`, schema.Decimal},
		{"money loses its sign and its commas", "money", -1, postgres.Values{}, "-$1,234,567.50", `"-1234567.50"`, `-1234567.50`, schema.Decimal},
		{"bytea is padded base64", "bytea", -1, postgres.Values{}, `\x00ff10fe`, `"AP8Q/g=="`, `AP8Q/g==`, schema.Bytes},
		{"an empty bytea is an empty string", "bytea", -1, postgres.Values{}, `\x`, `""`, ``, schema.Bytes},
		{"a timestamp has six digits by default", "timestamp", -1, postgres.Values{}, "2026-11-21 10:00:00.12", `"2026-11-21T10:00:00.120000"`, `2026-11-21T10:00:00.120000`, schema.Timestamp},
		{"a timestamp has as many digits as its column", "timestamp", 3, postgres.Values{}, "2026-11-21 10:00:00", `"2026-11-21T10:00:00.000"`, `2026-11-21T10:00:00.000`, schema.Timestamp},
		{"a timestamp never loses a digit", "timestamp", 3, postgres.Values{}, "2026-11-21 10:00:00.1234", `"2026-11-21T10:00:00.1234"`, `2026-11-21T10:00:00.1234`, schema.Timestamp},
		{"a timestamptz of no digits has no point", "timestamptz", 0, postgres.Values{}, "2026-11-21 10:00:00+00", `"2026-11-21T10:00:00Z"`, `2026-11-21T10:00:00Z`, schema.TimestampTZ},
		{"a timestamptz before Christ has Z before BC", "timestamptz", -1, postgres.Values{}, "0044-03-15 00:00:00+00 BC", `"0044-03-15T00:00:00Z BC"`, `0044-03-15T00:00:00Z BC`, schema.TimestampTZ},
		{"a timestamp before Christ is not filled up", "timestamp", -1, postgres.Values{}, "0044-03-15 00:00:00.5 BC", `"0044-03-15T00:00:00.5 BC"`, `0044-03-15T00:00:00.5 BC`, schema.Timestamp},
		{"a year of six digits is not filled up", "timestamp", -1, postgres.Values{}, "294276-12-31 23:59:59", `"294276-12-31T23:59:59"`, `294276-12-31T23:59:59`, schema.Timestamp},
		{"infinity is text", "timestamptz", -1, postgres.Values{}, "-infinity", `"-infinity"`, `-infinity`, schema.TimestampTZ},
		{"infinity is null when asked for", "timestamp", -1, infinityNull, "infinity", `null`, `infinity`, schema.Timestamp},
		{"an infinite date is null when asked for", "date", -1, infinityNull, "-infinity", `null`, `-infinity`, schema.Date},
		{"an infinite interval is null when asked for", "interval", -1, infinityNull, "infinity", `null`, `infinity`, schema.Interval},
		{"an infinite numeric is text even so", "numeric", -1, infinityNull, "Infinity", `"Infinity"`, `Infinity`, schema.Decimal},
		{"a date is as it is", "date", -1, postgres.Values{}, "2026-11-21", `"2026-11-21"`, `2026-11-21`, schema.Date},
		{"a time has six digits by default", "time", -1, postgres.Values{}, "24:00:00", `"24:00:00.000000"`, `24:00:00.000000`, schema.Time},
		{"a timetz is as it is", "timetz", -1, postgres.Values{}, "10:00:00.5+05:30", `"10:00:00.5+05:30"`, `10:00:00.5+05:30`, schema.String},
		{"an interval is a duration with signs", "interval", -1, postgres.Values{}, "P-1Y-2M3DT-4H-5M-6.5S", `"P-1Y-2M3DT-4H-5M-6.5S"`, `P-1Y-2M3DT-4H-5M-6.5S`, schema.Interval},
		{"text is escaped", "text", -1, postgres.Values{}, "a\"b\\\n\x01é", `"a\"b\\\n\u0001é"`, "a\"b\\\n\x01é", schema.String},
		{"json is one line", "json", -1, postgres.Values{}, "{\n\t\"a\\n\" :\r\n[1.50, 1E400]}", `{  "a\n" :  [1.50, 1E400]}`, `{  "a\n" :  [1.50, 1E400]}`, schema.JSON},
		{"json as text is the server's own", "json", -1, jsonText, "{\n\"a\": 2.50}", `"{\n\"a\": 2.50}"`, "{\n\"a\": 2.50}", schema.JSON},
		{"an enum is its label", "mood", -1, postgres.Values{}, `so "so"`, `"so \"so\""`, `so "so"`, schema.Enum},
		{"a domain has its base's digits", "Instant", -1, postgres.Values{}, "2026-11-21 10:00:00.1+00", `"2026-11-21T10:00:00.100Z"`, `2026-11-21T10:00:00.100Z`, schema.TimestampTZ},
		{"an array of a domain has them too", "_Instant", -1, postgres.Values{}, `{"2026-11-21 10:00:00.1+00",infinity,NULL}`, `["2026-11-21T10:00:00.100Z","infinity",null]`, `["2026-11-21T10:00:00.100Z","infinity",null]`, schema.Array},
		{"a circular domain is text", "circular", -1, postgres.Values{}, "x", `"x"`, `x`, schema.String},
		{"an empty array is empty", "_int4", -1, postgres.Values{}, "{}", `[]`, `[]`, schema.Array},
		{"an array passes its modifier on", "_time", 1, postgres.Values{}, "{10:00:00}", `["10:00:00.0"]`, `["10:00:00.0"]`, schema.Array},
		{"arrays nest", "_int4", -1, postgres.Values{}, "{{1,NULL},{3,4}}", `[[1,null],[3,4]]`, `[[1,null],[3,4]]`, schema.Array},
		{"a quoted NULL is text", "_text", -1, postgres.Values{}, `{"NULL",NULL,"","a\"b\\c,{}",plain}`, `["NULL",null,"","a\"b\\c,{}","plain"]`, `["NULL",null,"","a\"b\\c,{}","plain"]`, schema.Array},
		{"an array of bytea is an array of base64", "_bytea", -1, postgres.Values{}, `{"\\x00ff","\\x"}`, `["AP8=",""]`, `["AP8=",""]`, schema.Array},
		{"an array of json embeds", "_json", -1, postgres.Values{}, "{\"{\\\"a\\\":\n1}\",\"null\",NULL}", `[{"a": 1},null,null]`, `[{"a": 1},null,null]`, schema.Array},
		{"boxes are divided by semicolons", "_box", -1, postgres.Values{}, `{(1,1),(0,0);(2,2),(1,1)}`, `["(1,1),(0,0)","(2,2),(1,1)"]`, `["(1,1),(0,0)","(2,2),(1,1)"]`, schema.Array},
		{"bounds of its own make an array a string", "_int4", -1, postgres.Values{}, "[0:1][-2:-2]={{1},{2}}", `"[0:1][-2:-2]={{1},{2}}"`, `[0:1][-2:-2]={{1},{2}}`, schema.Array},
		{"arrays of a domain over arrays are nested", "_numbers", -1, postgres.Values{}, `{"{1,2}","{}"}`, `[[1,2],[]]`, `[[1,2],[]]`, schema.Array},
		{"an int2vector is text", "int2vector", -1, postgres.Values{}, "1 2", `"1 2"`, `1 2`, schema.String},
		{"an hstore is an object", "hstore", -1, postgres.Values{}, `"a\"b"=>"c\\d", "n"=>NULL, ""=>""`, `{"a\"b":"c\\d","n":null,"":""}`, `{"a\"b":"c\\d","n":null,"":""}`, schema.Map},
		{"an empty hstore is an empty object", "hstore", -1, postgres.Values{}, ``, `{}`, `{}`, schema.Map},
		{"a composite is text", "point3", -1, postgres.Values{}, `(1,"a b",)`, `"(1,\"a b\",)"`, `(1,"a b",)`, schema.String},
		{"a uuid is text of its own kind", "uuid", -1, postgres.Values{}, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", `"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"`, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", schema.UUID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, kind := postgres.CodecFor(typeNamed(t, tt.typ), tt.typmod, findUserType, tt.values)
			if kind != tt.wantKind {
				t.Errorf("kind = %s, want %s", kind, tt.wantKind)
			}
			got, err := c.AppendJSON([]byte("head "), []byte(tt.raw))
			if err != nil || string(got) != "head "+tt.wantJSON {
				t.Errorf("AppendJSON(%q) = %s, %v; want %s", tt.raw, got, err, tt.wantJSON)
			}
			if form := strings.TrimPrefix(string(got), "head "); !json.Valid([]byte(form)) {
				t.Errorf("AppendJSON(%q) = %s, which is not JSON", tt.raw, form)
			}
			got, err = c.AppendText([]byte("head "), []byte(tt.raw))
			if err != nil || string(got) != "head "+tt.wantText {
				t.Errorf("AppendText(%q) = %s, %v; want %s", tt.raw, got, err, tt.wantText)
			}
			if !c.Equal([]byte(tt.raw), []byte(tt.raw)) || c.Equal([]byte(tt.raw), []byte(tt.raw+"0")) {
				t.Errorf("Equal does not tell %q from another text", tt.raw)
			}
		})
	}
}

func TestEachByteOfATimestampIsLookedAt(t *testing.T) {
	const usual = "2026-11-21 10:59:08.123456"
	form := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$`)
	c, _ := postgres.CodecFor(typeNamed(t, "timestamp"), -1, findUserType, postgres.Values{})
	for i := range usual {
		for b := range 256 {
			raw := []byte(usual)
			raw[i] = byte(b)
			got, err := c.AppendText(nil, raw)
			if fits := form.Match(raw); (err == nil) != fits {
				t.Errorf("%q: got %q, %v, want that it fits: %v", raw, got, err, fits)
			}
		}
	}
}

func TestMalformedTextStops(t *testing.T) {
	tests := []struct {
		typ  string
		raws []string
	}{
		{"bool", []string{"", "true", "T", "x"}},
		{"int4", []string{"", "-", "secret", "1.0", "01", "+1", "1 ", "123456789012345678901"}},
		{"float8", []string{"", "1.", ".5", "secret", "inf", "1e", "0x1", "-"}},
		{"numeric", []string{"", "-", "1e5", "1.", ".5", "--1", "secret", "1.2.3"}},
		{"money", []string{"", "1.00", "$", "$,", "€1.00", "-$secret"}},
		{"bytea", []string{"", `\`, `\x0`, `\xsecret`, "00ff", `\x0g`}},
		{"timestamp", []string{"", "secret", "2026-11-21", "2026-11-21 10:00", "2026-11-21 10:00:00.", "2026-11-21 10:00:00+00", "Sat Nov 21 10:00:00 2026", "2026-11-21 10:00:00.1234567", " BC"}},
		{"timestamptz", []string{"", "2026-11-21 10:00:00", "2026-11-21 10:00:00+01", "2026-11-21 10:00:00+00:30", "+00", "+00 BC"}},
		{"date", []string{"", "21.11.2026", "2026-11-211", "secret", "2026-1-1", " BC"}},
		{"time", []string{"", "10:00", "10:00:00+00", "1:00:00", "10:00:00."}},
		{"timetz", []string{"", "10:00:00", "10:00:00+1", "10:00:00+01:", "10:00:00 secret"}},
		{"interval", []string{"", "1 day", "P", "-1:00:00", "@ 1 day", "Psecret"}},
		{"json", []string{"", "{", `{"a"}`, `{"a":1,}`, "[1,]", "nul", `"a`, `"\x"`, `"\u12g4"`, "\"\n\"", "1 2", "[1}", "}", `{"a":1]`, "secret", "1\x00", `"\`, `{1:2}`}},
		{"_int4", []string{"", "{", "}", "{1", "{1}2", "{1,}", "{,1}", "{{1}", "{1}}", "1", "{secret}", `{"1}`, `{"\`, "{{{{{{{1}}}}}}}", "{{}}", "[0:1]", "[0:1]=", "[secret]={1}", "{}{}", "{1{2}}"}},
		{"_bool", []string{"{true}", "{t;f}", `{t"f"}`}},
		{"hstore", []string{"a", `"a"`, `"a"=>`, `"a"=>b`, `"a"=>"b",`, `"a"=>"b", `, `"a"=>"b" "c"=>"d"`, `"a`, `"a\`, `"a"=>NULLx`}},
	}
	for _, tt := range tests {
		t.Run("malformed "+tt.typ, func(t *testing.T) {
			c, _ := postgres.CodecFor(typeNamed(t, tt.typ), -1, findUserType, postgres.Values{})
			for _, raw := range tt.raws {
				for _, appendTo := range []func(dst, raw []byte) ([]byte, error){c.AppendJSON, c.AppendText} {
					got, err := appendTo([]byte("head"), []byte(raw))
					var stop *failure.StopError
					if !errors.As(err, &stop) {
						t.Errorf("append %q = %q, %v; want a Stop", raw, got, err)
						continue
					}
					if string(got) != "head" {
						t.Errorf("append %q left %q behind", raw, got)
					}
					if strings.Contains(err.Error(), "secret") {
						t.Errorf("error %q holds the value", err)
					}
				}
			}
		})
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	const latin1 = "caf\xe9 \xff\xfe"
	tests := []struct {
		name, typ string
		values    postgres.Values
		raw       string
		want      string // "" for a Stop
	}{
		{"is not looked for in a database that knows its encoding", "text", postgres.Values{}, latin1, "\"caf\xe9 \xff\xfe\""},
		{"stops", "text", postgres.Values{CheckUTF8: true}, latin1, ""},
		{"is replaced when asked for", "text", postgres.Values{CheckUTF8: true, ReplaceInvalid: true}, latin1, "\"caf\uFFFD \uFFFD\""},
		{"stops in json", "json", postgres.Values{CheckUTF8: true}, "[\"\xe9\"]", ""},
		{"is replaced in an array", "_text", postgres.Values{CheckUTF8: true, ReplaceInvalid: true}, "{\xe9,b}", "[\"\uFFFD\",\"b\"]"},
		{"is replaced in an hstore", "hstore", postgres.Values{CheckUTF8: true, ReplaceInvalid: true}, "\"\xe9\"=>\"b\"", "{\"\uFFFD\":\"b\"}"},
		{"stops in an enum label", "mood", postgres.Values{CheckUTF8: true}, latin1, ""},
		{"stops in a char type whatever the encoding", "char", postgres.Values{}, "\xe9", ""},
		{"is replaced in a char type", "char", postgres.Values{ReplaceInvalid: true}, "\xe9", "\"\uFFFD\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := postgres.CodecFor(typeNamed(t, tt.typ), -1, findUserType, tt.values)
			got, err := c.AppendJSON(nil, []byte(tt.raw))
			if tt.want == "" {
				var stop *failure.StopError
				if !errors.As(err, &stop) {
					t.Fatalf("AppendJSON = %q, %v; want a Stop", got, err)
				}
				return
			}
			if err != nil || string(got) != tt.want {
				t.Errorf("AppendJSON = %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestJSONOfAnyDepth(t *testing.T) {
	c, _ := postgres.CodecFor(typeNamed(t, "json"), -1, findUserType, postgres.Values{})
	const depth = 100_000
	raw := strings.Repeat(`[{"a":`, depth) + "1" + strings.Repeat("}]", depth)
	if got, err := c.AppendJSON(nil, []byte(raw)); err != nil || string(got) != raw {
		t.Errorf("AppendJSON of %d levels = %d bytes, %v; want %d bytes", depth, len(got), err, len(raw))
	}
	if _, err := c.AppendJSON(nil, []byte(raw[:len(raw)-1])); err == nil {
		t.Error("AppendJSON of an open document gave no error")
	}
}
