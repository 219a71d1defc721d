package postgres

import "github.com/tailrace/tailrace/schema"

// CodecFor, Builtin, Builtins and FormatType are what the tests of the codecs,
// which live outside of the package, look at.
func CodecFor(t Type, typmod int32, types func(uint32) (Type, bool), v Values) (schema.Codec, schema.Kind) {
	return codecFor(t, typmod, types, v)
}

func Builtin(oid uint32) (Type, bool) { return builtin(oid) }

func Builtins() []Type { return builtins }

func FormatType(t Type, typmod int32, types func(uint32) (Type, bool)) string {
	return formatType(t, typmod, types)
}
