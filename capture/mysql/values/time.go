package values

import (
	"encoding/binary"
	"slices"
)

// A moment is a date, a clock, or both, as they are put into text. What the
// database holds is not always a day of the calendar: month and day may be 0.
type moment struct {
	year, month, day     uint32
	hour, minute, second uint32
	micros               uint32
}

// validDate reports whether the date has the digits that it is written with.
func (m *moment) validDate() bool { return m.year <= 9999 && m.month <= 12 && m.day <= 31 }

// validClock is validDate for the clock of a day.
func (m *moment) validClock() bool {
	return m.hour < 24 && m.minute < 60 && m.second < 60 && m.micros < 1_000_000
}

// partial reports whether the date is no day: 0000-00-00 or 2026-11-00.
func (m *moment) partial() bool { return m.month == 0 || m.day == 0 }

// A stamp is room for the text of a moment in quotes, with the places that its
// parts have in "2026-11-21T10:00:00.123456Z".
type stamp [len(`"2026-11-21T10:00:00.123456Z"`)]byte

// stampBehind returns the stamp that lies behind dst, and dst with room for it:
// what is put there need not be copied.
func stampBehind(dst []byte) (*stamp, []byte) {
	dst = slices.Grow(dst, len(stamp{}))
	return (*stamp)(dst[len(dst):cap(dst)]), dst
}

const (
	dateAt  = len(`"`)
	clockAt = len(`"2026-11-21T`)
)

// putDate writes the date and returns its end.
func (m *moment) putDate(s *stamp) int {
	put(s, dateAt, m.year/100)
	put(s, dateAt+2, m.year%100)
	put(s, dateAt+5, m.month)
	put(s, dateAt+8, m.day)
	s[dateAt+4], s[dateAt+7] = '-', '-'
	return dateAt + 10
}

// putClock writes the clock with that many digits of a second and returns its
// end.
func (m *moment) putClock(s *stamp, digits int) int {
	put(s, clockAt, m.hour)
	put(s, clockAt+3, m.minute)
	put(s, clockAt+6, m.second)
	s[clockAt+2], s[clockAt+5], s[clockAt+8] = ':', ':', '.'
	if digits == 0 {
		return clockAt + 8
	}
	high, low := m.micros/10_000, m.micros%10_000
	put(s, clockAt+9, high)
	put(s, clockAt+11, low/100)
	put(s, clockAt+13, low%100)
	return clockAt + 9 + digits
}

// put writes two digits.
func put(s *stamp, at int, v uint32) {
	pair := pairs[v&(uint32(len(pairs))-1)]
	s[at], s[at+1] = byte(pair), byte(pair>>8)
}

// pairs holds the two digits of each number below 100, the first in the lower
// byte. It is longer, so that an index into it is cheap to bound.
var pairs = func() (p [128]uint16) {
	for i := range uint16(100) {
		p[i] = '0' + i/10 | ('0'+i%10)<<8
	}
	return p
}()

// appendDateText appends 2026-11-21.
func (m *moment) appendDateText(dst []byte) []byte {
	var s stamp
	end := m.putDate(&s)
	return append(dst, s[dateAt:end]...)
}

// appendDateJSON appends "2026-11-21", or null if it is no day and zeroNull.
func (m *moment) appendDateJSON(dst []byte, zeroNull bool) []byte {
	if zeroNull && m.partial() {
		return append(dst, "null"...)
	}
	s, dst := stampBehind(dst)
	end := m.putDate(s)
	s[0], s[end] = '"', '"'
	return dst[:len(dst)+end+1]
}

// appendText appends date, T, clock, and Z if it is an instant.
func (m *moment) appendText(dst []byte, digits int, instant bool) []byte {
	var s stamp
	end := m.put(&s, digits, instant)
	return append(dst, s[dateAt:end]...)
}

// appendJSON is appendText in quotes, or null if the date is no day and
// zeroNull.
func (m *moment) appendJSON(dst []byte, digits int, instant, zeroNull bool) []byte {
	if zeroNull && m.partial() {
		return append(dst, "null"...)
	}
	s, dst := stampBehind(dst)
	end := m.put(s, digits, instant)
	s[0], s[end] = '"', '"'
	return dst[:len(dst)+end+1]
}

func (m *moment) put(s *stamp, digits int, instant bool) int {
	m.putDate(s)
	s[clockAt-1] = 'T'
	end := m.putClock(s, digits)
	if instant && !m.partial() {
		s[end] = 'Z'
		end++
	}
	return end
}

// fractionSize is how many bytes hold that many digits of a second.
func fractionSize(digits int) int { return (digits + 1) / 2 }

// fraction reads 0 to 3 bytes, big endian, that hold two digits each, and
// returns microseconds. The last digit of an odd number of them is 0.
func fraction(b []byte) uint32 {
	switch len(b) {
	case 1:
		return uint32(b[0]) * 10_000
	case 2:
		return uint32(binary.BigEndian.Uint16(b)) * 100
	case 3:
		return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	}
	return 0
}

// setUnix sets date and clock to seconds since 1970-01-01 in UTC. The arithmetic
// is that of the civil calendar in years that begin in March, so that the leap
// day is the last.
func (m *moment) setUnix(seconds uint32) {
	const toMarch0000 = 719468 // days from 0000-03-01 to 1970-01-01
	days := seconds/86_400 + toMarch0000
	clock := seconds % 86_400
	m.hour, m.minute, m.second = clock/3600, clock/60%60, clock%60
	era := days / 146_097
	dayOfEra := days % 146_097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36_524 - dayOfEra/146_096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	month := (5*dayOfYear + 2) / 153 // 0 is March
	m.day = dayOfYear - (153*month+2)/5 + 1
	m.month = month + 3
	m.year = era*400 + yearOfEra
	if m.month > 12 {
		m.month -= 12
		m.year++
	}
}
