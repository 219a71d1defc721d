package values

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// scalar prints a value of fixed length at the start of data and reports whether
// it is one.
func (p *jsonPrinter) scalar(kind byte, data []byte) bool {
	width := 0
	switch kind {
	case jsonLiteral:
		width = 1
	case jsonInt16, jsonUint16:
		width = 2
	case jsonInt32, jsonUint32:
		width = 4
	case jsonInt64, jsonUint64, jsonDouble:
		width = 8
	}
	if width == 0 || len(data) < width || width == 8 && !p.spend(width) {
		return false
	}
	switch kind {
	case jsonLiteral:
		return p.literal(data[0])
	case jsonInt16:
		p.dst = strconv.AppendInt(p.dst, int64(int16(binary.LittleEndian.Uint16(data))), 10)
	case jsonUint16:
		p.dst = strconv.AppendUint(p.dst, uint64(binary.LittleEndian.Uint16(data)), 10)
	case jsonInt32:
		p.dst = strconv.AppendInt(p.dst, int64(int32(binary.LittleEndian.Uint32(data))), 10)
	case jsonUint32:
		p.dst = strconv.AppendUint(p.dst, uint64(binary.LittleEndian.Uint32(data)), 10)
	case jsonInt64:
		p.dst = strconv.AppendInt(p.dst, int64(binary.LittleEndian.Uint64(data)), 10)
	case jsonUint64:
		p.dst = strconv.AppendUint(p.dst, binary.LittleEndian.Uint64(data), 10)
	case jsonDouble:
		f := math.Float64frombits(binary.LittleEndian.Uint64(data))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
		p.dst = appendServerDouble(p.dst, f)
	}
	return true
}

func (p *jsonPrinter) literal(b byte) bool {
	switch b {
	case 0:
		p.dst = append(p.dst, "null"...)
	case 1:
		p.dst = append(p.dst, "true"...)
	case 2:
		p.dst = append(p.dst, "false"...)
	default:
		return false
	}
	return true
}

// appendServerDouble appends a double of a JSON document as the server prints
// it: the shortest digits that read back the same, at least one of them after
// the point, and an exponent if zeros would have to fill more than 15 places
// (MySQL: strings/dtoa.cc, my_gcvt).
func appendServerDouble(dst []byte, f float64) []byte {
	const farthest, zeros = 15, "000000000000000"
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

// opaque prints a value of another SQL type.
func (p *jsonPrinter) opaque(kind byte, data []byte) bool {
	switch binlog.ColumnType(kind) {
	case binlog.TypeNewDecimal:
		if len(data) < 2 {
			return false
		}
		d, ok := newDecimal(int(data[0]), int(data[1]))
		if !ok {
			return false
		}
		dst, err := d.AppendText(p.dst, data[2:])
		p.dst = dst
		return err == nil
	case binlog.TypeDate, binlog.TypeDatetime, binlog.TypeTimestamp, binlog.TypeTime:
		return len(data) == 8 && p.time(binlog.ColumnType(kind), int64(binary.LittleEndian.Uint64(data)))
	}
	p.dst = append(p.dst, `"base64:type`...)
	p.dst = append(strconv.AppendUint(p.dst, uint64(kind), 10), ':')
	// The server breaks lines as MIME does.
	const line = 76 / 4 * 3
	for len(data) > line {
		p.dst = append(base64.StdEncoding.AppendEncode(p.dst, data[:line]), `\n`...)
		data = data[line:]
	}
	p.dst = append(base64.StdEncoding.AppendEncode(p.dst, data), '"')
	return true
}

// time prints a date or time, which is packed as in a column of its type, but
// always with microseconds and around 0.
func (p *jsonPrinter) time(kind binlog.ColumnType, v int64) bool {
	const micros = 24 // bits
	if kind == binlog.TypeTime {
		negative := v < 0
		if negative {
			v = -v
		}
		whole := uint64(v) >> micros
		if whole>>12 > 838 {
			return false
		}
		m := moment{hour: uint32(whole >> 12), minute: uint32(whole>>6) & 63, second: uint32(whole) & 63, micros: uint32(v) & (1<<micros - 1)}
		dst, err := m.appendTime(append(p.dst, '"'), negative, 6)
		p.dst = append(dst, '"')
		return err == nil
	}
	m := moment{micros: uint32(v) & (1<<micros - 1)}
	m.setPacked(uint64(v) >> micros)
	if v>>micros >= 1<<39 || v < 0 || !m.validDate() || !m.validClock() {
		return false
	}
	if kind == binlog.TypeDate {
		p.dst = m.appendDateJSON(p.dst, false)
		return true
	}
	at := len(p.dst) + clockAt - 1
	p.dst = m.appendJSON(p.dst, 6, false, false)
	p.dst[at] = ' '
	return true
}
