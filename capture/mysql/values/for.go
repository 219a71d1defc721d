package values

import (
	"bytes"
	"fmt"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// Options says how values are written where docs/events.md leaves a choice,
// and who wrote the log. The zero value is the default of every choice.
type Options struct {
	JSONText       bool // JSON as a string of its text instead of embedded
	ZeroDatesNull  bool // zero and partial dates as null instead of text
	ReplaceInvalid bool // U+FFFD for each run of bytes that have no UTF-8 form, instead of Stop
	MariaDB        bool // the log is MariaDB's
}

// For returns the codec of a column, its kind, and its type as the database
// writes it as far as the log tells: the lengths of text are the log's bytes
// divided by the longest character of the character set.
//
// err says in one sentence, without class and without the column's name, why
// the column can't be read: a type or a character set that is not known, or
// something that the log did not tell and that the caller can fill in from the
// catalog (signedness, character set, labels).
//
// For is called by a source's reader, once per column of a table version. The
// codec's errors are of the class Stop and hold no value; the caller adds table
// and column.
func For(c binlog.Column, o Options) (codec schema.Codec, kind schema.Kind, sqlType string, err error) {
	codec, kind, err = resolve(c, o)
	if err != nil {
		return nil, "", "", err
	}
	return codec, kind, sqlTypeOf(c), nil
}

func resolve(c binlog.Column, o Options) (schema.Codec, schema.Kind, error) {
	switch c.Type {
	case binlog.TypeTiny, binlog.TypeShort, binlog.TypeInt24, binlog.TypeLong, binlog.TypeLonglong:
		if !c.SignKnown {
			return nil, "", fmt.Errorf("the log does not tell whether the %s is unsigned", integerNames[c.Type])
		}
		return integer{width: integerWidth(c.Type), unsigned: c.Unsigned}, schema.Int, nil
	case binlog.TypeBit:
		if c.Meta < 1 || c.Meta > 64 {
			return nil, "", fmt.Errorf("a bit column of %d bits is not known", c.Meta)
		}
		return bit{width: int(c.Meta+7) / 8}, schema.Int, nil
	case binlog.TypeYear:
		return year{}, schema.Int, nil
	case binlog.TypeFloat:
		return float{}, schema.Float, nil
	case binlog.TypeDouble:
		return double{}, schema.Float, nil
	case binlog.TypeNewDecimal:
		d, ok := newDecimal(int(c.Meta>>8), int(c.Meta&0xff))
		if !ok {
			return nil, "", fmt.Errorf("a decimal of %d digits with %d after the point is not known", c.Meta>>8, c.Meta&0xff)
		}
		return d, schema.Decimal, nil
	case binlog.TypeDate:
		return date{zeroNull: o.ZeroDatesNull}, schema.Date, nil
	case binlog.TypeTime2, binlog.TypeDatetime2, binlog.TypeTimestamp2:
		if c.Meta > 6 {
			return nil, "", fmt.Errorf("a time with %d digits of a second is not known", c.Meta)
		}
		return resolveTime(c, o)
	case binlog.TypeTimestamp, binlog.TypeTime, binlog.TypeDatetime:
		return resolveOldTime(c, o)
	case binlog.TypeEnum, binlog.TypeSet:
		return resolveLabels(c, o)
	case binlog.TypeVarchar, binlog.TypeVarString, binlog.TypeString, binlog.TypeBlob:
		return resolveText(c, o)
	case binlog.TypeVarcharCompressed, binlog.TypeBlobCompressed:
		inner, kind, err := resolveText(c, o)
		return compressed{inner}, kind, err
	case binlog.TypeJSON:
		if o.JSONText {
			return jsonText{}, schema.JSON, nil
		}
		return embedded{}, schema.JSON, nil
	case binlog.TypeGeometry:
		return geometry{}, schema.JSON, nil
	case binlog.TypeVector:
		return vector{}, schema.Array, nil
	}
	return nil, "", fmt.Errorf("the type %s is not known", typeName(c.Type))
}

func resolveTime(c binlog.Column, o Options) (schema.Codec, schema.Kind, error) {
	digits := int(c.Meta)
	switch c.Type {
	case binlog.TypeTime2:
		return clock{digits: digits}, schema.Time, nil
	case binlog.TypeDatetime2:
		return datetime{digits: digits, zeroNull: o.ZeroDatesNull}, schema.Timestamp, nil
	}
	return timestamp{digits: digits, zeroNull: o.ZeroDatesNull}, schema.TimestampTZ, nil
}

// resolveOldTime is for columns that were made before MySQL 5.6 and never
// rebuilt. MariaDB has them too, and also with a fraction, whose digits the log
// does not tell: there even the length of a value is not known.
func resolveOldTime(c binlog.Column, o Options) (schema.Codec, schema.Kind, error) {
	if o.MariaDB {
		return nil, "", fmt.Errorf("the log does not tell the length of a %s in MariaDB's old format; rebuild the table with mysql56_temporal_format=ON", oldTimeNames[c.Type])
	}
	switch c.Type {
	case binlog.TypeTime:
		return oldTime{}, schema.Time, nil
	case binlog.TypeDatetime:
		return oldDatetime{zeroNull: o.ZeroDatesNull}, schema.Timestamp, nil
	}
	return oldTimestamp{zeroNull: o.ZeroDatesNull}, schema.TimestampTZ, nil
}

// malformed is the error for bytes that no server writes for the type.
func malformed(sqlType string) error {
	return failure.Stop(
		"the log is damaged, or its server is newer than Tailrace knows",
		"the log holds malformed bytes for a value of type %s", sqlType)
}

// sameBytes is the Equal of every codec: two values are the same if their bytes
// are. Where a collation takes two texts for equal, their event forms still
// differ, and a reader would keep both keys: a change from one to the other is a
// change of the key.
type sameBytes struct{}

// Equal reports whether the bytes of two values are the same.
func (sameBytes) Equal(a, b []byte) bool { return bytes.Equal(a, b) }
