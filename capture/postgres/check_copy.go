package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// CheckCopy returns every reason why the captured tables can't be copied, joined:
// the log can be followed without a right on any table, and a copy reads them. It is
// called after Check.
func (s *Source) CheckCopy(ctx context.Context) error {
	var unread copyRights
	err := s.ask(ctx, "check what a copy needs", func(ctx context.Context, conn *pgx.Conn) (err error) {
		unread, err = queryCopyRights(ctx, conn, s.server.Role, slices.Concat(s.sel.all, s.sel.insertOnly))
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	if grants := unread.grants(s.server.Role); len(grants) > 0 {
		var names []string
		for _, t := range unread.closed {
			names = append(names, t.String())
		}
		if len(names) == 0 {
			names = append(names, "the tables of schema "+strings.Join(unread.schemas, " and "))
		}
		errs = append(errs, failure.Stop("run as their owner: "+strings.Join(grants, "; ")+"; or tailrace setup --apply; or say --snapshot never",
			"role %s may not read %s, which are to be copied", s.server.Role, strings.Join(names, ", ")))
	}
	if len(unread.hidden) > 0 {
		errs = append(errs, failure.Stop("run: ALTER ROLE "+quote.PostgresIdent(s.server.Role)+" BYPASSRLS; or say --snapshot never",
			"row security hides rows of %s from role %s, and a copy would lack them", names(unread.hidden), s.server.Role))
	}
	return errors.Join(errs...)
}

// copyRights are those that a role lacks for reading tables.
type copyRights struct {
	schemas []string    // that it may not use
	closed  []tableInfo // that it may not read
	hidden  []tableInfo // of which a policy hides rows
}

// rightsFor are all that tables take.
func rightsFor(tables []tableInfo) (r copyRights) {
	for _, t := range tables {
		r.closed = append(r.closed, t)
		if !slices.Contains(r.schemas, t.Schema) {
			r.schemas = append(r.schemas, t.Schema)
		}
	}
	return r
}

// grants are the statements that give a role the rights, without those that take a
// superuser.
func (r copyRights) grants(role string) (all []string) {
	role = quote.PostgresIdent(role)
	for _, schema := range r.schemas {
		all = append(all, "GRANT USAGE ON SCHEMA "+quote.PostgresIdent(schema)+" TO "+role)
	}
	if len(r.closed) > 0 {
		all = append(all, "GRANT SELECT ON "+strings.Join(quotedNames(r.closed), ", ")+" TO "+role)
	}
	return all
}

// queryCopyRights asks what a role that is there lacks for reading tables. Rights on
// some columns are taken for those on the columns that are published. Of policies
// only who asks for itself is told.
func queryCopyRights(ctx context.Context, c *pgx.Conn, role string, tables []tableInfo) (r copyRights, err error) {
	schemas, found := make([]string, len(tables)), make([]string, len(tables))
	for i, t := range tables {
		schemas[i], found[i] = t.Schema, t.Name
	}
	rows, err := c.Query(ctx, `
SELECT n.nspname, c.relname,
       has_schema_privilege($1::name, n.oid, 'USAGE'),
       has_any_column_privilege($1::name, c.oid, 'SELECT') OR has_table_privilege($1::name, c.oid, 'SELECT'),
       $1::name = current_user AND row_security_active(c.oid)
FROM unnest($2::text[], $3::text[]) AS t (schema, name)
JOIN pg_namespace n ON n.nspname = t.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
ORDER BY 1, 2`, role, schemas, found)
	if err != nil {
		return r, err
	}
	var t tableInfo
	var uses, reads, hidden bool
	_, err = pgx.ForEachRow(rows, []any{&t.Schema, &t.Name, &uses, &reads, &hidden}, func() error {
		if !uses && !slices.Contains(r.schemas, t.Schema) {
			r.schemas = append(r.schemas, t.Schema)
		}
		if !reads {
			r.closed = append(r.closed, t)
		}
		if hidden {
			r.hidden = append(r.hidden, t)
		}
		return nil
	})
	return r, err
}
