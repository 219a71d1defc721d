package values

import (
	"fmt"
	"unicode/utf8"
)

// A charset is a character set by its name in MySQL and MariaDB, which agree on
// every one that both have.
type charset struct {
	name   string
	maxLen int     // bytes of its longest character
	wide   bool    // ASCII is not one byte
	decode decoder // nil: binary, and what is UTF-8 already
}

// A decoder appends the UTF-8 form of src to dst. Each run of bytes that have
// none becomes one U+FFFD, and then ok is false.
type decoder func(dst, src []byte) (out []byte, ok bool)

// charsetOf returns the character set of a collation. The error says that it is
// not known.
func charsetOf(collation uint16) (charset, error) {
	if collation == 0 {
		return charset{}, fmt.Errorf("the log does not tell the character set")
	}
	name := charsetName(collation)
	switch name {
	case "":
		return charset{}, fmt.Errorf("the collation with the number %d is not known", collation)
	case "binary":
		return charset{name: name, maxLen: 1}, nil
	case "utf8mb3":
		return charset{name: name, maxLen: 3}, nil
	case "utf8mb4":
		return charset{name: name, maxLen: 4}, nil
	case "ucs2":
		return charset{name: name, maxLen: 2, wide: true, decode: decodeUCS2}, nil
	case "utf16":
		return charset{name: name, maxLen: 4, wide: true, decode: decodeUTF16}, nil
	case "utf16le":
		return charset{name: name, maxLen: 4, wide: true, decode: decodeUTF16LE}, nil
	case "utf32":
		return charset{name: name, maxLen: 4, wide: true, decode: decodeUTF32}, nil
	}
	if upper, ok := upperHalves[name]; ok {
		return charset{name: name, maxLen: 1, decode: singleByte(upper)}, nil
	}
	if m, ok := multiByte[name]; ok {
		return charset{name: name, maxLen: m.maxLen, decode: m.decoder()}, nil
	}
	return charset{}, fmt.Errorf("the character set %s is not known", name)
}

// Three blocks of ids are MariaDB's alone. Added to the id of a collation that
// pads, nopadBit makes the same without; the collations of UCA 14.0.0 lie in five
// blocks of 256.
const (
	nopadBit = 0x400
	firstUCA = 2048
	ucaBlock = 256
)

var ucaBlocks = [...]string{"utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"}

// charsetName returns the name of a collation's character set, "" if the
// collation is not known.
func charsetName(collation uint16) string {
	switch {
	case collation >= firstUCA:
		if block := int(collation-firstUCA) / ucaBlock; block < len(ucaBlocks) {
			return ucaBlocks[block]
		}
		return ""
	case collation >= nopadBit:
		collation -= nopadBit
	}
	for _, r := range collations {
		if r.first <= collation && collation <= r.last {
			return r.charset
		}
	}
	return ""
}

// asciiLen returns how many bytes at the start of s are ASCII.
func asciiLen(s []byte) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8 : i+8]
		if (b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7])&0x80 != 0 {
			break
		}
	}
	for i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	return i
}
