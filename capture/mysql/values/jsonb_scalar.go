package values

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/quote"
)

// scalar appends the value of fixed length at the start of data and reports
// whether it is one.
func (p *jsonPrinter) scalar(dst []byte, kind byte, data []byte) ([]byte, bool) {
	switch kind {
	case jsonLiteral:
		if len(data) >= 1 {
			return appendLiteral(dst, data[0])
		}
	case jsonInt16:
		if len(data) >= 2 {
			return quote.AppendInt(dst, int64(int16(binary.LittleEndian.Uint16(data)))), true
		}
	case jsonUint16:
		if len(data) >= 2 {
			return quote.AppendUint(dst, uint64(binary.LittleEndian.Uint16(data))), true
		}
	case jsonInt32:
		if len(data) >= 4 {
			return quote.AppendInt(dst, int64(int32(binary.LittleEndian.Uint32(data)))), true
		}
	case jsonUint32:
		if len(data) >= 4 {
			return quote.AppendUint(dst, uint64(binary.LittleEndian.Uint32(data))), true
		}
	case jsonInt64, jsonUint64, jsonDouble:
		if len(data) >= 8 && p.spend(8) {
			return appendLong(dst, kind, binary.LittleEndian.Uint64(data))
		}
	}
	return dst, false
}

// appendLong is scalar of eight bytes.
func appendLong(dst []byte, kind byte, v uint64) ([]byte, bool) {
	switch kind {
	case jsonInt64:
		return quote.AppendInt(dst, int64(v)), true
	case jsonUint64:
		return quote.AppendUint(dst, v), true
	}
	f := math.Float64frombits(v)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, false
	}
	return appendServerDouble(dst, f), true
}

func appendLiteral(dst []byte, b byte) ([]byte, bool) {
	switch b {
	case 0:
		return append(dst, "null"...), true
	case 1:
		return append(dst, "true"...), true
	case 2:
		return append(dst, "false"...), true
	}
	return dst, false
}

// appendServerDouble appends a double of a JSON document as the server prints
// it: the shortest digits that read back the same, at least one of them after
// the point, and an exponent if zeros would have to fill more than 15 places
// (MySQL: strings/dtoa.cc, my_gcvt).
func appendServerDouble(dst []byte, f float64) []byte {
	const farthest, zeros = 15, "000000000000000"
	if magnitude := math.Abs(f); magnitude >= 1e-6 && magnitude < 1e15 { // most are
		dst = quote.AppendFloat(dst, f, 64)
		if f == math.Trunc(f) {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], f, 'e', -1, 64) // -1.25e+02
	if text[0] == '-' {
		dst, text = append(dst, '-'), text[1:]
	}
	mantissa, exponentText, _ := bytes.Cut(text, []byte("e"))
	exponent := 0
	for _, digit := range exponentText[1:] {
		exponent = 10*exponent + int(digit-'0')
	}
	if exponentText[0] == '-' {
		exponent = -exponent
	}
	fraction := mantissa[min(2, len(mantissa)):]
	switch {
	case exponent < -farthest || exponent >= farthest && exponent >= len(fraction):
		dst = append(append(dst, mantissa...), 'e')
		return strconv.AppendInt(dst, int64(exponent), 10)
	case exponent < 0:
		dst = append(append(dst, "0."...), zeros[:-exponent-1]...)
		return append(append(dst, mantissa[0]), fraction...)
	case exponent >= len(fraction):
		dst = append(append(dst, mantissa[0]), fraction...)
		return append(append(dst, zeros[:exponent-len(fraction)]...), ".0"...)
	}
	dst = append(append(dst, mantissa[0]), fraction[:exponent]...)
	return append(append(dst, '.'), fraction[exponent:]...)
}

// appendOpaque appends a value of another SQL type and reports whether it is one.
func appendOpaque(dst []byte, kind byte, data []byte) ([]byte, bool) {
	switch binlog.ColumnType(kind) {
	case binlog.TypeNewDecimal:
		if len(data) < 2 {
			return dst, false
		}
		d, ok := newDecimal(int(data[0]), int(data[1]))
		if !ok {
			return dst, false
		}
		dst, err := d.AppendText(dst, data[2:])
		return dst, err == nil
	case binlog.TypeDate, binlog.TypeDatetime, binlog.TypeTimestamp, binlog.TypeTime:
		if len(data) != 8 {
			return dst, false
		}
		return appendPackedTime(dst, binlog.ColumnType(kind), int64(binary.LittleEndian.Uint64(data)))
	}
	dst = append(dst, `"base64:type`...)
	dst = append(quote.AppendUint(dst, uint64(kind)), ':')
	// The server breaks lines as MIME does.
	const line = 76 / 4 * 3
	for len(data) > line {
		dst = append(base64.StdEncoding.AppendEncode(dst, data[:line]), `\n`...)
		data = data[line:]
	}
	return append(base64.StdEncoding.AppendEncode(dst, data), '"'), true
}

// appendPackedTime appends a date or time, which is packed as in a column of its
// type, but always with microseconds and around 0.
func appendPackedTime(dst []byte, kind binlog.ColumnType, v int64) ([]byte, bool) {
	const micros = 24 // bits
	if kind == binlog.TypeTime {
		negative := v < 0
		if negative {
			v = -v
		}
		whole := uint64(v) >> micros
		if whole>>12 > 838 {
			return dst, false
		}
		m := moment{hour: uint32(whole >> 12), minute: uint32(whole>>6) & 63, second: uint32(whole) & 63, micros: uint32(v) & (1<<micros - 1)}
		dst, err := m.appendTime(append(dst, '"'), negative, 6)
		return append(dst, '"'), err == nil
	}
	m := moment{micros: uint32(v) & (1<<micros - 1)}
	m.setPacked(uint64(v) >> micros)
	if v>>micros >= 1<<39 || v < 0 || !m.validDate() || !m.validClock() {
		return dst, false
	}
	if kind == binlog.TypeDate {
		return m.appendDateJSON(dst, false), true
	}
	at := len(dst) + clockAt - 1
	dst = m.appendJSON(dst, 6, false, false)
	dst[at] = ' '
	return dst, true
}
