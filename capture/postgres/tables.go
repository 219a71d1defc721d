package postgres

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/internal/failure"
)

// A selection is the tables that are captured.
type selection struct {
	all        []tableInfo // changes of every kind
	insertOnly []tableInfo // inserts and truncates
}

func (s *selection) names() []string {
	var names []string
	for _, t := range slices.Concat(s.all, s.insertOnly) {
		names = append(names, t.String())
	}
	slices.Sort(names)
	return names
}

// A pattern names tables: schema.name with the wildcards of path.Match. A bare
// name is one in public.
type pattern struct {
	text    string
	exclude bool
}

func parsePattern(text string) pattern {
	name, exclude := strings.CutPrefix(text, "!")
	if !strings.Contains(name, ".") {
		name = "public." + name
	}
	return pattern{name, exclude}
}

func (p pattern) literal() bool { return !strings.ContainsAny(p.text, `*?[\`) }

func (p pattern) match(t tableInfo) bool {
	if p.literal() {
		return p.text == t.String()
	}
	// Schema and name are matched apart: a * stays within its part.
	schema, name, _ := strings.Cut(p.text, ".")
	s, err1 := path.Match(schema, t.Schema)
	n, err2 := path.Match(name, t.Name)
	return err1 == nil && err2 == nil && s && n
}

// selectTables chooses among the tables of a server. It returns every reason
// why the choice can't be captured, joined, and the patterns that met nothing
// although others did.
func selectTables(tables []tableInfo, patterns, insertOnly []string) (sel selection, unmatched []string, err error) {
	var include, exclude, inserts []pattern
	for _, text := range patterns {
		if p := parsePattern(text); p.exclude {
			exclude = append(exclude, p)
		} else {
			include = append(include, p)
		}
	}
	if len(include) == 0 {
		include = []pattern{{text: "*.*"}}
	}
	for _, text := range insertOnly {
		inserts = append(inserts, parsePattern(text))
	}
	var errs []error
	for _, p := range slices.Concat(include, inserts) {
		if slices.ContainsFunc(tables, p.match) {
			continue
		}
		if p.literal() {
			errs = append(errs, failure.Stop("check the name in source.tables; a bare name means schema public, and a partition is captured through its root",
				"there is no table %s", p.text))
		} else {
			unmatched = append(unmatched, p.text)
		}
	}
	var bare []string
	for _, t := range tables {
		matches := func(p pattern) bool { return p.match(t) }
		switch {
		case slices.ContainsFunc(exclude, matches):
		case slices.ContainsFunc(inserts, matches):
			sel.insertOnly = append(sel.insertOnly, t)
		case !slices.ContainsFunc(include, matches):
		case t.identified():
			sel.all = append(sel.all, t)
		default:
			bare = append(bare, t.String())
		}
	}
	if len(bare) > 0 {
		errs = append(errs, failure.Stop(
			"give each a primary key or ALTER TABLE … REPLICA IDENTITY FULL, or exclude it (\"!"+bare[0]+"\"), or list it under source.insert_only",
			"without a replica identity, publishing would make UPDATE and DELETE of the application fail: %s", strings.Join(bare, ", ")))
	}
	if len(errs) == 0 && len(sel.all)+len(sel.insertOnly) == 0 {
		errs = append(errs, failure.Stop("check source.tables and the database in the URL", "no table matches: there is nothing to do"))
	}
	return sel, unmatched, errors.Join(errs...)
}
