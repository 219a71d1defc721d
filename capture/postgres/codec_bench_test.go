package postgres_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/postgres"
)

// typicalValues has one value for each codec.
var typicalValues = []struct{ typ, raw string }{
	{"bool", "t"},
	{"int8", "1234567890123"},
	{"float8", "1234.5678"},
	{"numeric", "12345.67"},
	{"money", "$12,345.67"},
	{"text", "seventeen letters"},
	{"char", "x"},
	{"mood", "happy"},
	{"Instant", "2026-11-21 10:00:00.12+00"},
	{"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	{"bytea", `\x` + strings.Repeat("00ff10fe", 256)},
	{"date", "2026-11-21"},
	{"time", "10:00:00.5"},
	{"timetz", "10:00:00.5+05:30"},
	{"timestamp", "2026-11-21 10:00:00.12"},
	{"timestamptz", "2026-11-21 10:00:00.123456+00"},
	{"interval", "P1Y2M3DT4H5M6.5S"},
	{"jsonb", `{"id": 12, "name": "a \"name\"", "tags": ["x", "y"], "total": 1.25}`},
	{"_int4", "{1,2,NULL,4}"},
	{"_text", `{plain,"with \"quotes\"",NULL}`},
	{"_bytea", `{"\\x00ff10fe"}`},
	{"hstore", `"a"=>"1", "b"=>NULL, "c"=>"say \"hi\""`},
}

func TestCodecsDoNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 1<<16)
	for _, v := range typicalValues {
		t.Run("values of "+v.typ, func(t *testing.T) {
			for _, values := range []postgres.Values{{}, {CheckUTF8: true}} {
				c, _ := postgres.CodecFor(typeNamed(t, v.typ), -1, findUserType, values)
				raw := []byte(v.raw)
				for name, appendTo := range map[string]func(dst, raw []byte) ([]byte, error){"AppendJSON": c.AppendJSON, "AppendText": c.AppendText} {
					if n := testing.AllocsPerRun(100, func() {
						if _, err := appendTo(dst, raw); err != nil {
							t.Fatal(err)
						}
					}); n != 0 {
						t.Errorf("%s allocates %v times, want 0", name, n)
					}
				}
			}
		})
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	dst := make([]byte, 0, 1<<16)
	for _, v := range typicalValues {
		b.Run(v.typ, func(b *testing.B) {
			c, _ := postgres.CodecFor(typeNamed(b, v.typ), -1, findUserType, postgres.Values{})
			raw := []byte(v.raw)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.AppendJSON(dst, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
