package mysql

import (
	"context"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/glob"
	"github.com/tailrace/tailrace/internal/quote"
)

// What a Setup finds on a server.
type setupFound struct {
	server    server
	variables map[string]string // those of setupVariables that it knows
	keeping   keeping
	as        string   // who asked
	hosts     []string // of accounts with the user's name
	grants    []setupGrant
	locks     []setupGrant // databases in which a copy locks tables
}

// setupVariables are what a Source needs not know.
const setupVariables = `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('binlog_row_image', 'partial_revokes', 'aurora_version', 'basedir', 'version') OR Variable_name LIKE 'aad\_auth%'`

// look asks the server for all that the plan depends on, and changes nothing.
func (s *Setup) look(ctx context.Context) (f setupFound, err error) {
	if f.server, err = readServer(ctx, s.side); err != nil {
		return f, err
	}
	var tables []tableName
	err = s.side.use(ctx, func(c *client.Conn) error {
		rows, err := query(c, setupVariables)
		if err != nil {
			return err
		}
		f.variables = make(map[string]string, len(rows))
		for _, row := range rows {
			f.variables[strings.ToLower(row[0])] = row[1]
		}
		if f.keeping, err = readKeeping(c); err != nil {
			return err
		}
		r, err := first(queryRecords(c, "SELECT CURRENT_USER() AS u"))
		if err != nil {
			return err
		}
		f.as = r["u"]
		if f.hosts, err = queryHosts(c, s.source.user); err != nil {
			return err
		}
		tables, err = queryTables(c)
		return err
	})
	if err != nil {
		return f, classify("look at the server", err)
	}
	if s.flavor == "" {
		s.flavor = s.flavorOf(f.variables)
	}
	sel, err := newSelection(s.cfg.Tables, s.source.database, f.server.LowerCaseNames > 0)
	if err != nil {
		return f, err
	}
	if _, err = sel.match(tables); err != nil {
		return f, err
	}
	f.grants = grantsFor(&sel, tables)
	if s.copies {
		f.locks, err = s.lookForLocks(ctx, &f, &sel)
	}
	return f, err
}

// lookForLocks returns the databases with a table that is locked to be copied.
func (s *Setup) lookForLocks(ctx context.Context, f *setupFound, sel *selection) (locks []setupGrant, err error) {
	src := Source{cfg: s.cfg, server: f.server}
	err = s.side.use(ctx, func(c *client.Conn) error {
		found, err := queryRecords(c, `
SELECT t.table_schema AS d, t.table_name AS n, t.engine AS e, i.table_name IS NULL AS keyless
FROM information_schema.tables t
LEFT JOIN information_schema.statistics i
	ON i.table_schema = t.table_schema AND i.table_name = t.table_name AND i.index_name = 'PRIMARY' AND i.seq_in_index = 1
WHERE t.table_type = 'BASE TABLE'`)
		locks = nil
		for _, r := range found {
			if sel.captures(r["d"], r["n"]) && src.locksForCopy(r["keyless"] == "1", strings.ToLower(r["e"])) {
				locks = append(locks, setupGrant{r["d"], ""})
			}
		}
		return err
	})
	return tidy(locks), classify("look at the tables", err)
}

// queryHosts returns from where a user of a name may come, by the accounts there
// are; none if who asks may not know, since making an account twice is no error.
func queryHosts(c *client.Conn, user string) (hosts []string, err error) {
	records, err := queryRecords(c, "SELECT host AS h FROM mysql.user WHERE user = ? AND host <> '' ORDER BY 1", user)
	if isDenied(err) {
		return nil, nil
	}
	for _, r := range records {
		hosts = append(hosts, r["h"])
	}
	return hosts, err
}

// flavorOf knows a provider by what only its servers have, or else by the name
// of the host.
func (s *Setup) flavorOf(variables map[string]string) capture.Flavor {
	if p := providerOf(variables); p != capture.Plain {
		return p
	}
	return capture.FlavorOf(s.side.target.host)
}

// A setupGrant is what SELECT is granted on: a table, or with "" for its name a
// database.
type setupGrant struct{ database, table string }

// grantsFor returns what the tables of a selection take. A glob takes the
// database: a table that is made later is captured from its first row.
func grantsFor(sel *selection, tables []tableName) []setupGrant {
	var grants []setupGrant
	for _, t := range tables {
		if !sel.captures(t.database, t.name) {
			continue
		}
		byName := !slices.ContainsFunc(sel.include, func(p glob.Pattern) bool { return !p.Literal() && sel.matches(p, t) })
		if byName {
			grants = append(grants, setupGrant{t.database, t.name})
		} else {
			grants = append(grants, setupGrant{t.database, ""})
		}
	}
	return tidy(grants)
}

// literalGrants is grantsFor without a server. A glob of databases is an error of
// usage.
func (s *Setup) literalGrants() ([]setupGrant, error) {
	const hint = "say with --as mysql://admin@host/ or mariadb://… (or TAILRACE_SETUP_URL) who may ask the server"
	sel, err := newSelection(s.cfg.Tables, s.source.database, false)
	if err != nil {
		return nil, err
	}
	var grants []setupGrant
	for _, p := range sel.include {
		database, table, _ := strings.Cut(p.Text, ".")
		switch whole := (glob.Pattern{Text: database}); {
		case !whole.Literal() || s.cfg.Tables == nil:
			return nil, failure.Usage(hint, "only the server knows which databases %s names", p.Text)
		case strings.Contains(table, "."):
			return nil, failure.Usage(hint, "only the server knows which part of %s is the database", p.Text)
		case slices.Contains(systemDatabases, strings.ToLower(database)):
			return nil, failure.Usage("leave it out of source.tables", "the tables of %s are the server's own, which are never captured", database)
		case !p.Literal():
			grants = append(grants, setupGrant{database, ""})
		case sel.captures(database, table):
			grants = append(grants, setupGrant{database, table})
		}
	}
	return tidy(grants), nil
}

// tidy sorts, and leaves out what another one includes.
func tidy(grants []setupGrant) []setupGrant {
	slices.SortFunc(grants, func(a, b setupGrant) int {
		if c := strings.Compare(a.database, b.database); c != 0 {
			return c
		}
		return strings.Compare(a.table, b.table)
	})
	grants = slices.Compact(grants)
	return slices.DeleteFunc(slices.Clone(grants), func(g setupGrant) bool {
		return g.table != "" && slices.Contains(grants, setupGrant{g.database, ""})
	})
}

// on returns the object of a GRANT. In the name of a database _ and % are
// wildcards there, unless the server revokes in parts.
func (g setupGrant) on(partialRevokes bool) string {
	if g.table != "" {
		return quote.MySQLQualified(g.database, g.table)
	}
	name := g.database
	if !partialRevokes {
		name = strings.NewReplacer(`\`, `\\`, `_`, `\_`, `%`, `\%`).Replace(name)
	}
	return quote.MySQLIdent(name) + ".*"
}
