package schema

// Kind is the logical kind of a column: what a consumer needs to choose a type
// of its own. It is written into the schema document by this name.
type Kind string

// The kinds. Their JSON forms are in docs/events.md.
const (
	Int         Kind = "int"         // JSON number, exact
	Decimal     Kind = "decimal"     // string of digits
	Float       Kind = "float"       // JSON number, or "NaN", "Infinity", "-Infinity"
	Bool        Kind = "bool"        // true, false
	Date        Kind = "date"        // "2026-11-21"
	Time        Kind = "time"        // "10:00:00.123456"
	Timestamp   Kind = "timestamp"   // without zone
	TimestampTZ Kind = "timestamptz" // always UTC, with Z
	Interval    Kind = "interval"    // ISO 8601 duration
	String      Kind = "string"      // and whatever has no form of its own
	Bytes       Kind = "bytes"       // base64
	Enum        Kind = "enum"        // its label
	JSON        Kind = "json"        // embedded, or a string
	UUID        Kind = "uuid"        // string
	Array       Kind = "array"       // JSON array
	Map         Kind = "map"         // JSON object of strings or null
)
