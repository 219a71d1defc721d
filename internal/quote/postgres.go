package quote

import "strings"

// PostgresIdent returns name as a quoted identifier of Postgres, in SQL as in
// replication commands. name holds no NUL: no name in Postgres can.
func PostgresIdent(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// PostgresQualified returns schema.name, both quoted.
func PostgresQualified(schema, name string) string {
	return PostgresIdent(schema) + "." + PostgresIdent(name)
}

// PostgresLiteral returns s as a string literal of Postgres' SQL, right under
// any standard_conforming_strings. s holds no NUL: no text in Postgres can.
// Replication commands know no E'...': there s must be without backslashes.
func PostgresLiteral(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if !strings.Contains(s, `\`) {
		return quoted
	}
	return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
}
