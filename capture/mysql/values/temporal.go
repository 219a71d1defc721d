package values

import "encoding/binary"

// date is 3 bytes, little endian: day in 5 bits, month in 4, then the year.
type date struct {
	sameBytes
	zeroNull bool
}

func (c date) AppendJSON(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendDateJSON(dst, c.zeroNull), nil
}

func (c date) AppendText(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendDateText(dst), nil
}

func (date) read(raw []byte) (m moment, err error) {
	if len(raw) != 3 {
		return m, malformed("date")
	}
	v := uint32(raw[0]) | uint32(raw[1])<<8 | uint32(raw[2])<<16
	m = moment{year: v >> 9, month: v >> 5 & 15, day: v & 31}
	if !m.validDate() {
		return m, malformed("date")
	}
	return m, nil
}

// datetime is 5 bytes, big endian, and the fraction. The bits are sign (1 for
// every datetime there is), 13*year+month in 17, day in 5, hour in 5, minute and
// second in 6 each (MySQL: my_time.cc, my_datetime_packed_from_binary).
type datetime struct {
	sameBytes
	digits   int
	zeroNull bool
}

func (c datetime) AppendJSON(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendJSON(dst, c.digits, false, c.zeroNull), nil
}

func (c datetime) AppendText(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendText(dst, c.digits, false), nil
}

func (c datetime) read(raw []byte) (m moment, err error) {
	if len(raw) != 5+fractionSize(c.digits) || raw[0]&0x80 == 0 {
		return m, malformed("datetime")
	}
	m.setPacked(uint64(raw[0]&0x7f)<<32 | uint64(binary.BigEndian.Uint32(raw[1:])))
	m.micros = fraction(raw[5:])
	if !m.validDate() || !m.validClock() {
		return m, malformed("datetime")
	}
	return m, nil
}

// setPacked sets all but the microseconds from the bits of a datetime.
func (m *moment) setPacked(v uint64) {
	yearMonth := uint32(v >> 22)
	m.year, m.month = yearMonth/13, yearMonth%13
	m.day = uint32(v>>17) & 31
	m.hour, m.minute, m.second = uint32(v>>12)&31, uint32(v>>6)&63, uint32(v)&63
}

// timestamp is 4 bytes, big endian, of seconds since 1970 in UTC, and the
// fraction. 0 is no moment but 0000-00-00, whatever the time zone, and so
// without Z.
type timestamp struct {
	sameBytes
	digits   int
	zeroNull bool
}

func (c timestamp) AppendJSON(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendJSON(dst, c.digits, true, c.zeroNull), nil
}

func (c timestamp) AppendText(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendText(dst, c.digits, true), nil
}

func (c timestamp) read(raw []byte) (m moment, err error) {
	if len(raw) != 4+fractionSize(c.digits) {
		return m, malformed("timestamp")
	}
	seconds := binary.BigEndian.Uint32(raw)
	m.micros = fraction(raw[4:])
	if m.micros >= 1_000_000 {
		return m, malformed("timestamp")
	}
	if seconds|m.micros != 0 {
		m.setUnix(seconds)
	}
	return m, nil
}

// clock is a time between -838:59:59 and 838:59:59: 3 bytes, big endian, and the
// fraction, all of it one number. Half of its range stands for 0; below it are
// the negative times, whose fraction counts downwards too. The bits of the
// distance are hour in 10, minute and second in 6 each (MySQL: my_time.cc,
// my_time_packed_from_binary).
type clock struct {
	sameBytes
	digits int
}

func (c clock) AppendJSON(dst, raw []byte) ([]byte, error) {
	start := len(dst)
	dst, err := c.AppendText(append(dst, '"'), raw)
	if err != nil {
		return dst[:start], err
	}
	return append(dst, '"'), nil
}

func (c clock) AppendText(dst, raw []byte) ([]byte, error) {
	size := fractionSize(c.digits)
	if len(raw) != 3+size {
		return dst, malformed("time")
	}
	var v int64
	for _, b := range raw {
		v = v<<8 | int64(b)
	}
	v -= 0x800000 << (8 * size)
	negative := v < 0
	if negative {
		v = -v
	}
	m := moment{
		hour: uint32(v>>(8*size+12)) & 0x7ff, minute: uint32(v>>(8*size+6)) & 63, second: uint32(v>>(8*size)) & 63,
		micros: uint32(v&(1<<(8*size)-1)) * [4]uint32{0, 10_000, 100, 1}[size],
	}
	return m.appendTime(dst, negative, c.digits)
}

// appendTime appends the clock alone, which may have a sign and more hours than
// a day.
func (m *moment) appendTime(dst []byte, negative bool, digits int) ([]byte, error) {
	if m.hour > 838 || m.minute > 59 || m.second > 59 || m.micros > 999_999 {
		return dst, malformed("time")
	}
	if negative {
		dst = append(dst, '-')
	}
	if m.hour > 99 {
		dst = append(dst, '0'+byte(m.hour/100))
		m.hour %= 100
	}
	var s stamp
	end := m.putClock(&s, digits)
	return append(dst, s[clockAt:end]...), nil
}
