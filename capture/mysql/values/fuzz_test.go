package values_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// FuzzCodecs gives any bytes to the codec of any column: it either writes valid
// JSON on one line or stops, and neither touches what was there.
func FuzzCodecs(f *testing.F) {
	for _, v := range typicalValues {
		f.Add(uint8(v.column.Type), v.column.Meta, v.column.Charset, uint8(0), unhex(f, v.raw))
	}
	for _, collation := range []uint16{8, 12, 13, 28, 35, 54, 56, 60, 248, 1032, 2304} {
		f.Add(uint8(binlog.TypeBlob), uint16(2), collation, uint8(4), []byte("a\x8e\xb1\x84\x31\xa4\x37\xd8\x3d\xde\x00"))
	}
	f.Add(uint8(binlog.TypeBlobCompressed), uint16(2), uint16(255), uint8(0), unhex(f, "8101789c4b040000620062"))
	f.Add(uint8(binlog.TypeTimestamp), uint16(0), uint16(0), uint8(2), make([]byte, 4))
	f.Add(uint8(binlog.TypeDatetime), uint16(0), uint16(0), uint8(0), unhex(f, "e008ed686d120000"))
	f.Add(uint8(binlog.TypeTime), uint16(0), uint16(0), uint8(0), unhex(f, "590a80"))
	f.Fuzz(func(t *testing.T, kind uint8, meta, charset uint16, flags uint8, raw []byte) {
		c := binlog.Column{
			Type: binlog.ColumnType(kind), Meta: meta, Charset: charset, SignKnown: true, Unsigned: flags&8 != 0,
			Labels: [][]byte{[]byte("small"), []byte(`"large"`)},
		}
		o := values.Options{JSONText: flags&1 != 0, ZeroDatesNull: flags&2 != 0, ReplaceInvalid: flags&4 != 0, MariaDB: flags&16 != 0}
		codec, kindOf, sqlType, err := values.For(c, o)
		if err != nil {
			if codec != nil || kindOf != "" || sqlType != "" {
				t.Errorf("For(%+v): got %v, %s, %s beside %v", c, codec, kindOf, sqlType, err)
			}
			return
		}
		if codec == nil || kindOf == "" || sqlType == "" {
			t.Fatalf("For(%+v): got %v, %q, %q", c, codec, kindOf, sqlType)
		}
		checkCodec(t, codec, raw)
	})
}

// checkCodec holds what a codec makes of raw against what every codec promises.
func checkCodec(t *testing.T, c schema.Codec, raw []byte) {
	t.Helper()
	given := bytes.Clone(raw)
	const head = "head"
	form, err := c.AppendJSON([]byte(head), raw)
	text, textErr := c.AppendText([]byte(head), raw)
	if !bytes.Equal(raw, given) {
		t.Fatalf("the codec changed its input %x to %x", given, raw)
	}
	if (err == nil) != (textErr == nil) {
		t.Fatalf("AppendJSON of %x: %v, AppendText: %v", raw, err, textErr)
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
	if !json.Valid(form) || !utf8.Valid(form) || bytes.ContainsAny(form, "\n\r\t") {
		t.Fatalf("AppendJSON(%x) = %q, which is not JSON on one line", raw, form)
	}
	if form[0] != '"' {
		if string(form) != "null" && !bytes.Equal(form, text) {
			t.Errorf("AppendJSON(%x) = %q, AppendText = %q", raw, form, text)
		}
		return
	}
	var content string
	if err := json.Unmarshal(form, &content); err != nil {
		t.Fatalf("unmarshal %q: %v", form, err)
	}
	if content != string(text) && string(form) != string(text) { // a document may be a string
		t.Errorf("AppendJSON(%x) = %q, AppendText = %q", raw, form, text)
	}
}
