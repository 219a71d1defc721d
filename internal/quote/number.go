package quote

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// word is how many digits are made at once. Digits are written a word at a time,
// into room that is there or made: what lies behind the last one is not read.
const word = 8

// tenToWord is the first number that has more digits than a word.
const tenToWord = 100_000_000

// AppendUint appends v in decimal digits.
func AppendUint(dst []byte, v uint64) []byte {
	if v >= tenToWord {
		return AppendPadded(AppendUint(dst, v/tenToWord), v%tenToWord, word)
	}
	x := digits(uint32(v))
	leading := bits.TrailingZeros64(x|1<<56) / 8 // the last one stays
	return appendWord(dst, x, word-leading)
}

// AppendInt appends v in decimal digits, with a sign if it is negative.
func AppendInt(dst []byte, v int64) []byte {
	if v < 0 {
		return AppendUint(append(dst, '-'), -uint64(v))
	}
	return AppendUint(dst, uint64(v))
}

// AppendPadded appends n digits of v, which has no more, with zeros before them.
func AppendPadded(dst []byte, v uint64, n int) []byte {
	if n > word {
		return AppendPadded(AppendPadded(dst, v/tenToWord, n-word), v%tenToWord, word)
	}
	return appendWord(dst, digits(uint32(v)), n)
}

// appendWord appends the last n of eight digits.
func appendWord(dst []byte, x uint64, n int) []byte {
	start := len(dst)
	dst = slices.Grow(dst, word)[:start+word]
	binary.LittleEndian.PutUint64(dst[start:], (x+ones*'0')>>(8*(word-n)&63))
	return dst[:start+n]
}

// digits returns the eight digits of a number below 10^8 as numbers, the first in
// the lowest byte. The number is halved into lanes of four digits, of two, of one;
// a multiplication and a shift divide all lanes at once.
func digits(v uint32) uint64 {
	const (
		fours = 0x0000007f_0000007f
		twos  = 0x000f_000f_000f_000f
	)
	high := uint64(v / 10_000)
	x := high | (uint64(v)-high*10_000)<<32
	q := x * 5243 >> 19 & fours // by 100
	x = q | (x-q*100)<<16
	q = x * 103 >> 10 & twos // by 10
	return q | (x-q*10)<<8
}
