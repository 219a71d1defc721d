package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// compare holds the replica against the source's table. The server itself reads
// the JSON of the events back into rows, so that no code of ours vouches for
// another.
func (r *replica) compare(ctx context.Context, conn *pgx.Conn) error {
	name := r.table.Name
	list, err := selectList(ctx, conn, name)
	if err != nil {
		return fmt.Errorf("verify: ask for the columns of %s: %w", name, err)
	}
	var docs strings.Builder
	for _, d := range r.documents() {
		docs.WriteString(strings.ReplaceAll(d, `\`, `\\`) + "\n")
	}
	const arrived = "CREATE TEMP TABLE arrived (doc json)"
	if _, err := conn.Exec(ctx, arrived); err != nil {
		return fmt.Errorf("verify: compare %s: %w", name, err)
	}
	if _, err := conn.PgConn().CopyFrom(ctx, strings.NewReader(docs.String()), "COPY arrived FROM STDIN"); err != nil {
		return fmt.Errorf("verify: compare %s: %w", name, err)
	}
	var missing, extra int
	question := fmt.Sprintf(`
WITH replica AS MATERIALIZED (SELECT %s FROM arrived, json_populate_record(NULL::public.%[2]s, (doc::jsonb - ARRAY(
  SELECT attname::text FROM pg_attribute WHERE attrelid = 'public.%[2]s'::regclass AND atttypid = 'bytea'::regtype))::json) AS row)
SELECT (SELECT count(*) FROM (TABLE public.%[2]s EXCEPT ALL TABLE replica) AS a),
       (SELECT count(*) FROM (TABLE replica EXCEPT ALL TABLE public.%[2]s) AS b)`, list, name)
	if err := conn.QueryRow(ctx, question).Scan(&missing, &extra); err != nil {
		return fmt.Errorf("verify: compare %s: %w", name, err)
	}
	if _, err := conn.Exec(ctx, "DROP TABLE arrived"); err != nil {
		return fmt.Errorf("verify: compare %s: %w", name, err)
	}
	if missing+extra > 0 {
		return &Violation{What: fmt.Sprintf("table %s: the events give %d rows that the source has not, and miss %d that it has", name, extra, missing)}
	}
	return nil
}

// selectList returns the columns of a table as they are taken from a document:
// bytea is base64 there, and all else is what json_populate_record reads.
func selectList(ctx context.Context, conn *pgx.Conn, table string) (string, error) {
	rows, err := conn.Query(ctx, `
SELECT CASE WHEN atttypid = 'bytea'::regtype THEN format('decode(doc->>%L, ''base64'')', attname) ELSE format('row.%I', attname) END
  FROM pg_attribute WHERE attrelid = ('public.' || $1)::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, table)
	if err != nil {
		return "", err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return strings.Join(list, ", "), err
}
