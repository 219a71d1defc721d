package mysql

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// CheckCopy returns every reason why the captured tables can't be copied, joined. It
// is called after Check.
func (s *Source) CheckCopy(ctx context.Context) error {
	copier, err := NewCopier(s.cfg)
	if err != nil {
		return err
	}
	defer func() { _ = copier.Close() }() // it has only asked
	extents, err := copier.Tables(ctx)
	if err != nil {
		return err
	}
	whole := make(map[string]bool, len(extents)) // by table
	for _, e := range extents {
		whole[e.Table] = e.Whole
	}
	c := checker{Source: s}
	var rights copyRights
	err = s.ask(ctx, "check what a copy needs", func(conn *client.Conn) error {
		if err := c.readUser(conn); err != nil {
			return err
		}
		found, err := queryRecords(conn, `SELECT table_schema AS d, table_name AS n, engine AS e FROM information_schema.tables WHERE table_type = 'BASE TABLE'`)
		if err != nil {
			return err
		}
		rights = copyRights{} // it may be the second attempt
		for _, r := range found {
			t := tableName{r["d"], r["n"]}
			if entire, captured := whole[t.String()]; captured {
				if err := rights.look(conn, t, s.locksForCopy(entire, r["e"])); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return rights.err(c.user)
}

// locksForCopy reports whether a table is locked while its view is opened: where
// the view's place can't be told otherwise (C5.3), or must be told exactly (C5.5). A
// MariaDB tells the place of every view. An engine without views is locked until all
// is read.
func (s *Source) locksForCopy(whole bool, engine string) bool {
	return !hasViews(engine) || !s.server.MariaDB && (whole || !s.usesGTIDs())
}

// copyRights are those that a user lacks for reading tables.
type copyRights struct {
	closed   []tableName // that it may not read
	unlocked []string    // databases whose tables it may not lock
	tried    []string    // databases in which that was tried
}

// look tries what a copy of a table does, since rights may come from roles. No row is
// read, and no table is locked: privileges are looked at before the table is, and
// LOCK TABLES is one on a database.
func (r *copyRights) look(conn *client.Conn, t tableName, lock bool) error {
	err := execute(conn, "SELECT * FROM "+quote.MySQLQualified(t.database, t.name)+" LIMIT 0")
	switch {
	case isDenied(err):
		r.closed = append(r.closed, t)
	case err != nil && serverError(err) == nil:
		return err
	}
	if !lock || slices.Contains(r.tried, t.database) {
		return nil
	}
	r.tried = append(r.tried, t.database)
	err = execute(conn, "LOCK TABLES "+quote.MySQLQualified(t.database, "tailrace: no such table")+" READ")
	my := serverError(err)
	switch {
	case err == nil:
		return execute(conn, "UNLOCK TABLES")
	case my == nil:
		return err
	case my.Code == errDatabaseAccess:
		r.unlocked = append(r.unlocked, t.database)
	}
	return nil
}

// errDatabaseAccess says that a privilege on a database is missing
// (ER_DBACCESS_DENIED_ERROR); one that may be given on a table too has another code.
const errDatabaseAccess = 1044

func (r *copyRights) err(user string) error {
	var errs []error
	if len(r.closed) > 0 {
		var names, grants []string
		for _, t := range r.closed {
			names = append(names, t.String())
			grants = append(grants, "GRANT SELECT ON "+quote.MySQLQualified(t.database, t.name)+" TO "+user)
		}
		errs = append(errs, failure.Stop("run: "+strings.Join(grants, "; ")+"; or tailrace setup --apply; or say --snapshot never",
			"the user %s may not read %s, which are to be copied", user, strings.Join(names, ", ")))
	}
	if len(r.unlocked) > 0 {
		var grants []string
		for _, database := range r.unlocked {
			grants = append(grants, "GRANT LOCK TABLES ON "+setupGrant{database, ""}.on(false)+" TO "+user)
		}
		errs = append(errs, failure.Stop("run: "+strings.Join(grants, "; ")+"; or tailrace setup --apply; or say --snapshot never",
			"the user %s may not lock tables of %s, which a copy does for a moment: of every table where places are not of GTIDs, and of those without a key", user, strings.Join(r.unlocked, ", ")))
	}
	return errors.Join(errs...)
}
