package values

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// A writer appends characters as UTF-8, and one U+FFFD for each run of what is
// none.
type writer struct {
	dst []byte
	run bool // the last one was none
	bad bool // some were
}

func (w *writer) ascii(s []byte) {
	w.dst = append(w.dst, s...)
	w.run = false
}

// rune appends r; 0 is none.
func (w *writer) rune(r rune) {
	if r != 0 {
		w.dst = utf8.AppendRune(w.dst, r)
		w.run = false
		return
	}
	if !w.run {
		w.dst = utf8.AppendRune(w.dst, utf8.RuneError)
	}
	w.run, w.bad = true, true
}

// singleByte returns the decoder of ASCII with the given upper half.
func singleByte(upper string) decoder {
	var table [128]rune
	i := 0
	for _, r := range upper {
		if r != utf8.RuneError {
			table[i] = r
		}
		i++
	}
	return func(dst, src []byte) ([]byte, bool) {
		w := writer{dst: dst}
		for len(src) > 0 {
			if n := asciiLen(src); n > 0 {
				w.ascii(src[:n])
				src = src[n:]
				continue
			}
			w.rune(table[src[0]&0x7f])
			src = src[1:]
		}
		return w.dst, !w.bad
	}
}

// ucs2 has no surrogates: each is a character without a UTF-8 form.
func decodeUCS2(dst, src []byte) ([]byte, bool) {
	return decodeUnits(dst, src, binary.BigEndian, false)
}

func decodeUTF16(dst, src []byte) ([]byte, bool) {
	return decodeUnits(dst, src, binary.BigEndian, true)
}

func decodeUTF16LE(dst, src []byte) ([]byte, bool) {
	return decodeUnits(dst, src, binary.LittleEndian, true)
}

func decodeUnits(dst, src []byte, order binary.ByteOrder, pairs bool) ([]byte, bool) {
	w := writer{dst: dst}
	for len(src) >= 2 {
		r := rune(order.Uint16(src))
		src = src[2:]
		if !utf16.IsSurrogate(r) {
			w.unit(r)
			continue
		}
		if pairs && len(src) >= 2 {
			if pair := utf16.DecodeRune(r, rune(order.Uint16(src))); pair != utf8.RuneError {
				w.unit(pair)
				src = src[2:]
				continue
			}
		}
		w.rune(0)
	}
	if len(src) > 0 {
		w.rune(0)
	}
	return w.dst, !w.bad
}

func decodeUTF32(dst, src []byte) ([]byte, bool) {
	w := writer{dst: dst}
	for len(src) >= 4 {
		v := binary.BigEndian.Uint32(src)
		src = src[4:]
		if v > utf8.MaxRune || utf16.IsSurrogate(rune(v)) {
			w.rune(0)
			continue
		}
		w.unit(rune(v))
	}
	if len(src) > 0 {
		w.rune(0)
	}
	return w.dst, !w.bad
}

// unit is rune where U+0000 is a character too.
func (w *writer) unit(r rune) {
	w.dst = utf8.AppendRune(w.dst, r)
	w.run = false
}
