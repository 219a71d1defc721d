package postgres

import (
	"bytes"
	"encoding/binary"
)

// fractionDigits returns how many digits of a second a column with this type
// modifier has.
func fractionDigits(typmod int32) int {
	if typmod < 0 || typmod > 6 {
		return 6
	}
	return int(typmod)
}

// timestamp is ISO 8601 with T, the column's digits of a second, and Z if the
// type has a zone. BC and years over 9999, which no reader knows, keep the
// server's own digits.
type timestamp struct {
	sameText
	digits       int
	zone         bool
	infinityNull bool
}

func (c timestamp) AppendJSON(dst, raw []byte) ([]byte, error) {
	if c.infinityNull && isInfinity(raw) {
		return append(dst, "null"...), nil
	}
	return appendQuoted(dst, raw, c.AppendText)
}

func (c timestamp) AppendText(dst, raw []byte) ([]byte, error) {
	if out, ok := c.appendUsual(dst, raw); ok {
		return out, nil
	}
	if isInfinity(raw) {
		return append(dst, raw...), nil
	}
	rest, bc := bytes.CutSuffix(raw, []byte(" BC"))
	zone := true
	if c.zone {
		rest, zone = bytes.CutSuffix(rest, []byte("+00"))
	}
	day := dayLen(rest)
	if !zone || day == 0 || day == len(rest) || rest[day] != ' ' {
		return dst, c.malformed()
	}
	hour := rest[day+1:]
	if n := clockLen(hour); n == 0 || n != len(hour) {
		return dst, c.malformed()
	}
	dst = append(dst, rest[:day]...)
	dst = append(dst, 'T')
	dst = append(dst, hour...)
	if c.zone {
		dst = append(dst, 'Z')
	}
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst, nil
}

// appendUsual appends a timestamp with a year of four digits after Christ, as nearly all
// are; for any other ok is false and nothing is appended.
func (c timestamp) appendUsual(dst, raw []byte) (out []byte, ok bool) {
	const seconds = len("2006-01-02 15:04:05")
	if c.zone {
		if raw, ok = bytes.CutSuffix(raw, []byte("+00")); !ok {
			return dst, false
		}
	}
	if len(raw) < seconds || !isMoment((*[seconds]byte)(raw)) {
		return dst, false
	}
	have := len(raw) - seconds
	if have > 0 && (have == 1 || have > len(".000000") || raw[seconds] != '.' || leadingDigits(raw[seconds+1:]) != have-1) {
		return dst, false
	}
	day := len(dst) + len("2006-01-02")
	dst = append(dst, raw...)
	dst[day] = 'T'
	if c.digits > 0 { // the server leaves zeros out
		for ; have <= c.digits; have++ {
			dst = append(dst, ".000000"[have])
		}
	}
	if c.zone {
		dst = append(dst, 'Z')
	}
	return dst, true
}

// isMoment reports whether s is digits, but for what is between them.
func isMoment(s *[19]byte) bool {
	return yearMonth.unlike(s[:8])|dayHour.unlike(s[8:16])|timeOfDay.unlike(s[11:]) == 0
}

// The pieces of a moment, of eight bytes, the last of which begins within the one before.
var (
	yearMonth = newForm("0000-00-")
	dayHour   = newForm("00 00:00")
	timeOfDay = newForm("00:00:00")
)

// A form is eight bytes, of which zeros stand for any digit.
type form struct {
	text uint64
	over uint64 // what lifts a byte that differs by too much over 0x7f
}

func newForm(text string) form {
	f := form{text: binary.LittleEndian.Uint64([]byte(text))}
	for i := range text {
		differ := uint64(1)
		if text[i] == '0' {
			differ = 10 // digits differ from zero in their value alone
		}
		f.over |= (0x80 - differ) << (8 * i)
	}
	return f
}

// unlike is 0 if the eight bytes of s have the form.
func (f form) unlike(s []byte) uint64 {
	const highs = 0x8080808080808080
	x := binary.LittleEndian.Uint64(s) ^ f.text
	return (x | ((x &^ highs) + f.over)) & highs
}

func (c timestamp) malformed() error {
	if c.zone {
		return malformed("timestamp with time zone")
	}
	return malformed("timestamp without time zone")
}

// date is as the server prints it.
type date struct {
	sameText
	infinityNull bool
}

func (c date) AppendJSON(dst, raw []byte) ([]byte, error) {
	if c.infinityNull && isInfinity(raw) {
		return append(dst, "null"...), nil
	}
	return appendQuoted(dst, raw, c.AppendText)
}

