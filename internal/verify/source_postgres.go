package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/workload"
)

// postgres is a source that reads the JSON of the events back into rows itself,
// so that no code of ours vouches for another.
type postgres struct{ conn *pgx.Conn }

func (p postgres) close() {
	_ = p.conn.Close(context.Background()) // it only asked questions
}

func (p postgres) compare(ctx context.Context, t workload.Table, documents []string) (missing, extra int, err error) {
	list, err := p.selectList(ctx, t.Name)
	if err != nil {
		return 0, 0, err
	}
	var docs strings.Builder
	for _, d := range documents {
		docs.WriteString(strings.ReplaceAll(d, `\`, `\\`) + "\n")
	}
	if _, err := p.conn.Exec(ctx, "CREATE TEMP TABLE arrived (doc json)"); err != nil {
		return 0, 0, err
	}
	if _, err := p.conn.PgConn().CopyFrom(ctx, strings.NewReader(docs.String()), "COPY arrived FROM STDIN"); err != nil {
		return 0, 0, err
	}
	question := fmt.Sprintf(`
WITH replica AS MATERIALIZED (SELECT %s FROM arrived, json_populate_record(NULL::public.%[2]s, (doc::jsonb - ARRAY(
  SELECT attname::text FROM pg_attribute WHERE attrelid = 'public.%[2]s'::regclass AND atttypid = 'bytea'::regtype))::json) AS row)
SELECT (SELECT count(*) FROM (TABLE public.%[2]s EXCEPT ALL TABLE replica) AS a),
       (SELECT count(*) FROM (TABLE replica EXCEPT ALL TABLE public.%[2]s) AS b)`, list, t.Name)
	if err := p.conn.QueryRow(ctx, question).Scan(&missing, &extra); err != nil {
		return 0, 0, err
	}
	_, err = p.conn.Exec(ctx, "DROP TABLE arrived")
	return missing, extra, err
}

// selectList returns the columns of a table as they are taken from a document:
// bytea is base64 there, and all else is what json_populate_record reads.
func (p postgres) selectList(ctx context.Context, table string) (string, error) {
	rows, err := p.conn.Query(ctx, `
SELECT CASE WHEN atttypid = 'bytea'::regtype THEN format('decode(doc->>%L, ''base64'')', attname) ELSE format('row.%I', attname) END
  FROM pg_attribute WHERE attrelid = ('public.' || $1)::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, table)
	if err != nil {
		return "", err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return strings.Join(list, ", "), err
}
