package values

import (
	"encoding/binary"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// The types in this file are those of tables from before MySQL 5.6, without a
// fraction. MySQL 5.7 still has them.

var oldTimeNames = map[binlog.ColumnType]string{
	binlog.TypeTime: "time", binlog.TypeDatetime: "datetime", binlog.TypeTimestamp: "timestamp",
}

// oldTime is 3 bytes, little endian and signed: the digits hhhmmss as a number.
type oldTime struct{ sameBytes }

func (c oldTime) AppendJSON(dst, raw []byte) ([]byte, error) {
	start := len(dst)
	dst, err := c.AppendText(append(dst, '"'), raw)
	if err != nil {
		return dst[:start], err
	}
	return append(dst, '"'), nil
}

func (oldTime) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw) != 3 {
		return dst, malformed("time")
	}
	v := int32(uint32(raw[0])<<8|uint32(raw[1])<<16|uint32(raw[2])<<24) >> 8
	negative := v < 0
	if negative {
		v = -v
	}
	m := moment{hour: uint32(v / 10_000), minute: uint32(v / 100 % 100), second: uint32(v % 100)}
	return m.appendTime(dst, negative, 0)
}

// oldDatetime is 8 bytes, little endian: the digits YYYYMMDDhhmmss as a number.
type oldDatetime struct {
	sameBytes
	zeroNull bool
}

func (c oldDatetime) AppendJSON(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendJSON(dst, 0, false, c.zeroNull), nil
}

func (c oldDatetime) AppendText(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendText(dst, 0, false), nil
}

func (oldDatetime) read(raw []byte) (m moment, err error) {
	if len(raw) != 8 {
		return m, malformed("datetime")
	}
	v := binary.LittleEndian.Uint64(raw)
	day, clock := v/1_000_000, uint32(v%1_000_000)
	if day > 99_991_231 {
		return m, malformed("datetime")
	}
	m = moment{
		year: uint32(day / 10_000), month: uint32(day / 100 % 100), day: uint32(day % 100),
		hour: clock / 10_000, minute: clock / 100 % 100, second: clock % 100,
	}
	if !m.validDate() || !m.validClock() {
		return m, malformed("datetime")
	}
	return m, nil
}

// oldTimestamp is 4 bytes, little endian, of seconds since 1970 in UTC.
type oldTimestamp struct {
	sameBytes
	zeroNull bool
}

func (c oldTimestamp) AppendJSON(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendJSON(dst, 0, true, c.zeroNull), nil
}

func (c oldTimestamp) AppendText(dst, raw []byte) ([]byte, error) {
	m, err := c.read(raw)
	if err != nil {
		return dst, err
	}
	return m.appendText(dst, 0, true), nil
}

func (oldTimestamp) read(raw []byte) (m moment, err error) {
	if len(raw) != 4 {
		return m, malformed("timestamp")
	}
	if seconds := binary.LittleEndian.Uint32(raw); seconds != 0 {
		m.setUnix(seconds)
	}
	return m, nil
}
