package mysql

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/glob"
)

// A selection is the tables that are captured.
type selection struct {
	include, exclude []glob.Pattern
	fold             bool     // the server compares names of tables without case
	found            []string // database.name of those that are there now
}

// systemDatabases belong to the server.
var systemDatabases = []string{"mysql", "sys", "information_schema", "performance_schema", "ndbinfo"}

// captures reports whether the rows of a table are wanted, by the name that the
// log gives it when they were written. The catalog can't tell: since then the
// table may have got another name or have been dropped. A copy that is renamed
// to a captured table (_orders_gho to orders) is that table from then on; its
// rows under the old name were those of a table that is not captured.
func (s *selection) captures(database, table string) bool {
	if slices.Contains(systemDatabases, strings.ToLower(database)) {
		return false
	}
	if s.fold {
		database, table = strings.ToLower(database), strings.ToLower(table)
	}
	is := func(p glob.Pattern) bool { return p.Match(database, table) }
	return !slices.ContainsFunc(s.exclude, is) && slices.ContainsFunc(s.include, is)
}

// captures reports whether the rows of a table are wanted, by the name that the
// log gives it. Tables that are made later are captured from their first row.
func (s *Source) captures(database, table string) bool { return s.sel.captures(database, table) }

// capturesIn reports whether a table of a database may be captured.
func (s *selection) capturesIn(database string) bool {
	if slices.Contains(systemDatabases, strings.ToLower(database)) {
		return false
	}
	if s.fold {
		database = strings.ToLower(database)
	}
	return slices.ContainsFunc(s.include, func(p glob.Pattern) bool { return p.MatchNamespace(database) })
}

// hash tells this choice from another one.
func (s *selection) hash() string {
	h := sha256.New()
	for _, patterns := range [][]glob.Pattern{s.include, s.exclude} {
		for _, p := range patterns {
			fmt.Fprintf(h, "%q ", p.Text)
		}
		fmt.Fprintf(h, "%t ", s.fold)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// A tableName is a table as the catalog has it now.
type tableName struct{ database, name string }

func (t tableName) String() string { return t.database + "." + t.name }

// newSelection reads patterns. A bare name is one in database, that of the URL.
func newSelection(patterns []string, database string, fold bool) (selection, error) {
	sel := selection{fold: fold}
	for _, text := range patterns {
		if glob.Bare(text) && database == "" {
			return sel, failure.Stop("write it as database."+strings.TrimPrefix(text, "!")+", or name the database in the source URL",
				"the table %q has no database", text)
		}
		p := glob.Parse(text, database)
		if fold {
			p.Text = strings.ToLower(p.Text)
		}
		if p.Exclude {
			sel.exclude = append(sel.exclude, p)
		} else {
			sel.include = append(sel.include, p)
		}
	}
	if len(sel.include) == 0 {
		sel.include = []glob.Pattern{{Text: "*.*"}}
	}
	return sel, nil
}

// match looks for the tables of a server that are captured. It returns every
// reason why the choice can't be, joined, and the patterns that met nothing
// although others did.
func (s *selection) match(all []tableName) (unmatched []string, err error) {
	var errs []error
	for _, p := range s.include {
		if slices.ContainsFunc(all, func(t tableName) bool { return s.matches(p, t) }) {
			continue
		}
		database, _, _ := strings.Cut(p.Text, ".")
		switch system := slices.Contains(systemDatabases, strings.ToLower(database)); {
		case p.Literal() && system:
			errs = append(errs, failure.Stop("leave it out of source.tables", "the table %s is the server's own, which is never captured", p.Text))
		case p.Literal() && strings.Count(p.Text, ".") > 1:
			errs = append(errs, failure.Stop("write it as database.table: there is no schema between", "there is no table %s", p.Text))
		case p.Literal():
			errs = append(errs, failure.Stop("check the name in source.tables; a table is seen only with a privilege on it: GRANT SELECT ON "+p.Text+" TO the user",
				"there is no table %s", p.Text))
		default:
			unmatched = append(unmatched, p.Text)
		}
	}
	s.found = nil
	for _, t := range all {
		if s.captures(t.database, t.name) {
			s.found = append(s.found, t.String())
		}
	}
	slices.Sort(s.found)
	if len(errs) == 0 && len(s.found) == 0 {
		errs = append(errs, failure.Stop("check source.tables and the database in the URL; a table is seen only with a privilege on it: GRANT SELECT",
			"no table matches: there is nothing to do"))
	}
	return unmatched, errors.Join(errs...)
}

func (s *selection) matches(p glob.Pattern, t tableName) bool {
	if s.fold {
		return p.Match(strings.ToLower(t.database), strings.ToLower(t.name))
	}
	return p.Match(t.database, t.name)
}

// queryTables lists the tables of users.
func queryTables(c *client.Conn) ([]tableName, error) {
	records, err := queryRecords(c, `SELECT table_schema AS d, table_name AS n FROM information_schema.tables WHERE table_type = 'BASE TABLE'`)
	if err != nil {
		return nil, err
	}
	var all []tableName
	for _, r := range records {
		if t := (tableName{r["d"], r["n"]}); !slices.Contains(systemDatabases, strings.ToLower(t.database)) {
			all = append(all, t)
		}
	}
	return all, nil
}
