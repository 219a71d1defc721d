package values

import (
	"encoding/binary"

	"github.com/tailrace/tailrace/internal/quote"
)

const (
	maxPrecision = 65
	maxScale     = 30
	groupDigits  = 9 // digits in 4 bytes
)

// bytesOf is how many bytes hold that many digits of an incomplete group.
var bytesOf = [groupDigits]uint8{0, 1, 1, 2, 2, 3, 3, 4, 4}

// powers holds the first number that has more than that many digits.
var powers = [groupDigits + 1]uint32{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000}

// A decimal is a string with the digits that were declared: readers take a JSON
// number for a float. On both sides of the point are groups of nine digits, big
// endian in 4 bytes; the outermost group of a side is shorter. The first bit is
// set for what is not negative; all bits of a negative number are inverted
// (MySQL: strings/decimal.cc, decimal2bin).
type decimal struct {
	sameBytes
	size                 int // bytes
	leadDigits, leadSize uint8
	groups, fracGroups   uint8
	tailDigits, tailSize uint8
}

// newDecimal returns the codec for precision digits, scale of them after the
// point.
func newDecimal(precision, scale int) (decimal, bool) {
	if precision < 1 || precision > maxPrecision || scale > maxScale || scale > precision {
		return decimal{}, false
	}
	whole := precision - scale
	c := decimal{
		leadDigits: uint8(whole % groupDigits), groups: uint8(whole / groupDigits),
		fracGroups: uint8(scale / groupDigits), tailDigits: uint8(scale % groupDigits),
	}
	c.leadSize, c.tailSize = bytesOf[c.leadDigits], bytesOf[c.tailDigits]
	c.size = int(c.leadSize) + 4*int(c.groups+c.fracGroups) + int(c.tailSize)
	return c, true
}

func (c decimal) AppendJSON(dst, raw []byte) ([]byte, error) {
	start := len(dst)
	dst, err := c.AppendText(append(dst, '"'), raw)
	if err != nil {
		return dst[:start], err
	}
	return append(dst, '"'), nil
}

func (c decimal) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw) != c.size {
		return dst, malformed("decimal")
	}
	start := len(dst)
	mask := uint32(0)
	if raw[0]&0x80 == 0 {
		mask = ^mask
		dst = append(dst, '-')
	}
	sign := byte(0x80) // is no digit, and gone after the first group
	digits := len(dst)
	ok := true
	if c.leadSize > 0 {
		v := group(raw[:c.leadSize], sign, mask)
		ok = v < powers[c.leadDigits]
		if v != 0 {
			dst = quote.AppendUint(dst, uint64(v))
		}
		raw, sign = raw[c.leadSize:], 0
	}
	for range c.groups {
		v := group(raw[:4], sign, mask)
		ok = ok && v < powers[groupDigits]
		if len(dst) > digits {
			dst = quote.AppendPadded(dst, uint64(v), groupDigits)
		} else if v != 0 {
			dst = quote.AppendUint(dst, uint64(v))
		}
		raw, sign = raw[4:], 0
	}
	if len(dst) == digits {
		dst = append(dst, '0')
	}
	if c.fracGroups|c.tailSize != 0 {
		dst = append(dst, '.')
	}
	for range c.fracGroups {
		v := group(raw[:4], sign, mask)
		ok = ok && v < powers[groupDigits]
		dst = quote.AppendPadded(dst, uint64(v), groupDigits)
		raw, sign = raw[4:], 0
	}
	if c.tailSize > 0 {
		v := group(raw, sign, mask)
		ok = ok && v < powers[c.tailDigits]
		dst = quote.AppendPadded(dst, uint64(v), int(c.tailDigits))
	}
	if !ok {
		return dst[:start], malformed("decimal")
	}
	return dst, nil
}

// group reads 1 to 4 bytes, big endian, with the sign bit of the number taken
// out.
func group(b []byte, sign byte, mask uint32) uint32 {
	switch len(b) {
	case 1:
		return uint32(b[0]^sign) ^ mask&0xff
	case 2:
		return uint32(b[0]^sign)<<8 ^ uint32(b[1]) ^ mask&0xffff
	case 3:
		return uint32(b[0]^sign)<<16 ^ uint32(b[1])<<8 ^ uint32(b[2]) ^ mask&0xffffff
	}
	return binary.BigEndian.Uint32(b) ^ uint32(sign)<<24 ^ mask
}
