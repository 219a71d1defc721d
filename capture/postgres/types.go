package postgres

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/internal/quote"
)

// A Type is a row of pg_type, as far as it decides how a value is read. Types of
// users are kept in the checkpoint with the table versions that use them,
// since the log gives only their OIDs.
type Type struct {
	OID    uint32 `json:"oid"`
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Kind   byte   `json:"kind"`           // typtype: b base, c composite, d domain, e enum, p pseudo, r range, m multirange
	Elem   uint32 `json:"elem,omitempty"` // element type of a true array (typoutput is array_out), else 0
	Base   uint32 `json:"base,omitempty"` // base type of a domain
	Typmod int32  `json:"typmod"`         // type modifier of a domain's base, -1 for none
	Delim  byte   `json:"delim"`          // typdelim: what stands between the elements of an array of this type
}

const catalogSchema = "pg_catalog"

// firstUserOID is the first OID that the server gives to what users create.
const firstUserOID = 16384

// The types that have a form or a name of their own.
const (
	oidBool        = 16
	oidBytea       = 17
	oidChar        = 18
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidOID         = 26
	oidJSON        = 114
	oidFloat4      = 700
	oidFloat8      = 701
	oidMoney       = 790
	oidBpchar      = 1042
	oidVarchar     = 1043
	oidDate        = 1082
	oidTime        = 1083
	oidTimestamp   = 1114
	oidTimestamptz = 1184
	oidInterval    = 1186
	oidTimetz      = 1266
	oidBit         = 1560
	oidVarbit      = 1562
	oidNumeric     = 1700
	oidUUID        = 2950
	oidJSONB       = 3802
)

// builtin returns the type that has the OID on every server, if it is one of
// those.
func builtin(oid uint32) (Type, bool) {
	i, ok := slices.BinarySearchFunc(builtins, oid, func(t Type, oid uint32) int { return cmp.Compare(t.OID, oid) })
	if !ok {
		return Type{}, false
	}
	return builtins[i], true
}

// formatType returns the name of a type with its modifier as the server's
// format_type does with the default search_path: numeric(12,2),
// character varying(40), timestamp(3) without time zone, integer[],
// app."Mood". types finds the element of an array. The modifier of a user's
// base type is left out: only the server can read it.
func formatType(t Type, typmod int32, types func(oid uint32) (Type, bool)) string {
	if t.Elem == 0 {
		return scalarName(t, typmod)
	}
	elem, ok := builtin(t.Elem)
	if !ok {
		elem, ok = types(t.Elem)
	}
	if !ok {
		return qualifiedName(t)
	}
	return scalarName(elem, typmod) + "[]"
}

func scalarName(t Type, typmod int32) string {
	switch t.OID {
	case oidBool:
		return "boolean"
	case oidInt2:
		return "smallint"
	case oidInt4:
		return "integer"
	case oidInt8:
		return "bigint"
	case oidFloat4:
		return "real"
	case oidFloat8:
		return "double precision"
	case oidJSON:
		return "json"
	case oidNumeric:
		return "numeric" + numericModifier(typmod)
	case oidBpchar:
		if typmod >= 4 {
			return fmt.Sprintf("character(%d)", typmod-4)
		}
	case oidVarchar:
		if typmod >= 4 {
			return fmt.Sprintf("character varying(%d)", typmod-4)
		}
		return "character varying"
	case oidBit:
		if typmod >= 0 {
			return fmt.Sprintf("bit(%d)", typmod)
		}
	case oidVarbit:
		return "bit varying" + modifier(typmod)
	case oidTime:
		return "time" + modifier(typmod) + " without time zone"
	case oidTimetz:
		return "time" + modifier(typmod) + " with time zone"
	case oidTimestamp:
		return "timestamp" + modifier(typmod) + " without time zone"
	case oidTimestamptz:
		return "timestamp" + modifier(typmod) + " with time zone"
	case oidInterval:
		return "interval" + intervalModifier(typmod)
	}
	return qualifiedName(t)
}

func modifier(typmod int32) string {
	if typmod < 0 {
		return ""
	}
	return fmt.Sprintf("(%d)", typmod)
}

// numericModifier reads precision and scale. The scale has 11 bits and, since
// version 15, a sign.
func numericModifier(typmod int32) string {
	if typmod < 4 {
		return ""
	}
	scale := (typmod-4)&0x7ff ^ 0x400 - 0x400
	return fmt.Sprintf("(%d,%d)", (typmod-4)>>16&0xffff, scale)
}

// intervalModifier reads the bits of the fields, in the upper half, and the
// digits of a second.
func intervalModifier(typmod int32) string {
	if typmod < 0 {
		return ""
	}
	const (
		month  = 1 << 1
		year   = 1 << 2
		day    = 1 << 3
		hour   = 1 << 10
		minute = 1 << 11
		second = 1 << 12
	)
	var fields string
	switch typmod >> 16 & 0x7fff {
	case year:
		fields = " year"
	case month:
		fields = " month"
	case day:
		fields = " day"
	case hour:
		fields = " hour"
	case minute:
		fields = " minute"
	case second:
		fields = " second"
	case year | month:
		fields = " year to month"
	case day | hour:
		fields = " day to hour"
	case day | hour | minute:
		fields = " day to minute"
	case day | hour | minute | second:
		fields = " day to second"
	case hour | minute:
		fields = " hour to minute"
	case hour | minute | second:
		fields = " hour to second"
	case minute | second:
		fields = " minute to second"
	}
	if digits := typmod & 0xffff; digits != 0xffff {
		fields += modifier(digits)
	}
	return fields
}

// qualifiedName leaves out the schemas that are searched by default.
func qualifiedName(t Type) string {
	if t.Schema == catalogSchema || t.Schema == "public" || t.Schema == "" {
		return plainIdent(t.Name)
	}
	return plainIdent(t.Schema) + "." + plainIdent(t.Name)
}

// plainIdent quotes a name only where the server does.
func plainIdent(name string) string {
	const letters = "abcdefghijklmnopqrstuvwxyz_"
	const digits = "0123456789"
	if name == "" || keywords[name] || strings.Trim(name, letters+digits) != "" || strings.ContainsRune(digits, rune(name[0])) {
		return quote.PostgresIdent(name)
	}
	return name
}
