package quote

import "strings"

// MySQLIdent returns name as a quoted identifier of MySQL and MariaDB, right
// under any sql_mode. It quotes the two parts of an account too. name holds no
// NUL: no name there can.
func MySQLIdent(name string) string {
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// MySQLQualified returns database.name, both quoted.
func MySQLQualified(database, name string) string {
	return MySQLIdent(database) + "." + MySQLIdent(name)
}

// MySQLLiteral returns s as a string literal of MySQL's and MariaDB's SQL, for a
// session without the sql_mode NO_BACKSLASH_ESCAPES.
func MySQLLiteral(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
}
