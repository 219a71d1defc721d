package values

// What a server prints of a date or a clock is what events have, but for the T
// between the two and the Z of an instant: it is looked at and copied.

const (
	dateLen   = len("2026-11-21")
	clockLen  = len("10:00:00")
	momentLen = len("2026-11-21 10:00:00")
)

var (
	yearAndMonth = newShape("9999-12-")
	monthAndDay  = newShape("99-12-31")
	dayAndHour   = newShape("31 23:59")
	clockOfDay   = newShape("23:59:59")
	anyClock     = newShape("99:59:59")
)

// dateCell is 2026-11-21.
type dateCell struct {
	sameBytes
	zeroNull bool
}

func (c dateCell) AppendJSON(dst, raw []byte) ([]byte, error) {
	partial, ok := c.look(raw)
	switch {
	case !ok:
		return dst, strange("date")
	case partial && c.zeroNull:
		return append(dst, "null"...), nil
	}
	return append(append(append(dst, '"'), raw...), '"'), nil
}

func (c dateCell) AppendText(dst, raw []byte) ([]byte, error) {
	if _, ok := c.look(raw); !ok {
		return dst, strange("date")
	}
	return append(dst, raw...), nil
}

// look reports whether raw is a date, and whether that is no day of the calendar:
// 0000-00-00 or 2026-11-00.
func (dateCell) look(raw []byte) (partial, ok bool) {
	if len(raw) != dateLen {
		return false, false
	}
	_, year := yearAndMonth.of(raw)
	numbers, day := monthAndDay.of(raw[2:])
	return byte(numbers>>(8*3)) == 0 || byte(numbers>>(8*6)) == 0, year && day
}

// momentCell is 2026-11-21 10:00:00.123456, with as many digits of a second as
// were declared.
type momentCell struct {
	sameBytes
	digits   int
	instant  bool // a TIMESTAMP
	zeroNull bool
}

func (c momentCell) AppendJSON(dst, raw []byte) ([]byte, error) {
	partial, ok := c.look(raw)
	switch {
	case !ok:
		return dst, strange("datetime")
	case partial && c.zeroNull:
		return append(dst, "null"...), nil
	}
	return append(c.appendTo(append(dst, '"'), raw, partial), '"'), nil
}

func (c momentCell) AppendText(dst, raw []byte) ([]byte, error) {
	partial, ok := c.look(raw)
	if !ok {
		return dst, strange("datetime")
	}
	return c.appendTo(dst, raw, partial), nil
}

// appendTo appends what look was satisfied with.
func (c momentCell) appendTo(dst, raw []byte, partial bool) []byte {
	start := len(dst)
	dst = append(dst, raw...)
	dst[start+dateLen] = 'T'
	if c.instant && !partial {
		dst = append(dst, 'Z')
	}
	return dst
}

// look is dateCell's for a date with a clock.
func (c momentCell) look(raw []byte) (partial, ok bool) {
	if len(raw) < momentLen || !isFraction(raw[momentLen:], c.digits) {
		return false, false
	}
	month, year := yearAndMonth.of(raw)
	day, hour := dayAndHour.of(raw[8:])
	_, clock := clockOfDay.of(raw[dateLen+1:])
	return byte(month>>(8*5)) == 0 || byte(day) == 0, year && hour && clock
}

// clockCell is -838:59:59.000000: two digits of hours, or three.
type clockCell struct {
	sameBytes
	digits int
}

func (c clockCell) AppendJSON(dst, raw []byte) ([]byte, error) {
	if !c.look(raw) {
		return dst, strange("time")
	}
	return append(append(append(dst, '"'), raw...), '"'), nil
}

func (c clockCell) AppendText(dst, raw []byte) ([]byte, error) {
	if !c.look(raw) {
		return dst, strange("time")
	}
	return append(dst, raw...), nil
}

func (c clockCell) look(raw []byte) bool {
	const most = 838 // hours
	_, raw = cutSign(raw)
	hundreds := 0
	if len(raw) > 2 && raw[2] != ':' {
		if raw[0] < '1' || raw[0] > '9' {
			return false
		}
		hundreds, raw = int(raw[0]-'0'), raw[1:]
	}
	if len(raw) < clockLen || !isFraction(raw[clockLen:], c.digits) {
		return false
	}
	numbers, ok := anyClock.of(raw)
	return ok && 100*hundreds+int(byte(numbers)) <= most
}

// isFraction reports whether b is a point and so many digits, or nothing.
func isFraction(b []byte, digits int) bool {
	if digits == 0 {
		return len(b) == 0
	}
	return len(b) == 1+digits && b[0] == '.' && allDigits(b[1:])
}
