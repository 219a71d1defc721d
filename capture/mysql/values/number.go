package values

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/tailrace/tailrace/internal/quote"
)

// integer is a JSON number: little endian, 1 to 8 bytes.
type integer struct {
	sameBytes
	width    uint8
	unsigned bool
}

func (c integer) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (c integer) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw) != int(c.width) {
		return dst, malformed("integer")
	}
	var v uint64
	switch len(raw) {
	case 1:
		v = uint64(raw[0])
	case 2:
		v = uint64(binary.LittleEndian.Uint16(raw))
	case 3:
		v = uint64(raw[0]) | uint64(raw[1])<<8 | uint64(raw[2])<<16
	case 4:
		v = uint64(binary.LittleEndian.Uint32(raw))
	case 8:
		v = binary.LittleEndian.Uint64(raw)
	}
	if c.unsigned {
		return quote.AppendUint(dst, v), nil
	}
	unused := 64 - 8*uint(len(raw))
	return quote.AppendInt(dst, int64(v<<unused)>>unused), nil
}

// bit is a JSON number: big endian, as many bytes as the bits need.
type bit struct {
	sameBytes
	width int
}

func (c bit) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (c bit) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw) != c.width {
		return dst, malformed("bit")
	}
	var v uint64
	for _, b := range raw {
		v = v<<8 | uint64(b)
	}
	return quote.AppendUint(dst, v), nil
}

// year is a JSON number: one byte, years since 1900, and 0 for the year 0000.
type year struct{ sameBytes }

func (c year) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (year) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw) != 1 {
		return dst, malformed("year")
	}
	if raw[0] == 0 {
		return append(dst, '0'), nil
	}
	return quote.AppendUint(dst, 1900+uint64(raw[0])), nil
}

// float is the shortest JSON number that reads back as the same 32 bits.
type float struct{ sameBytes }

func (float) AppendJSON(dst, raw []byte) ([]byte, error) {
	if len(raw) != 4 {
		return dst, malformed("float")
	}
	return appendFloatJSON(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))), 32), nil
}

func (float) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw) != 4 {
		return dst, malformed("float")
	}
	return appendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))), 32), nil
}

// double is the shortest JSON number that reads back as the same 64 bits.
type double struct{ sameBytes }

func (double) AppendJSON(dst, raw []byte) ([]byte, error) {
	if len(raw) != 8 {
		return dst, malformed("double")
	}
	return appendFloatJSON(dst, math.Float64frombits(binary.LittleEndian.Uint64(raw)), 64), nil
}

func (double) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw) != 8 {
		return dst, malformed("double")
	}
	return appendFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(raw)), 64), nil
}

func appendFloatJSON(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(appendFloat(append(dst, '"'), f, bits), '"')
	}
	return appendFloat(dst, f, bits)
}

// appendFloat writes digits up to 1e21 and an exponent beyond, as JavaScript
// does. No server stores what is not finite; a damaged log may.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch magnitude := math.Abs(f); {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21):
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	}
	return quote.AppendFloat(dst, f, bits)
}
