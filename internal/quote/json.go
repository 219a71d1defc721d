package quote

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// AppendJSON appends s to dst as a JSON string with its quotes and returns the
// extended slice. Only `"`, `\` and U+0000 to U+001F are escaped, so the same
// text always has the same bytes. s must be valid UTF-8 for the result to be:
// bytes from 0x80 up pass unread. s may lie in dst's array before len(dst).
func AppendJSON(dst, s []byte) []byte {
	if end := len(dst) + len(s) + 2; end <= cap(dst) && Plain(s) == len(s) {
		out := dst[len(dst):end]
		out[0], out[len(out)-1] = '"', '"'
		copy(out[1:], s)
		return dst[:end]
	}
	dst = append(dst, '"')
	dst = AppendJSONContent(dst, s)
	return append(dst, '"')
}

// AppendText is AppendJSON for text that may not be UTF-8: then ok is false and
// nothing is appended. Most text is ASCII without anything to escape, and that is
// found out while it is copied.
func AppendText(dst, s []byte) (out []byte, ok bool) {
	start := len(dst)
	dst = slices.Grow(dst, 1+len(s)+8) // a short text is copied as eight bytes
	dst = append(dst, '"')
	n := copyASCII(dst[len(dst):cap(dst)], s)
	dst = dst[:len(dst)+n]
	if n < len(s) {
		if !utf8.Valid(s[n:]) {
			return dst[:start], false
		}
		dst = AppendJSONContent(dst, s[n:])
	}
	return append(dst, '"'), true
}

// copyASCII copies what is ASCII and not escaped at the start of s, and returns
// how many bytes these are, or less. to has room for s and at least for eight
// bytes.
func copyASCII(to, s []byte) int {
	if len(s) < 8 {
		return copyShort(to, s)
	}
	i := 0
	for ; i+16 <= len(s); i += 16 {
		from, into := s[i:i+16:i+16], to[i:i+16:i+16]
		x, y := binary.LittleEndian.Uint64(from), binary.LittleEndian.Uint64(from[8:])
		if apart(x)|apart(y) != 0 {
			return i
		}
		binary.LittleEndian.PutUint64(into, x)
		binary.LittleEndian.PutUint64(into[8:], y)
	}
	if i+8 <= len(s) {
		x := binary.LittleEndian.Uint64(s[i:])
		if apart(x) != 0 {
			return i
		}
		binary.LittleEndian.PutUint64(to[i:], x)
		i += 8
	}
	if i < len(s) { // the last eight bytes, some of them once more
		x := binary.LittleEndian.Uint64(s[len(s)-8:])
		if apart(x) != 0 {
			return i
		}
		binary.LittleEndian.PutUint64(to[len(s)-8:], x)
	}
	return len(s)
}

// copyShort is copyASCII of less than eight bytes.
func copyShort(to, s []byte) int {
	if cap(s) >= 8 { // what lies behind s is read and written, but not looked at
		x := binary.LittleEndian.Uint64(s[:8])
		seen := uint64(1)<<(8*len(s)&63) - 1
		if apart(x&seen|ones*'a'&^seen) != 0 {
			return 0
		}
		binary.LittleEndian.PutUint64(to, x)
		return len(s)
	}
	for i, b := range s {
		if special(b) || b >= utf8.RuneSelf {
			return i
		}
		to[i] = b
	}
	return len(s)
}

// AppendJSONContent is AppendJSON without the quotes: for a string that is put
// together from several pieces.
func AppendJSONContent(dst, s []byte) []byte {
	for {
		n := Plain(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return dst
		}
		// Special bytes come in swarms, as the quotes of JSON in a text do: the
		// next few bytes are cheaper one by one.
		near := min(n+24, len(s))
		for _, b := range s[n:near] {
			if special(b) {
				dst = appendEscape(dst, b)
			} else {
				dst = append(dst, b)
			}
		}
		s = s[near:]
	}
}

// AppendJSONString is AppendJSON for a string. It is meant for names and other
// text that is quoted once per table, not once per row.
func AppendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if special(s[i]) {
			dst = appendEscape(dst, s[i])
		} else {
			dst = append(dst, s[i])
		}
	}
	return append(dst, '"')
}

// Plain returns how many bytes at the start of s stand in a JSON string as they
// are: the index of the first `"`, `\` or control character, else len(s).
func Plain(s []byte) int {
	i := 0
	if len(s) >= 8 { // most strings within a document end here
		if m := specials(binary.LittleEndian.Uint64(s)); m != 0 {
			return bits.TrailingZeros64(m) >> 3
		}
		i = 8
	}
	for ; i+16 <= len(s); i += 16 {
		block := s[i : i+16 : i+16]
		if specials(binary.LittleEndian.Uint64(block))|specials(binary.LittleEndian.Uint64(block[8:])) != 0 {
			break
		}
	}
	for ; i+8 <= len(s); i += 8 {
		if m := specials(binary.LittleEndian.Uint64(s[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	rest := len(s) - i
	if rest == 0 {
		return i
	}
	if i > 0 {
		// The last eight bytes once more, the known ones shifted out and
		// replaced by bytes that are never special.
		known := uint(8-rest) * 8
		x := binary.LittleEndian.Uint64(s[len(s)-8:])>>known | ^uint64(0)<<(64-known)
		if m := specials(x); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		return len(s)
	}
	if rest >= 4 {
		// The first four bytes and the last four, which may overlap.
		if x := uint64(binary.LittleEndian.Uint32(s)) | uint64(binary.LittleEndian.Uint32(s[rest-4:]))<<32; specials(x) == 0 {
			return rest
		}
	}
	for ; i < len(s); i++ {
		if special(s[i]) {
			return i
		}
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// specials looks at eight bytes at once. The lowest bit set in the result
// belongs to the first special byte; bits above it may be false alarms, as a
// borrow runs upwards. No bit is set if no byte is special.
func specials(x uint64) uint64 {
	quotes := x ^ ones*'"'
	slashes := x ^ ones*'\\'
	return ((x-ones*' ')&^x | (quotes-ones)&^quotes | (slashes-ones)&^slashes) & highs
}

// apart looks at eight bytes at once. No bit is set if each is ASCII and not special.
// Of ASCII nothing is carried from a byte into the next, and what is none sets a bit
// by itself.
func apart(x uint64) uint64 {
	const above = 0x80 - ' ' // added, sets the highest bit of all but control characters
	return (x | ^(x + ones*above) | (highs - (x ^ ones*'"')) | (highs - (x ^ ones*'\\'))) & highs
}

func special(b byte) bool { return b < ' ' || b == '"' || b == '\\' }

func appendEscape(dst []byte, b byte) []byte {
	const digits = "0123456789abcdef"
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	}
	return append(dst, '\\', 'u', '0', '0', digits[b>>4], digits[b&15])
}
