package values

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// integerCell is digits, with zeros before them if the column is ZEROFILL.
type integerCell struct{ sameBytes }

func (c integerCell) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (integerCell) AppendText(dst, raw []byte) ([]byte, error) {
	sign, digits := cutSign(raw)
	if !allDigits(digits) {
		return dst, strange("integer")
	}
	return append(append(dst, sign...), withoutZeros(digits)...), nil
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
	whole, fraction, point := bytes.Cut(digits, []byte{'.'})
	if !allDigits(whole) || point && !allDigits(fraction) {
		return dst, strange("decimal")
	}
	dst = append(append(dst, sign...), withoutZeros(whole)...)
	if point {
		dst = append(append(dst, '.'), fraction...)
	}
	return dst, nil
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

// floatCell is the text of a DOUBLE. The server gives as many digits as make it
// that number again.
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

// longestFloat is longer than any number that a server prints.
const longestFloat = 400

func (c floatCell) read(raw []byte) (float64, error) {
	if len(raw) == 0 || len(raw) > longestFloat {
		return 0, strange("float")
	}
	// ParseFloat keeps nothing of the string, unless there is an error.
	f, err := strconv.ParseFloat(unsafe.String(&raw[0], len(raw)), 64)
	if err != nil || c.bits == 32 && math.Abs(f) > math.MaxFloat32 {
		return 0, strange("float") // err has the value
	}
	return f, nil
}
