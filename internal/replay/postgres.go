package replay

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/quote"
)

// session makes the server's text stable.
const session = `SET TimeZone = 'UTC'; SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex'; SET extra_float_digits = 3`

// ComparePostgres compares the named tables, each schema.table, with those of a
// database that nobody writes to meanwhile. A table without events must be
// empty there. It changes settings of the session.
func (t *Tables) ComparePostgres(ctx context.Context, conn *pgx.Conn, names []string) ([]Result, error) {
	if _, err := conn.Exec(ctx, session); err != nil {
		return nil, fmt.Errorf("compare with the source: %w", err)
	}
	// As to_jsonb writes rows: by the server's own code and not by ours.
	return t.compare(names, func(name string) ([]string, error) {
		schema, table, _ := strings.Cut(name, ".")
		rows, err := conn.Query(ctx, "SELECT to_jsonb(t)::text FROM "+quote.PostgresQualified(schema, table)+" t")
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowTo[string])
	})
}
