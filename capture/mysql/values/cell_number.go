package values

import (
	"bytes"
	"encoding/binary"
	"math"
)

// integerCell is digits, with zeros before them if the column is ZEROFILL.
type integerCell struct{ sameBytes }

func (c integerCell) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (integerCell) AppendText(dst, raw []byte) ([]byte, error) {
	sign, digits := cutSign(raw)
	if !allDigits(digits) {
		return dst, strange("integer")
	}
	return appendNumber(dst, raw, len(sign), len(raw)), nil
}

// decimalCell is digits with a point among them, before which there is one at least
// but with ZEROFILL.
type decimalCell struct{ sameBytes }

func (c decimalCell) AppendJSON(dst, raw []byte) ([]byte, error) {
	start := len(dst)
	dst, err := c.AppendText(append(dst, '"'), raw)
	if err != nil {
		return dst[:start], err
	}
	return append(dst, '"'), nil
}

func (decimalCell) AppendText(dst, raw []byte) ([]byte, error) {
	sign, digits := cutSign(raw)
	point := len(digits)
	for i, c := range digits {
		switch {
		case c-'0' <= 9:
		case c == '.' && point == len(digits) && i > 0 && i+1 < len(digits):
			point = i
		default:
			return dst, strange("decimal")
		}
	}
	if len(digits) == 0 {
		return dst, strange("decimal")
	}
	return appendNumber(dst, raw, len(sign), len(sign)+point), nil
}

// appendNumber appends raw without zeros at the start of its whole part, which is
// raw[start:end].
func appendNumber(dst, raw []byte, start, end int) []byte {
	if raw[start] != '0' {
		return append(dst, raw...)
	}
	whole := withoutZeros(raw[start:end])
	return append(append(append(dst, raw[:start]...), whole...), raw[end:]...)
}

// cutSign cuts a minus off.
func cutSign(raw []byte) (sign, digits []byte) {
	if len(raw) > 0 && raw[0] == '-' {
		return raw[:1], raw[1:]
	}
	return nil, raw
}

// allDigits reports whether b is digits, and some.
func allDigits(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
	}
	return len(b) > 0
}

// withoutZeros cuts zeros off that stand before another digit.
func withoutZeros(digits []byte) []byte {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits
}

// floatCell is the first coordinate of a point as a server keeps it ("Internal
// Geometry Storage Format"): behind the SRID, the byte order and the type, a DOUBLE as
// it is in memory. The second one is zero.
type floatCell struct {
	sameBytes
	bits int
}

func (c floatCell) AppendJSON(dst, raw []byte) ([]byte, error) {
	f, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return appendFloatJSON(dst, f, c.bits), nil
}

func (c floatCell) AppendText(dst, raw []byte) ([]byte, error) {
	f, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return appendFloat(dst, f, c.bits), nil
}

func (c floatCell) read(raw []byte) (float64, error) {
	const head = "\x00\x00\x00\x00\x01\x01\x00\x00\x00"
	coordinates, ok := bytes.CutPrefix(raw, []byte(head))
	if !ok || len(coordinates) != 16 || binary.LittleEndian.Uint64(coordinates[8:]) != 0 {
		return 0, strange("float")
	}
	f := math.Float64frombits(binary.LittleEndian.Uint64(coordinates))
	if c.bits == 32 && float64(float32(f)) != f {
		return 0, strange("float")
	}
	return f, nil
}