func (date) AppendText(dst, raw []byte) ([]byte, error) {
	day := bytes.TrimSuffix(raw, []byte(" BC"))
	if n := dayLen(day); (n == 0 || n != len(day)) && !isInfinity(raw) {
		return dst, malformed("date")
	}
	return append(dst, raw...), nil
}

// clock is a time without zone, with the column's digits of a second.
type clock struct {
	sameText
	digits int
}

func (c clock) AppendJSON(dst, raw []byte) ([]byte, error) {
	return appendQuoted(dst, raw, c.AppendText)
}

func (c clock) AppendText(dst, raw []byte) ([]byte, error) {
	if n := clockLen(raw); n == 0 || n != len(raw) {
		return dst, malformed("time without time zone")
	}
	return appendClock(dst, raw, c.digits), nil
}

// clockZone is a time with zone as the server prints it: its zone is part of
// the value and need not be UTC.
type clockZone struct{ sameText }

func (c clockZone) AppendJSON(dst, raw []byte) ([]byte, error) {
	return appendQuoted(dst, raw, c.AppendText)
}

func (clockZone) AppendText(dst, raw []byte) ([]byte, error) {
	n := clockLen(raw)
	if n == 0 || !isOffset(raw[n:]) {
		return dst, malformed("time with time zone")
	}
	return append(dst, raw...), nil
}

// interval is an ISO 8601 duration as the server prints it. Its units may have
// signs of their own.
type interval struct {
	sameText
	infinityNull bool
}

func (c interval) AppendJSON(dst, raw []byte) ([]byte, error) {
	if c.infinityNull && isInfinity(raw) {
		return append(dst, "null"...), nil
	}
	return appendQuoted(dst, raw, c.AppendText)
}

func (interval) AppendText(dst, raw []byte) ([]byte, error) {
	if !isDuration(raw) && !isInfinity(raw) {
		return dst, malformed("interval")
	}
	return append(dst, raw...), nil
}

func isInfinity(s []byte) bool {
	return string(s) == "infinity" || string(s) == "-infinity"
}

// isDuration reports whether s is made of what the server writes with
// IntervalStyle iso_8601; the other styles never start with P.
func isDuration(s []byte) bool {
	if len(s) < len("PT0S") || s[0] != 'P' {
		return false
	}
	for _, b := range s[1:] {
		switch b {
		case 'Y', 'M', 'D', 'T', 'H', 'S', '-', '.':
		default:
			if b-'0' > 9 {
				return false
			}
		}
	}
	return true
}

// dayLen returns the length of the date that s starts with, 0 if there is none.
// Years have four to seven digits.
func dayLen(s []byte) int {
	year := leadingDigits(s)
	if year < 4 || year > 7 || len(s) < year+len("-01-02") {
		return 0
	}
	rest := s[year:]
	if rest[0] != '-' || leadingDigits(rest[1:3]) != 2 || rest[3] != '-' || leadingDigits(rest[4:6]) != 2 {
		return 0
	}
	return year + len("-01-02")
}

// clockLen returns the length of the time of day that s starts with, 0 if there
// is none.
func clockLen(s []byte) int {
	const seconds = len("15:04:05")
	if len(s) < seconds || s[2] != ':' || s[5] != ':' ||
		leadingDigits(s[:2]) != 2 || leadingDigits(s[3:5]) != 2 || leadingDigits(s[6:8]) != 2 {
		return 0
	}
	if len(s) == seconds || s[seconds] != '.' {
		return seconds
	}
	n := leadingDigits(s[seconds+1:])
	if n < 1 || n > 6 {
		return 0
	}
	return seconds + 1 + n
}

// appendClock appends a time of day, filled with zeros up to digits digits of a
// second: the server leaves them out. It never takes any away.
func appendClock(dst, s []byte, digits int) []byte {
	const point = len("15:04:05")
	dst = append(dst, s...)
	have := len(s) - point - 1
	if have < 0 && digits > 0 {
		dst = append(dst, '.')
		have = 0
	}
	for ; have < digits && have >= 0; have++ {
		dst = append(dst, '0')
	}
	return dst
}

// isOffset reports whether s is +hh, +hh:mm or +hh:mm:ss, or one with a minus.
func isOffset(s []byte) bool {
	switch len(s) {
	case len("+01"), len("+01:02"), len("+01:02:03"):
	default:
		return false
	}
	if s[0] != '+' && s[0] != '-' {
		return false
	}
	for i := 0; i < len(s); i += 3 {
		if i > 0 && s[i] != ':' || leadingDigits(s[i+1:i+3]) != 2 {
			return false
		}
	}
	return true
}
