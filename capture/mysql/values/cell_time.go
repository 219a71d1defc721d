package values

// dateCell is 2026-11-21.
type dateCell struct {
	sameBytes
	zeroNull bool
}

const dateLen = len("2026-11-21")

func (c dateCell) AppendJSON(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendDateJSON(dst, c.zeroNull), nil
}

func (c dateCell) AppendText(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendDateText(dst), nil
}

func (dateCell) read(raw []byte) (m moment, err error) {
	if len(raw) != dateLen || !m.readDate(raw) {
		return m, strange("date")
	}
	return m, nil
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
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendJSON(dst, c.digits, c.instant, c.zeroNull), nil
}

func (c momentCell) AppendText(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendText(dst, c.digits, c.instant), nil
}

func (c momentCell) read(raw []byte) (m moment, err error) {
	if len(raw) < dateLen+3 || !m.readDate(raw[:dateLen]) || raw[dateLen] != ' ' {
		return m, strange("datetime")
	}
	clock := raw[dateLen+1:]
	if m.hour = twoDigits(clock); !m.readRest(clock[2:], c.digits) || !m.validClock() {
		return m, strange("datetime")
	}
	return m, nil
}

// clockCell is -838:59:59.000000: two digits of hours, or three.
type clockCell struct {
	sameBytes
	digits int
}

func (c clockCell) AppendJSON(dst, raw []byte) ([]byte, error) {
	start := len(dst)
	dst, err := c.AppendText(append(dst, '"'), raw)
	if err != nil {
		return dst[:start], err
	}
	return append(dst, '"'), nil
}

func (c clockCell) AppendText(dst, raw []byte) ([]byte, error) {
	sign, raw := cutSign(raw)
	if len(raw) < 4 {
		return dst, strange("time")
	}
	var m moment
	if raw[2] != ':' {
		m.hour = 100 * uint32(raw[0]-'0')
		raw = raw[1:]
	}
	m.hour += twoDigits(raw)
	if !m.readRest(raw[2:], c.digits) || m.hour > 838 {
		return dst, strange("time")
	}
	return m.appendTime(dst, len(sign) > 0, c.digits)
}

// readDate reads 2026-11-21.
func (m *moment) readDate(b []byte) bool {
	century, year := twoDigits(b), twoDigits(b[2:])
	m.year, m.month, m.day = 100*century+year, twoDigits(b[5:]), twoDigits(b[8:])
	return century < 100 && year < 100 && b[4] == '-' && b[7] == '-' && m.validDate()
}

// readRest reads :00:00.123456 behind the hours.
func (m *moment) readRest(b []byte, digits int) bool {
	length := len(":00:00")
	if digits > 0 {
		length += 1 + digits
	}
	if len(b) != length || b[0] != ':' || b[3] != ':' {
		return false
	}
	m.minute, m.second = twoDigits(b[1:]), twoDigits(b[4:])
	if m.minute > 59 || m.second > 59 {
		return false
	}
	if digits == 0 {
		return true
	}
	fraction := b[7:]
	if b[6] != '.' || !allDigits(fraction) {
		return false
	}
	for i := range 6 {
		m.micros *= 10
		if i < digits {
			m.micros += uint32(fraction[i] - '0')
		}
	}
	return true
}

// twoDigits reads two digits; what is none gives a number above 99.
func twoDigits(b []byte) uint32 {
	high, low := uint32(b[0]-'0'), uint32(b[1]-'0')
	if high > 9 || low > 9 {
		return 1000
	}
	return 10*high + low
}
