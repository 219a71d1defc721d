package mysql

import (
	"bytes"
	"slices"
	"strings"
)

// A statement is what of a statement's text counts.
type statement struct {
	kind     statementKind
	verb     string // in upper case
	database string // stmtTruncate: "" for the session's
	name     string // stmtTruncate: table; stmtSavepoint, stmtRollbackTo: savepoint
}

type statementKind uint8

const (
	stmtOther statementKind = iota // nothing that concerns rows
	stmtDDL                        // may have changed what a table is
	stmtData                       // changes rows, or nobody knows
	stmtBegin
	stmtCommit
	stmtRollback
	stmtSavepoint
	stmtRollbackTo
	stmtTruncate
)

// verbs says what a statement that begins with a word may do. A word that is not
// here changes rows, as far as anybody knows.
var verbs = map[string]statementKind{
	"CREATE": stmtDDL, "ALTER": stmtDDL, "DROP": stmtDDL, "RENAME": stmtDDL, "IMPORT": stmtDDL,
	"ANALYZE": stmtOther, "OPTIMIZE": stmtOther, "REPAIR": stmtOther, "CHECK": stmtOther, "FLUSH": stmtOther,
	"GRANT": stmtOther, "REVOKE": stmtOther, "SET": stmtOther, "RESET": stmtOther, "KILL": stmtOther,
	"INSTALL": stmtOther, "UNINSTALL": stmtOther, "RELEASE": stmtOther, "CACHE": stmtOther,
	"BEGIN": stmtBegin, "COMMIT": stmtCommit, "ROLLBACK": stmtRollback, "SAVEPOINT": stmtSavepoint, "TRUNCATE": stmtTruncate,
}

// parseStatement reads as much of a statement as tells what it is.
func parseStatement(text []byte) statement {
	if string(text) == "BEGIN" { // nearly all are
		return statement{kind: stmtBegin, verb: "BEGIN"}
	}
	l := lexer{text: text}
	st := statement{verb: l.verb()}
	kind, ok := verbs[st.verb]
	if st.kind = kind; !ok && !(st.verb == "" && l.atEnd()) { // a comment is no statement
		st.kind = stmtData
	}
	switch st.verb {
	case "ROLLBACK":
		l.keyword("WORK")
		if l.keyword("TO") {
			l.keyword("SAVEPOINT")
			st.kind, st.name = stmtRollbackTo, l.identifier()
		}
	case "SAVEPOINT":
		st.name = l.identifier()
	case "TRUNCATE":
		l.keyword("TABLE")
		st.table(&l)
	case "DELETE":
		// What the server writes itself when a table of the engine MEMORY is
		// met empty after a restart: a whole table, with its database.
		if l.keyword("FROM") {
			whole := st
			if whole.table(&l); whole.database != "" && l.atEnd() {
				whole.kind = stmtTruncate
				return whole
			}
		}
	case "CREATE":
		// In row format the log has no CREATE TABLE … SELECT or … TABLE: the
		// rows follow by themselves.
		if l.keyword("OR") {
			l.keyword("REPLACE")
		}
		l.keyword("TEMPORARY")
		if l.keyword("TABLE") && l.has("SELECT", "TABLE") {
			st.kind, st.verb = stmtData, "CREATE TABLE … SELECT"
		}
	}
	return st
}

// table reads [database.]table.
func (st *statement) table(l *lexer) {
	st.name = l.identifier()
	if l.symbol('.') {
		st.database, st.name = st.name, l.identifier()
	}
}

// A lexer reads SQL from left to right as the server does: comments are left
// out, but for those that MySQL executes.
type lexer struct {
	text []byte
	pos  int
}

// space goes over blanks and comments.
func (l *lexer) space() {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case isBlank(rest[0]):
			l.pos++
		case hasPrefix(rest, "/*!"), hasPrefix(rest, "/*M!"):
			// Its inside is executed, from a version on that stands in front.
			for l.pos++; l.pos < len(l.text) && (strings.IndexByte("*M!", l.text[l.pos]) >= 0 || isDigit(l.text[l.pos])); l.pos++ {
			}
		case hasPrefix(rest, "*/"):
			l.pos += 2
		case hasPrefix(rest, "/*"):
			l.over("*/")
		case rest[0] == '#', hasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '): // a--1 is a minus -1
			l.over("\n")
		default:
			return
		}
	}
}

// over goes behind the next mark, or to the end.
func (l *lexer) over(mark string) {
	i := bytes.Index(l.text[l.pos:], []byte(mark))
	if i < 0 {
		l.pos = len(l.text)
		return
	}
	l.pos += i + len(mark)
}

// word reads a word of letters, digits, _ and $, and bytes above ASCII.
func (l *lexer) word() string {
	l.space()
	start := l.pos
	for l.pos < len(l.text) && isWord(l.text[l.pos]) {
		l.pos++
	}
	return string(l.text[start:l.pos])
}

// verb reads the word that a statement begins with, in upper case.
func (l *lexer) verb() string {
	verb := strings.ToUpper(l.word())
	for verb == "SET" && l.keyword("STATEMENT") && l.has("FOR") {
		verb = strings.ToUpper(l.word()) // MariaDB: SET STATEMENT variable = value FOR statement
	}
	return verb
}

// keyword goes over a word if it is the given one, which is in upper case.
func (l *lexer) keyword(want string) bool {
	before := l.pos
	if strings.EqualFold(l.word(), want) {
		return true
	}
	l.pos = before
	return false
}

// symbol goes over a character if it is the given one.
func (l *lexer) symbol(c byte) bool {
	l.space()
	if l.pos < len(l.text) && l.text[l.pos] == c {
		l.pos++
		return true
	}
	return false
}

// identifier reads a name, in quotes or not.
func (l *lexer) identifier() string {
	l.space()
	if l.pos < len(l.text) && (l.text[l.pos] == '`' || l.text[l.pos] == '"') {
		return l.quoted(l.text[l.pos])
	}
	return l.word()
}

// quoted reads text between quotes, in which a quote is doubled.
func (l *lexer) quoted(quote byte) string {
	var b []byte
	for l.pos++; l.pos < len(l.text); l.pos++ {
		if l.text[l.pos] == quote {
			l.pos++
			if l.pos == len(l.text) || l.text[l.pos] != quote {
				break
			}
		}
		b = append(b, l.text[l.pos])
	}
	return string(b)
}

// has looks for one of some words outside of quotes and goes behind it.
func (l *lexer) has(want ...string) bool {
	for {
		l.space()
		if l.pos >= len(l.text) {
			return false
		}
		switch c := l.text[l.pos]; {
		case isWord(c):
			if slices.Contains(want, strings.ToUpper(l.word())) {
				return true
			}
		case c == '\'', c == '"', c == '`':
			l.skipQuoted(c)
		default:
			l.pos++
		}
	}
}

// skipQuoted goes over a string, in which a backslash may stand before a quote.
func (l *lexer) skipQuoted(quote byte) {
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch l.text[l.pos] {
		case '\\':
			if quote != '`' {
				l.pos++
			}
		case quote:
			l.pos++
			return
		}
	}
}

// atEnd reports whether nothing follows but a semicolon.
func (l *lexer) atEnd() bool {
	l.symbol(';')
	l.space()
	return l.pos >= len(l.text)
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '_' || c == '$' || c >= 0x80
}
