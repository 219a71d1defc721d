package postgres

import (
	"bytes"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// Values says how values are written where docs/events.md leaves a choice. The
// zero value is the default of every choice.
type Values struct {
	JSONText       bool // json and jsonb as strings of their text instead of embedded
	InfinityNull   bool // infinite dates, timestamps and intervals as null instead of text
	ReplaceInvalid bool // U+FFFD for each run of bytes that are not UTF-8, instead of Stop
	CheckUTF8      bool // the server's text is not known to be UTF-8: server_encoding is SQL_ASCII
}

// maxTypeDepth bounds how far domains and arrays are followed. The server's
// own catalog can't be circular; a checkpoint that was edited can.
const maxTypeDepth = 32

// codecFor returns the codec of a column of type t with the type modifier
// typmod, and the column's kind. types finds the types that t refers to; those
// of builtin need not be known to it. A domain has the codec of its base. A type
// that is not known has the codec of text.
//
// The codecs read the text that the server sends with the settings of our
// session: DateStyle ISO, IntervalStyle iso_8601, TimeZone UTC, bytea_output
// hex, lc_monetary C. Text of another shape is an error of the class Stop
// that does not hold the value: the caller adds table and column.
func codecFor(t Type, typmod int32, types func(oid uint32) (Type, bool), v Values) (schema.Codec, schema.Kind) {
	c, kind := resolve(t, typmod, types, v, 0)
	if !v.CheckUTF8 {
		return c, kind
	}
	switch kind {
	case schema.String, schema.Enum, schema.UUID, schema.JSON, schema.Map, schema.Array:
		return checked{c, v.ReplaceInvalid}, kind
	}
	return c, kind
}

// resolve is codecFor without the check of UTF-8, which is done once for a
// whole value and not again for the elements of an array.
func resolve(t Type, typmod int32, types func(oid uint32) (Type, bool), v Values, depth int) (schema.Codec, schema.Kind) {
	if depth > maxTypeDepth {
		return text{}, schema.String
	}
	find := func(oid uint32) Type {
		if known, ok := builtin(oid); ok {
			return known
		}
		known, _ := types(oid)
		return known
	}
	switch {
	case t.Kind == 'd':
		return resolve(find(t.Base), t.Typmod, types, v, depth+1)
	case t.Kind == 'e':
		return text{}, schema.Enum
	case t.Elem != 0:
		elem := find(t.Elem)
		delim := t.Delim
		if elem.Delim != 0 {
			delim = elem.Delim
		}
		c, _ := resolve(elem, typmod, types, v, depth+1)
		return &array{elem: c, delim: delim}, schema.Array
	case t.OID >= firstUserOID && t.Kind == 'b' && t.Name == "hstore":
		return hstore{}, schema.Map
	}
	return scalar(t.OID, typmod, v)
}

// scalar returns the codec of a type that is not made of others.
func scalar(oid uint32, typmod int32, v Values) (schema.Codec, schema.Kind) {
	switch oid {
	case oidBool:
		return boolean{}, schema.Bool
	case oidInt2, oidInt4, oidInt8, oidOID:
		return integer{}, schema.Int
	case oidFloat4, oidFloat8:
		return float{}, schema.Float
	case oidNumeric:
		return numeric{}, schema.Decimal
	case oidMoney:
		return money{}, schema.Decimal
	case oidBytea:
		return bytea{}, schema.Bytes
	case oidDate:
		return date{infinityNull: v.InfinityNull}, schema.Date
	case oidTime:
		return clock{digits: fractionDigits(typmod)}, schema.Time
	case oidTimetz:
		return clockZone{}, schema.String
	case oidTimestamp:
		return timestamp{digits: fractionDigits(typmod), infinityNull: v.InfinityNull}, schema.Timestamp
	case oidTimestamptz:
		return timestamp{digits: fractionDigits(typmod), infinityNull: v.InfinityNull, zone: true}, schema.TimestampTZ
	case oidInterval:
		return interval{infinityNull: v.InfinityNull}, schema.Interval
	case oidJSON, oidJSONB:
		if v.JSONText {
			return text{}, schema.JSON
		}
		return embedded{}, schema.JSON
	case oidUUID:
		return text{}, schema.UUID
	case oidChar:
		// Before version 15 a "char" above 127 is sent as one naked byte,
		// whatever the encoding.
		return checked{text{}, v.ReplaceInvalid}, schema.String
	}
	return text{}, schema.String
}

// malformed is the error for text that its type's output function does not
// write.
func malformed(sqlType string) error {
	return failure.Stop(
		"the server's session settings or its version are not what Tailrace expects",
		"the server sent malformed text for a value of type %s", sqlType)
}

// sameText is the Equal of every codec: two values are the same if their texts
// are. Where an operator class knows 1.0 and 1.00, or two intervals, as equal,
// their event forms still differ, and a reader would keep both keys: a change
// from one to the other is a change of the key.
type sameText struct{}

// Equal reports whether the texts of two values are the same.
func (sameText) Equal(a, b []byte) bool { return bytes.Equal(a, b) }

// appendQuoted puts quotes around what appendText appends, for forms that hold
// nothing to escape.
func appendQuoted(dst, raw []byte, appendText func(dst, raw []byte) ([]byte, error)) ([]byte, error) {
	start := len(dst)
	dst, err := appendText(append(dst, '"'), raw)
	if err != nil {
		return dst[:start], err
	}
	return append(dst, '"'), nil
}
