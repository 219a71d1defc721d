package values_test

import (
	"encoding/hex"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/schema"
)

// typicalValues has one value for each codec.
var typicalValues = []struct {
	name   string
	column binlog.Column
	raw    string // hex
}{
	{"int", binlog.Column{Type: binlog.TypeLong, SignKnown: true}, "d2029649"},
	{"bigint unsigned", binlog.Column{Type: binlog.TypeLonglong, SignKnown: true, Unsigned: true}, "d202964900000000"},
	{"bit", binlog.Column{Type: binlog.TypeBit, Meta: 12}, "0aaa"},
	{"year", binlog.Column{Type: binlog.TypeYear}, "7e"},
	{"float", binlog.Column{Type: binlog.TypeFloat, Meta: 4}, "cdcccc3d"},
	{"double", binlog.Column{Type: binlog.TypeDouble, Meta: 8}, "b81e85eb51f83840"},
	{"decimal(12,2)", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 12<<8 | 2}, "80000030392d"},
	{"decimal(65,30)", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 65<<8 | 30}, "80000000000000000000000000003039075bcd15000000000000000003e7"},
	{"date", binlog.Column{Type: binlog.TypeDate}, "75d50f"},
	{"datetime(6)", binlog.Column{Type: binlog.TypeDatetime2, Meta: 6}, "99bb6aa00001e240"},
	{"timestamp(0)", binlog.Column{Type: binlog.TypeTimestamp2}, "6b016ba0"},
	{"timestamp(6)", binlog.Column{Type: binlog.TypeTimestamp2, Meta: 6}, "6b016ba001e240"},
	{"time(6)", binlog.Column{Type: binlog.TypeTime2, Meta: 6}, "80a00001e240"},
	{"varchar utf8mb4", binlog.Column{Type: binlog.TypeVarchar, Meta: 160, Charset: 255}, hex.EncodeToString([]byte("twenty letters of it"))},
	{"varchar latin1", binlog.Column{Type: binlog.TypeVarchar, Meta: 40, Charset: 8}, hex.EncodeToString([]byte("twenty letters of it"))},
	{"varchar latin1 with an umlaut", binlog.Column{Type: binlog.TypeVarchar, Meta: 40, Charset: 8}, hex.EncodeToString([]byte("twenty l\xf6tters of it"))},
	{"varchar gbk", binlog.Column{Type: binlog.TypeVarchar, Meta: 80, Charset: 28}, "cac0bde7cac0bde7cac0bde7cac0bde7cac0bde7"},
	{"blob", binlog.Column{Type: binlog.TypeBlob, Meta: 2, Charset: 63}, hex.EncodeToString(make([]byte, 1024))},
	{"binary(16)", binlog.Column{Type: binlog.TypeString, Meta: 16, Charset: 63}, "123e4567e89b42d3a45642661417"},
	{"enum", binlog.Column{Type: binlog.TypeEnum, Meta: 1, Charset: 255, Labels: [][]byte{[]byte("small"), []byte("large")}}, "02"},
	{"set", binlog.Column{Type: binlog.TypeSet, Meta: 1, Charset: 255, Labels: [][]byte{[]byte("small"), []byte("large")}}, "03"},
	{"json", binlog.Column{Type: binlog.TypeJSON, Meta: 4}, smallJSON},
	{"geometry", binlog.Column{Type: binlog.TypeGeometry, Meta: 4}, "000000000101000000000000000000f03f0000000000000040"},
	{"vector(3)", binlog.Column{Type: binlog.TypeVector, Meta: 4}, "0000803fcdccccbd0000003f"},
}

// smallJSON is {"id": 12, "name": "a \"name\"", "total": 1.25}.
const smallJSON = "00" + "0300" + "3500" + "19000200" + "1b000400" + "1f000500" + "050c00" + "0c2400" + "0b2d00" +
	"6964" + "6e616d65" + "746f74616c" + "08612022" + "6e616d6522" + "000000000000f43f"

func codecOf(t testing.TB, c binlog.Column, o values.Options) schema.Codec {
	t.Helper()
	codec, _, _, err := values.For(c, o)
	if err != nil {
		t.Fatalf("For(%+v): %v", c, err)
	}
	return codec
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCodecsDoNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 1<<16)
	for _, v := range typicalValues {
		t.Run("values of "+v.name, func(t *testing.T) {
			for _, o := range []values.Options{{}, {JSONText: true, ZeroDatesNull: true, ReplaceInvalid: true}} {
				c, raw := codecOf(t, v.column, o), unhex(t, v.raw)
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
		b.Run(v.name, func(b *testing.B) {
			c, raw := codecOf(b, v.column, values.Options{}), unhex(b, v.raw)
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
