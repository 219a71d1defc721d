package values

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// A multiByteSet is a character set whose characters are ASCII or begin with a
// byte from 0x80 up and are two bytes long; some have longer ones too.
type multiByteSet struct {
	maxLen  int
	decoder func() decoder
}

// multiByte are all of them.
var multiByte = map[string]multiByteSet{
	"big5":    lazy(2, doubleByte{like: traditionalchinese.Big5, trails: trails{0x40, 0x7e, 0xa1, 0xfe}, patches: big5Patches}),
	"cp932":   lazy(2, doubleByte{like: japanese.ShiftJIS, trails: sjisTrails, patches: cp932Patches, kana: true}),
	"eucjpms": lazy(3, doubleByte{like: japanese.EUCJP, trails: eucTrails, patches: eucjpmsPatches, third: true}),
	"euckr":   lazy(2, doubleByte{like: korean.EUCKR, trails: trails{0x41, 0x5a, 0x61, 0xfe}}),
	"gb18030": lazy(4, doubleByte{like: simplifiedchinese.GB18030, trails: gbkTrails, patches: gb18030Patches, fourth: true}),
	"gb2312":  lazy(2, doubleByte{like: simplifiedchinese.GBK, trails: eucTrails, patches: gb2312Patches}),
	"gbk":     lazy(2, doubleByte{like: simplifiedchinese.GBK, trails: gbkTrails, patches: gbkPatches}),
	"sjis":    lazy(2, doubleByte{like: japanese.ShiftJIS, trails: sjisTrails, patches: sjisPatches, kana: true}),
	"ujis":    lazy(3, doubleByte{like: japanese.EUCJP, trails: eucTrails, patches: ujisPatches, third: true}),
}

// lazy makes the tables when the first column needs them: that takes some
// milliseconds.
func lazy(maxLen int, d doubleByte) multiByteSet {
	return multiByteSet{maxLen, sync.OnceValue(func() decoder {
		t := &doubleByteTables{doubleByte: d}
		t.fill()
		return t.decode
	})}
}

// trails are two ranges that hold the last byte of a code.
type trails [4]byte

var (
	eucTrails  = trails{0xa1, 0xfe, 0xa1, 0xfe}
	gbkTrails  = trails{0x40, 0x7e, 0x80, 0xfe}
	sjisTrails = trails{0x40, 0x7e, 0x80, 0xfc}
)

func (t trails) has(b byte) bool { return t[0] <= b && b <= t[1] || t[2] <= b && b <= t[3] }

// A doubleByte says what a character set is made of.
type doubleByte struct {
	like    encoding.Encoding // is right but for the patches
	trails  trails
	patches []patch
	kana    bool // single bytes are half-width katakana
	third   bool // 0x8F begins a code of three bytes
	fourth  bool // a digit as the second byte belongs to a code of four bytes
}

// doubleByteTables hold the character of each code, 0 for none.
type doubleByteTables struct {
	doubleByte
	two   [1 << 16]uint16
	three []uint16 // by the last two bytes
	four  []uint16 // by number, for those that are not linear
}

const threeLead = 0x8f

func (t *doubleByteTables) fill() {
	d := t.like.NewDecoder()
	one := func(code ...byte) uint16 {
		text, err := d.Bytes(code)
		if err != nil {
			return 0
		}
		r, n := utf8.DecodeRune(text)
		if n != len(text) || r == utf8.RuneError || r > 0xffff {
			return 0
		}
		return uint16(r)
	}
	if t.third {
		t.three = make([]uint16, len(t.two))
	}
	for code := 0x8000; code < len(t.two); code++ {
		if !t.trails.has(byte(code)) {
			continue
		}
		t.two[code] = one(byte(code>>8), byte(code))
		if t.third {
			t.three[code] = one(threeLead, byte(code>>8), byte(code))
		}
	}
	for _, p := range t.patches {
		r := p.rune
		for code := p.first; code <= p.last; code++ {
			if !t.trails.has(byte(code)) {
				continue
			}
			if code>>16 == threeLead {
				t.three[code&0xffff] = r
			} else {
				t.two[code] = r
			}
			if r != 0 {
				r++
			}
		}
	}
	if t.fourth {
		t.four = make([]uint16, fourCodes)
		for n := range uint16(fourCodes) {
			t.four[n] = one(fourBytes(n)...)
		}
		t.four[fourReplacement], t.four[fourChanged] = 0xfffd, 0xe7c7
	}
}

func (t *doubleByteTables) decode(dst, src []byte) ([]byte, bool) {
	w := writer{dst: dst}
	for len(src) > 0 {
		if n := asciiLen(src); n > 0 {
			w.ascii(src[:n])
			src = src[n:]
			continue
		}
		r, n := t.next(src)
		w.rune(r)
		src = src[n:]
	}
	return w.dst, !w.bad
}

// next returns the first character of src, which is not ASCII, and its length,
// or 0 and how many bytes are to be passed over.
func (t *doubleByteTables) next(src []byte) (r rune, n int) {
	const firstKana, lastKana, kana = 0xa1, 0xdf, 0xff61
	switch {
	case t.kana && firstKana <= src[0] && src[0] <= lastKana:
		return kana + rune(src[0]-firstKana), 1
	case len(src) < 2:
		return 0, 1
	case t.fourth && '0' <= src[1] && src[1] <= '9':
		return t.nextFour(src)
	case t.third && src[0] == threeLead:
		if len(src) < 3 || !t.trails.has(src[1]) || !t.trails.has(src[2]) {
			return 0, 1
		}
		return rune(t.three[int(src[1])<<8|int(src[2])]), 3
	case !t.trails.has(src[1]):
		return 0, 1
	}
	return rune(t.two[int(src[0])<<8|int(src[1])]), 2
}

// The codes of four bytes of GB 18030 are numbered: 10 times 126 times 10 for
// each first byte. Up to U+FFFF they fill what the codes of two bytes leave out;
// from the first byte 0x90 on they are in the order of Unicode.
const (
	fourCodes       = 39_420
	fourReplacement = 39_417 // U+FFFD
	fourChanged     = 7457   // U+E7C7 since the version of 2005, which x/text does not have
	fourLinear      = 0x90
)

func fourBytes(n uint16) []byte {
	return []byte{0x81 + byte(n/12_600), '0' + byte(n/1260%10), 0x81 + byte(n/10%126), '0' + byte(n%10)}
}

func (t *doubleByteTables) nextFour(src []byte) (r rune, n int) {
	if len(src) < 4 || src[0] < 0x81 || src[2] < 0x81 || src[2] > 0xfe || src[3] < '0' || src[3] > '9' {
		return 0, 1
	}
	number := (int(src[1]-'0')*126+int(src[2]-0x81))*10 + int(src[3]-'0')
	if src[0] >= fourLinear {
		r = 0x10000 + rune(src[0]-fourLinear)*12_600 + rune(number)
		if r > utf8.MaxRune {
			return 0, 4
		}
		return r, 4
	}
	number += int(src[0]-0x81) * 12_600
	if number >= len(t.four) {
		return 0, 4
	}
	return rune(t.four[number]), 4
}
