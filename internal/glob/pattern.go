// Package glob reads the patterns by which people choose tables.
package glob

import (
	"path"
	"strings"
)

// A Pattern names tables: namespace.name with the wildcards of path.Match. The
// namespace is a schema of Postgres or a database of MySQL.
type Pattern struct {
	Text    string // without the !
	Exclude bool
}

// Parse reads a pattern: a leading ! excludes, and a bare name is one in
// namespace.
func Parse(text, namespace string) Pattern {
	name, exclude := strings.CutPrefix(text, "!")
	if Bare(text) {
		name = namespace + "." + name
	}
	return Pattern{name, exclude}
}

// Bare reports whether a pattern names no namespace.
func Bare(text string) bool { return !strings.Contains(text, ".") }

// Literal reports whether p names one table.
func (p Pattern) Literal() bool { return !strings.ContainsAny(p.Text, `*?[\`) }

// Match reports whether p names a table.
func (p Pattern) Match(namespace, name string) bool {
	if p.Literal() {
		return p.Text == namespace+"."+name
	}
	// Both are matched apart: a * stays within its part.
	first, second, _ := strings.Cut(p.Text, ".")
	return matchName(first, namespace) && matchName(second, name)
}

// MatchNamespace reports whether p may name a table in a namespace.
func (p Pattern) MatchNamespace(namespace string) bool {
	if p.Literal() {
		return strings.HasPrefix(p.Text, namespace+".")
	}
	first, _, _ := strings.Cut(p.Text, ".")
	return matchName(first, namespace)
}

// matchName is path.Match for names, in which a slash is a letter like others.
// It stands as the one character that no name has.
func matchName(pattern, name string) bool {
	const slash, stand = "/", "\x00"
	ok, err := path.Match(strings.ReplaceAll(pattern, slash, stand), strings.ReplaceAll(name, slash, stand))
	return err == nil && ok
}
