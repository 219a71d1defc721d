package values

import "encoding/binary"

// A shape is what eight bytes of text have to be: digits, and what stands between
// them. It looks at all of them at once; in its words a byte of the text has a byte
// of its own, and nothing is carried from one into the next.
type shape struct {
	text uint64 // '0' for a digit, and what stands between digits
	odd  uint64 // added, sets the highest bit of a digit above 9, and of anything else above 0
	high uint64 // added, sets the highest bit of a number of two digits that is too large
}

const highs = 0x8080808080808080

// newShape makes the shape of a text whose digits, two by two, are the largest
// numbers that may stand there: "23:59:59".
func newShape(largest string) (s shape) {
	const most = 0x7f // without the highest bit
	digits := 0       // of the run that i is in
	for i := range 8 {
		char, odd, high := largest[i], byte(most), byte(0)
		if char >= '0' && char <= '9' {
			if digits%2 == 0 && i+1 < 8 {
				high = most - (10*(char-'0') + largest[i+1] - '0')
			}
			char, odd = '0', most-9
			digits++
		} else {
			digits = 0
		}
		s.text |= uint64(char) << (8 * i)
		s.odd |= uint64(odd) << (8 * i)
		s.high |= uint64(high) << (8 * i)
	}
	return s
}

// of reports whether b begins with the shape. The byte of numbers where two digits
// begin is their number.
func (s *shape) of(b []byte) (numbers uint64, ok bool) {
	digits := binary.LittleEndian.Uint64(b) ^ s.text
	numbers = 10*digits + digits>>8
	return numbers, (digits|(digits+s.odd)|(numbers+s.high))&highs == 0
}
