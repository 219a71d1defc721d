package values_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
)

// FuzzJSONB holds the codec of json against go-mysql: what both read must be
// the same document. They differ in what they refuse: go-mysql takes strings that
// are not UTF-8 and moments that are none, and wants keys behind the entries of
// their object.
func FuzzJSONB(f *testing.F) {
	f.Add(unhex(f, smallJSON))
	codec := codecOf(f, jsonColumn, values.Options{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkCodec(t, codec, raw)
		checkCodec(t, codecOf(t, jsonColumn, values.Options{JSONText: true}), raw)
		got, err := codec.AppendJSON(nil, raw)
		if err != nil || len(raw) == 0 {
			return
		}
		want, ok := oracleJSON(t, raw)
		if !ok {
			return
		}
		if g, w := tokens(t, got), tokens(t, want); !sameTokens(g, w) {
			t.Errorf("AppendJSON(%x) = %s, want %s", raw, got, want)
		}
	})
}

// oracleJSON returns what go-mysql makes of a document in a row, and false if it
// refuses it. It panics on some hostile bytes.
func oracleJSON(t *testing.T, raw []byte) (text []byte, ok bool) {
	t.Helper()
	defer func() {
		if recover() != nil {
			text, ok = nil, false
		}
	}()
	const checksums = 0
	description := append([]byte{4, 0}, make([]byte, 50+4)...)
	copy(description[2:], "9.7.0")
	lengths := make([]byte, 42)
	lengths[binlog.TableMapEvent-1], lengths[binlog.WriteRows-1] = 8, 10
	description = append(append(append(description, binlog.HeaderLen), lengths...), checksums, 0, 0, 0, 0)

	table := []byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 'd', 0, 1, 't', 0, 1, byte(binlog.TypeJSON), 1, 4, 0}
	rows := []byte{1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 0}
	rows = append(binary.LittleEndian.AppendUint32(rows, uint32(len(raw))), raw...)

	p := replication.NewBinlogParser()
	p.SetRenderJSONAsMySQLText(true)
	for _, e := range []struct {
		kind binlog.EventType
		body []byte
	}{{binlog.FormatDescription, description}, {binlog.TableMapEvent, table}, {binlog.WriteRows, rows}} {
		event := make([]byte, binlog.HeaderLen, binlog.HeaderLen+len(e.body))
		event[4] = byte(e.kind)
		binary.LittleEndian.PutUint32(event[9:], uint32(binlog.HeaderLen+len(e.body)))
		parsed, err := p.Parse(append(event, e.body...))
		if err != nil {
			return nil, false
		}
		if r, isRows := parsed.Event.(*replication.RowsEvent); isRows {
			switch v := r.Rows[0][0].(type) {
			case string:
				return []byte(v), true
			case []byte:
				return v, true
			}
			t.Fatalf("go-mysql reads a document as a %T", r.Rows[0][0])
		}
	}
	return nil, false
}

func tokens(t *testing.T, document []byte) (all []json.Token) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("read %q: %v", document, err)
		}
		all = append(all, token)
	}
}

func sameTokens(got, want []json.Token) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		switch g := got[i].(type) {
		case json.Number:
			w, ok := want[i].(json.Number)
			if !ok || !sameNumber(g.String(), w.String()) {
				return false
			}
		case string:
			w, ok := want[i].(string)
			if strings.HasPrefix(g, "base64:type") {
				g = strings.ReplaceAll(g, "\n", "") // go-mysql breaks no lines
			}
			// It leaves the fraction of zero times out.
			if !ok || g != w && g != w+".000000" {
				return false
			}
		default:
			if got[i] != want[i] {
				return false
			}
		}
	}
	return true
}

// sameNumber compares exact numbers; go-mysql writes large doubles out with all
// their digits.
func sameNumber(got, want string) bool {
	if strings.Contains(got, "e") {
		g, _ := strconv.ParseFloat(got, 64)
		w, _ := strconv.ParseFloat(want, 64)
		return g == w
	}
	g, ok := new(big.Rat).SetString(got)
	w, wantOK := new(big.Rat).SetString(want)
	return ok && wantOK && g.Cmp(w) == 0
}
