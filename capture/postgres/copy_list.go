package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
)

// Tables implements capture.Copier. What keeps a table from being captured is told
// by the Source; here it is left out.
func (c *Copier) Tables(ctx context.Context) ([]capture.Extent, error) {
	var found []capture.Extent
	err := c.src.ask(ctx, "list the tables to copy", func(ctx context.Context, conn *pgx.Conn) error {
		tables, err := queryTables(ctx, conn)
		if err != nil {
			return err
		}
		sel, _, _ := selectTables(tables, c.src.cfg.Tables, c.src.cfg.InsertOnly)
		published, err := queryExtents(ctx, conn, c.publicationNames())
		found = nil
		for _, name := range sel.names() {
			if e, ok := published[name]; ok {
				found = append(found, e)
			}
		}
		return err
	})
	return found, err
}

// queryExtents returns the tables of the publications by name, all in one question:
// there may be ten thousand.
//
// A partitioned table is as large as its leaves are. A leaf of which the server
// knows no number has no rows if its file is empty. Of a table that somebody holds
// exclusively the pages of the last vacuum count: asking for the file would wait.
//
// Whole is what has no key, or one that is not published in full, since the rest of
// it does not tell rows apart. Text that may be no UTF-8 can't be given as a key.
func queryExtents(ctx context.Context, c *pgx.Conn, publications []string) (map[string]capture.Extent, error) {
	has := publishes(major(c.PgConn()))
	rows, err := c.Query(ctx, `
WITH tables AS (
  SELECT DISTINCT ON (c.oid) c.oid, c.relkind, c.relreplident, n.nspname || '.' || c.relname AS name,
         CASE WHEN NOT w.whole THEN `+has.columns+` END::int2[] AS columns
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_publication p ON p.pubname = ANY ($1)
  LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = c.oid
  CROSS JOIN LATERAL (SELECT `+has.whole+` AS whole) AS w
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
    AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND (w.whole OR r.oid IS NOT NULL)
  ORDER BY c.oid, p.pubname
), keys AS (
  SELECT t.oid, bool_and((t.columns IS NULL OR a.attnum = ANY (t.columns)) AND `+keyText+`) AS usable
  FROM tables t
  JOIN pg_index i ON i.indrelid = t.oid AND `+identityIndex("t")+`
  CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
  JOIN pg_type y ON y.oid = a.atttypid
  WHERE k.place <= i.indnkeyatts
  GROUP BY t.oid
), held AS MATERIALIZED (
  SELECT relation FROM pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
), sized AS (
  SELECT t.oid, c.reltuples, c.relpages,
         CASE WHEN c.oid IN (SELECT relation FROM held) THEN c.relpages * current_setting('block_size')::int8
              ELSE coalesce(pg_relation_size(c.oid), 0) END AS main,
         CASE WHEN c.reltoastrelid = 0 OR c.oid IN (SELECT relation FROM held) THEN 0
              ELSE coalesce(pg_relation_size(c.reltoastrelid), 0) END AS toast
  FROM tables t
  LEFT JOIN LATERAL pg_partition_tree(t.oid) l ON t.relkind = 'p' AND l.isleaf
  JOIN pg_class c ON c.oid = coalesce(l.relid, t.oid)
), sums AS (
  SELECT oid, sum(main + toast)::int8 AS bytes,
         CASE WHEN bool_and(main = 0 OR reltuples > 0 OR reltuples = 0 AND relpages > 0)
              THEN sum(CASE WHEN main = 0 THEN 0 ELSE reltuples END)::int8 END AS rows
  FROM sized GROUP BY oid
)
SELECT t.name, NOT coalesce(k.usable, false), coalesce(s.rows, $2), s.bytes
FROM tables t JOIN sums s USING (oid) LEFT JOIN keys k USING (oid)`, publications, int64(capture.Unknown))
	if err != nil {
		return nil, err
	}
	found := make(map[string]capture.Extent)
	var e capture.Extent
	_, err = pgx.ForEachRow(rows, []any{&e.Table, &e.Whole, &e.Rows, &e.Bytes}, func() error {
		found[e.Table] = e
		return nil
	})
	return found, err
}

// identityIndex is SQL that says whether a pg_index i holds the key of a row of
// pg_class, as queryKey chooses it.
func identityIndex(class string) string {
	return `(i.indimmediate AND CASE ` + class + `.relreplident WHEN 'i' THEN i.indisreplident WHEN 'n' THEN false ELSE i.indisprimary END)`
}

// keyText is SQL that says of a column's pg_type y whether the server sends its
// values in UTF-8. A database in SQL_ASCII has bytes of any kind in its texts, and
// before version 15 a "char" is sent as one naked byte.
const keyText = `CASE
    WHEN y.typname = 'char' AND current_setting('server_version_num')::int < 150000 THEN false
    WHEN current_setting('server_encoding') = 'SQL_ASCII' THEN y.typcategory IN ('B', 'D', 'I', 'N', 'T') OR y.typname IN ('bytea', 'uuid')
    ELSE true END`

// A publishing is SQL about what a pg_publication p publishes of a pg_class c, of
// which the pg_publication_rel r may be NULL. pg_publication_tables would look at all
// tables for each, and wait for those that somebody holds exclusively.
type publishing struct {
	whole     string // all rows and columns, for one reason or another
	columns   string // else their numbers, NULL for all
	filter    string // else which rows, NULL for all
	generated string // generated columns are published too
}

// publishes returns a publishing for a version of the server.
func publishes(version int) publishing {
	has := publishing{"p.puballtables", "NULL", "NULL", "false"}
	if version >= columnLists {
		has.whole = "(p.puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace))"
		has.columns, has.filter = "r.prattrs", "pg_catalog.pg_get_expr(r.prqual, r.prrelid)"
	}
	if version >= generatedColumns {
		has.generated = "p.pubgencols = 's'"
	}
	return has
}

// The first versions of the server in which publications have column lists and
// filters, and those with generated columns.
const (
	columnLists      = 15
	generatedColumns = 18
)
