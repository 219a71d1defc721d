package values

import (
	"encoding/binary"

	"github.com/tailrace/tailrace/internal/quote"
)

// embedded is a JSON document as MySQL prints it, byte for byte: its spaces, its
// order of keys, its digits.
type embedded struct{ sameBytes }

func (c embedded) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (embedded) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		// A NULL that was turned into NOT NULL without a rebuild.
		return append(dst, "null"...), nil
	}
	start := len(dst)
	p := jsonPrinter{budget: len(raw)}
	dst, ok := p.value(dst, raw[0], raw[1:], 0)
	if !ok {
		return dst[:start], malformed("json")
	}
	return dst, nil
}

// jsonText is a JSON document as a string.
type jsonText struct{ sameBytes }

func (jsonText) AppendJSON(dst, raw []byte) ([]byte, error) {
	start := len(dst)
	dst, err := embedded{}.AppendText(dst, raw)
	if err != nil {
		return dst, err
	}
	return quoteTail(dst, start), nil
}

func (jsonText) AppendText(dst, raw []byte) ([]byte, error) { return embedded{}.AppendText(dst, raw) }

// The types of JSON values (MySQL: sql-common/json_binary.h).
const (
	jsonSmallObject = 0x00
	jsonLargeObject = 0x01
	jsonSmallArray  = 0x02
	jsonLargeArray  = 0x03
	jsonLiteral     = 0x04
	jsonInt16       = 0x05
	jsonUint16      = 0x06
	jsonInt32       = 0x07
	jsonUint32      = 0x08
	jsonInt64       = 0x09
	jsonUint64      = 0x0a
	jsonDouble      = 0x0b
	jsonString      = 0x0c
	jsonOpaque      = 0x0f
)

// maxJSONDepth is how deep the server lets documents be.
const maxJSONDepth = 100

// A jsonPrinter prints one document. No part of a document lies in two values,
// so the bytes that were read are never more than there are; a document whose
// offsets lead to the same place again and again ends there. Text that is
// appended to is given and returned: kept here, each piece would be a store to
// memory.
type jsonPrinter struct {
	budget int
}

// spend reports whether n more bytes may be read.
func (p *jsonPrinter) spend(n int) bool {
	p.budget -= n
	return p.budget >= 0
}

// value appends the value at the start of data and reports whether it is one.
func (p *jsonPrinter) value(dst []byte, kind byte, data []byte, depth int) ([]byte, bool) {
	switch kind {
	case jsonString:
		s, ok := p.blob(data)
		if !ok {
			return dst, false
		}
		return quote.AppendText(dst, s)
	case jsonSmallObject, jsonLargeObject, jsonSmallArray, jsonLargeArray:
		if depth == maxJSONDepth {
			return dst, false
		}
		return p.container(dst, kind, data, depth)
	case jsonOpaque:
		if len(data) == 0 {
			return dst, false
		}
		s, ok := p.blob(data[1:])
		if !ok {
			return dst, false
		}
		return appendOpaque(dst, data[0], s)
	}
	return p.scalar(dst, kind, data)
}

// container appends an object or an array: its number of elements, its size, for
// an object offset and length of each key, for each element type and offset, or
// the value itself where it has room; then the keys, then the values. Offsets
// are from the start of the container, and have 2 bytes, or 4 in a large one.
func (p *jsonPrinter) container(dst []byte, kind byte, data []byte, depth int) ([]byte, bool) {
	object := kind == jsonSmallObject || kind == jsonLargeObject
	large := kind == jsonLargeObject || kind == jsonLargeArray
	word := 2
	if large {
		word = 4
	}
	if len(data) < 2*word {
		return dst, false
	}
	count, size := readWord(data, large), readWord(data[word:], large)
	if size > len(data) {
		return dst, false
	}
	data = data[:size]
	keyEntry, entry := 2*word, 2*word
	if object {
		entry += count * (word + 2)
	}
	end := entry + count*(word+1)
	if end > size || !p.spend(end) {
		return dst, false
	}
	opening := byte('[')
	if object {
		opening = '{'
	}
	dst = append(dst, opening)
	for i := range count {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		ok := true
		if object {
			start := readWord(data[keyEntry:], large)
			length := int(binary.LittleEndian.Uint16(data[keyEntry+word:]))
			keyEntry += word + 2
			if start+length > size || !p.spend(length) {
				return dst, false
			}
			if dst, ok = quote.AppendText(dst, data[start:start+length]); !ok {
				return dst, false
			}
			dst = append(dst, ": "...)
		}
		kind, place := data[entry], data[entry+1:entry+1+word]
		entry += 1 + word
		if inline(kind, large) {
			dst, ok = p.scalar(dst, kind, place)
		} else if offset := readWord(place, large); offset < size {
			dst, ok = p.value(dst, kind, data[offset:], depth+1)
		} else {
			ok = false
		}
		if !ok {
			return dst, false
		}
	}
	return append(dst, opening+2), true
}

// inline reports whether values of this type stand where others have their
// offset.
func inline(kind byte, large bool) bool {
	switch kind {
	case jsonLiteral, jsonInt16, jsonUint16:
		return true
	case jsonInt32, jsonUint32:
		return large
	}
	return false
}

// readWord reads a number of 2 bytes, or 4 in a large container.
func readWord(b []byte, large bool) int {
	if large {
		return int(binary.LittleEndian.Uint32(b))
	}
	return int(binary.LittleEndian.Uint16(b))
}

// blob reads a length, seven bits a byte and the lowest first, and as many bytes.
func (p *jsonPrinter) blob(data []byte) ([]byte, bool) {
	const longest = 5
	length := 0
	for i := range min(len(data), longest) {
		length |= int(data[i]&0x7f) << (7 * i)
		if data[i]&0x80 == 0 {
			data = data[i+1:]
			if length > len(data) || !p.spend(i+1+length) {
				return nil, false
			}
			return data[:length], true
		}
	}
	return nil, false
}
