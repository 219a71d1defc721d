package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// failed gives an error of a statement about a table its meaning.
func (s *copySession) failed(doing, table string, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return classify(doing, err)
	}
	switch pg.Code {
	case "42P01", "3F000": // no such table, no such schema
		return fmt.Errorf("%w: %s", capture.ErrNoTable, table)
	case "55P03":
		return fmt.Errorf("%w: somebody else holds a lock on %s", capture.ErrAgain, table)
	case "72000": // the snapshot is too old
		return fmt.Errorf("%w: the server has removed rows of %s that the view shows", capture.ErrAgain, table)
	case "42501":
		role := s.copier.src.conn.User
		namespace, name, _ := strings.Cut(table, ".")
		grants := rightsFor([]tableInfo{{Schema: namespace, Name: name}}).grants(role)
		return failure.StopFrom(fmt.Errorf("%s (SQLSTATE %s)", pg.Message, pg.Code),
			"run as its owner: "+strings.Join(grants, "; ")+"; or, if row security hides its rows: ALTER ROLE "+quote.PostgresIdent(role)+" BYPASSRLS",
			"%s: permission denied", doing)
	}
	return classify(doing, err)
}

// refused is failed for a statement that holds keys, or a condition of the user's.
// What can't be computed the server quotes: it may be a value of a row.
func (s *copySession) refused(doing string, p capture.Part, err error) error {
	var pg *pgconn.PgError
	if p.Where != "" && errors.As(err, &pg) {
		return s.refusedWhere(doing, p, pg)
	}
	if !errors.As(err, &pg) || !strings.HasPrefix(pg.Code, "22") || pg.Code == "22021" || pg.Code == "22P05" { // no UTF-8
		return s.failed(doing, p.Table, err)
	}
	if p.Where == "" && (s.table == nil || s.table.filter == "") && (p.After != nil || p.UpTo != nil || p.Keys != nil) {
		return errOtherKey(p.Table) // of a type that does not take the text
	}
	return failure.Stop("check the condition, and the row filter of the publication, for values that a row may hold", "%s: the condition can't be computed (SQLSTATE %s)", doing, pg.Code)
}

// refusedWhere is refused for a statement with a condition of the user's, which may put
// a value of a row into any message once rows are met: only those about its text are
// shown.
func (s *copySession) refusedWhere(doing string, p capture.Part, pg *pgconn.PgError) error {
	const hint = "check the condition: it stands behind WHERE, and for values that a row may hold"
	switch {
	case pg.Code == "42601" || pg.Code == "42703" || pg.Code == "42883" || pg.Code == "42804":
		return failure.Stop(hint, "%s: the condition can't be read: %s (SQLSTATE %s)", doing, pg.Message, pg.Code)
	case pg.Code == "55P03" || pg.Code == "72000" || pg.Code == "42501",
		slices.Contains([]string{"08", "40", "53", "57", "58"}, pg.Code[:2]):
		return s.failed(doing, p.Table, pg)
	}
	return failure.Stop(hint, "%s: the condition can't be computed (SQLSTATE %s)", doing, pg.Code)
}

// errOtherKey is for a part whose keys are not those of the table as it is now.
func errOtherKey(table string) error {
	return fmt.Errorf("%w: %s", capture.ErrParts, table)
}
