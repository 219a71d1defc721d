package values

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/tailrace/tailrace/internal/quote"
)

// geometry is {"srid":4326,"wkb":"base64"}: the log holds the SRID in 4 bytes,
// little endian, and then the WKB.
type geometry struct{ sameBytes }

func (c geometry) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (geometry) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw) < 4 {
		return dst, malformed("geometry")
	}
	dst = append(dst, `{"srid":`...)
	dst = quote.AppendUint(dst, uint64(binary.LittleEndian.Uint32(raw)))
	dst = append(dst, `,"wkb":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, raw[4:])
	return append(dst, `"}`...), nil
}

// vector is a JSON array of its elements, each the shortest number that reads
// back as the same 32 bits.
type vector struct{ sameBytes }

func (c vector) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (vector) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw)%4 != 0 {
		return dst, malformed("vector")
	}
	dst = append(dst, '[')
	for i := 0; i < len(raw); i += 4 {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendFloatJSON(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[i:]))), 32)
	}
	return append(dst, ']'), nil
}
