package mysql

import (
	"cmp"
	"slices"
	"strings"
)

// altered is what a statement may have changed the columns of.
type altered struct {
	tables   []tableName // the database is "" for the session's
	database string      // dropped with all of its tables
	all      bool        // nobody knows
}

// noColumns are what CREATE, ALTER, DROP and RENAME make and change besides
// tables, or begin with: no column of a table is another one after it. A database
// gives its defaults only to tables that are made later.
var noColumns = []string{
	"AGGREGATE", "ALGORITHM", "DEFINER", "EVENT", "FULLTEXT", "FUNCTION", "INDEX", "INSTANCE", "JSON", "LIBRARY", "LOGFILE", "PACKAGE",
	"PROCEDURE", "RESOURCE", "ROLE", "SERVER", "SPATIAL", "SQL", "TABLESPACE", "TRIGGER", "UNDO", "UNIQUE", "USER", "VIEW",
	"DATABASE", "SCHEMA",
}

// parseAltered reads of a DDL whose columns it may have changed: the tables that
// it is about. What else it names (columns, indexes, a table that is copied) it
// leaves as they are.
func parseAltered(text []byte) altered {
	l := lexer{text: text}
	verb := l.verb()
	for l.keyword("OR") || l.keyword("REPLACE") || l.keyword("TEMPORARY") || l.keyword("ONLINE") || l.keyword("IGNORE") {
	}
	object := strings.ToUpper(l.word())
	switch verb + " " + object {
	case "CREATE TABLE", "CREATE SEQUENCE", "ALTER TABLE", "ALTER SEQUENCE":
		return l.alteredTable()
	case "DROP TABLE", "DROP TABLES", "DROP SEQUENCE", "RENAME TABLE", "RENAME TABLES":
		return l.alteredList()
	case "DROP INDEX": // `PRIMARY` is one
		l.exists()
		l.identifier()
		if !l.keyword("ON") {
			return altered{all: true}
		}
		return l.alteredTable()
	case "CREATE DATABASE", "CREATE SCHEMA", "DROP DATABASE", "DROP SCHEMA":
		l.exists()
		name := l.identifier()
		return altered{database: name, all: name == ""}
	}
	return altered{all: !slices.Contains(noColumns, object)}
}

// alteredTable reads the one table that a statement is about.
func (l *lexer) alteredTable() altered {
	l.exists()
	var st statement
	st.table(l)
	return altered{tables: []tableName{{st.database, st.name}}, all: st.name == ""}
}

// alteredList reads tables up to the end: a, b or a TO b, c TO d.
func (l *lexer) alteredList() (a altered) {
	l.exists()
	for {
		var st statement
		if st.table(l); st.name == "" {
			return altered{all: true}
		}
		a.tables = append(a.tables, tableName{st.database, st.name})
		l.keyword("NOWAIT")
		if l.keyword("WAIT") {
			l.word()
		}
		if !l.symbol(',') && !l.keyword("TO") {
			break
		}
	}
	_ = l.keyword("RESTRICT") || l.keyword("CASCADE")
	a.all = !l.atEnd()
	return a
}

// exists goes over IF [NOT] EXISTS.
func (l *lexer) exists() {
	if l.keyword("IF") {
		l.keyword("NOT")
		l.keyword("EXISTS")
	}
}

// may reports whether a table is among what was altered by a session that was in
// a database.
func (a *altered) may(session, database, name string) bool {
	if a.all || a.database != "" {
		return a.all || sameName(a.database, database)
	}
	return slices.ContainsFunc(a.tables, func(t tableName) bool {
		db := cmp.Or(t.database, session)
		return sameName(t.name, name) && (db == "" || sameName(db, database))
	})
}

// sameName reports whether two names may be one: a server may compare them
// without case, and one in a statement is in the session's character set, where
// only plain names have one spelling.
func sameName(a, b string) bool { return strings.EqualFold(a, b) || !plain(a) && !plain(b) }

func plain(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool {
		return r != '_' && r != '$' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}
