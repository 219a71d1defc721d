package values

import (
	"fmt"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// CellFor returns the codec of what a SELECT answers for a column in the text
// protocol. It writes the same bytes as the codec of For does for the same value
// in the log. c is the column as a log with all metadata has it. The session has
// an empty sql_mode, the time zone +00:00 and character_set_results NULL, so that text
// comes in the column's own character set, and it selects FLOAT and DOUBLE as the first
// coordinate of a POINT whose second one is zero, and MariaDB's UUID, INET4 and INET6
// as the BINARY that the log has.
//
// err is as For has it.
func CellFor(c binlog.Column, o Options) (schema.Codec, error) {
	switch c.Type {
	case binlog.TypeTiny, binlog.TypeShort, binlog.TypeInt24, binlog.TypeLong, binlog.TypeLonglong, binlog.TypeYear:
		return integerCell{}, nil
	case binlog.TypeFloat:
		return floatCell{bits: 32}, nil
	case binlog.TypeDouble:
		return floatCell{bits: 64}, nil
	case binlog.TypeNewDecimal:
		return decimalCell{}, nil
	case binlog.TypeDate:
		return dateCell{zeroNull: o.ZeroDatesNull}, nil
	case binlog.TypeTime2, binlog.TypeTime:
		return clockCell{digits: int(c.Meta)}, nil
	case binlog.TypeDatetime2, binlog.TypeDatetime:
		return momentCell{digits: int(c.Meta), zeroNull: o.ZeroDatesNull}, nil
	case binlog.TypeTimestamp2, binlog.TypeTimestamp:
		return momentCell{digits: int(c.Meta), instant: true, zeroNull: o.ZeroDatesNull}, nil
	case binlog.TypeEnum, binlog.TypeSet:
		set, err := charsetOf(c.Charset)
		if err != nil {
			return nil, err
		}
		return set.codec(o.ReplaceInvalid), nil
	case binlog.TypeVarcharCompressed, binlog.TypeBlobCompressed:
		codec, _, err := resolveText(c, o) // the server has unpacked it
		return codec, err
	case binlog.TypeJSON:
		return jsonCell{text: o.JSONText}, nil
	}
	// Text in its character set, bytes, bits, geometry and vectors come as they are
	// in the log.
	codec, _, _, err := For(c, o)
	return codec, err
}

// strange is the error for a value that no server shows so.
func strange(sqlType string) error {
	return failure.Stop("report this as a bug, with the server's version", "a SELECT shows a value of type %s in a form that is not known", sqlType)
}

// jsonCell is a JSON document as the server prints it.
type jsonCell struct {
	sameBytes
	text bool
}

func (c jsonCell) AppendJSON(dst, raw []byte) ([]byte, error) {
	if c.text {
		return utf8Text{}.AppendJSON(dst, raw)
	}
	return c.AppendText(dst, raw)
}

func (jsonCell) AppendText(dst, raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		return dst, fmt.Errorf("an empty document: %w", strange("json"))
	}
	return append(dst, raw...), nil
}
