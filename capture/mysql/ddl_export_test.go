package mysql

// Alters reports whether a statement of a session may have changed the columns of
// a table.
func Alters(text, session, database, name string) bool {
	a := parseAltered([]byte(text))
	return a.may(session, database, name)
}

// MostVersions is how many table versions a stream keeps at most.
const MostVersions = 2 * mostIDs
