package postgres

import (
	"errors"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/glob"
)

// A selection is the tables that are captured.
type selection struct {
	all        []tableInfo // changes of every kind
	insertOnly []tableInfo // inserts and truncates

	include, exclude, inserts []glob.Pattern
}

// captures reports whether the rows of a table are wanted, by the name that the
// log gives it. The catalog's list can't tell: the log speaks of the past, and
// since then the table may have got another name or have been dropped.
func (s *selection) captures(t tableInfo) bool {
	return !s.excludes(t) && (slices.ContainsFunc(s.include, t.is) || slices.ContainsFunc(s.inserts, t.is))
}

func (s *selection) excludes(t tableInfo) bool { return slices.ContainsFunc(s.exclude, t.is) }

// is reports whether p names t.
func (t tableInfo) is(p glob.Pattern) bool { return p.Match(t.Schema, t.Name) }

// has reports whether a table of t's name was there when the selection was made.
func (s *selection) has(t tableInfo) bool {
	same := func(u tableInfo) bool { return u.String() == t.String() }
	return slices.ContainsFunc(s.all, same) || slices.ContainsFunc(s.insertOnly, same)
}

func (s *selection) names() []string {
	var names []string
	for _, t := range slices.Concat(s.all, s.insertOnly) {
		names = append(names, t.String())
	}
	slices.Sort(names)
	return names
}

// parsePattern reads a pattern: a bare name is one in public.
func parsePattern(text string) glob.Pattern { return glob.Parse(text, "public") }

// selectTables chooses among the tables of a server. It returns every reason
// why the choice can't be captured, joined, and the patterns that met nothing
// although others did.
func selectTables(tables []tableInfo, patterns, insertOnly []string) (sel selection, unmatched []string, err error) {
	for _, text := range patterns {
		if p := parsePattern(text); p.Exclude {
			sel.exclude = append(sel.exclude, p)
		} else {
			sel.include = append(sel.include, p)
		}
	}
	if len(sel.include) == 0 {
		sel.include = []glob.Pattern{{Text: "*.*"}}
	}
	for _, text := range insertOnly {
		sel.inserts = append(sel.inserts, parsePattern(text))
	}
	var errs []error
	for _, p := range slices.Concat(sel.include, sel.inserts) {
		if slices.ContainsFunc(tables, func(t tableInfo) bool { return t.is(p) }) {
			continue
		}
		if p.Literal() {
			errs = append(errs, failure.Stop("check the name in source.tables; a bare name means schema public, and a partition is captured through its root",
				"there is no table %s", p.Text))
		} else {
			unmatched = append(unmatched, p.Text)
		}
	}
	var bare, statements []string
	for _, t := range tables {
		switch {
		case sel.excludes(t):
		case slices.ContainsFunc(sel.inserts, t.is):
			sel.insertOnly = append(sel.insertOnly, t)
		case !slices.ContainsFunc(sel.include, t.is):
		case t.Mixed:
			errs = append(errs, errMixed(t.String()))
		case t.identified():
			sel.all = append(sel.all, t)
		default:
			bare = append(bare, t.String())
			statements = append(statements, "ALTER TABLE "+t.quoted()+" REPLICA IDENTITY FULL")
		}
	}
	if len(bare) > 0 {
		errs = append(errs, failure.Stop(
			"give each a primary key, or run: "+strings.Join(statements, "; ")+"; or exclude it (\"!"+bare[0]+"\"), or list it under source.insert_only",
			"without a replica identity, publishing would make UPDATE and DELETE of the application fail: %s", strings.Join(bare, ", ")))
	}
	if len(errs) == 0 && len(sel.all)+len(sel.insertOnly) == 0 {
		errs = append(errs, failure.Stop("check source.tables and the database in the URL", "no table matches: there is nothing to do"))
	}
	return sel, unmatched, errors.Join(errs...)
}

// errMixed is for a table of which deletes would come with NULL for values that
// are none.
func errMixed(table string) error {
	return failure.Stop("ALTER TABLE … REPLICA IDENTITY FULL on each partition too, or DEFAULT on the root, or exclude the table (\"!"+table+"\")",
		"table %s has REPLICA IDENTITY FULL and a partition that has not: the server would send NULL for what it does not log", table)
}
