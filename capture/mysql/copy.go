package mysql

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// A copier reads tables by SELECT. What it asks the catalog it asks on a connection
// of its own: on MySQL the one with the view would answer as of the view.
type copier struct {
	src *Source // for its settings and its side connection; it reads no log

	mu       sync.Mutex
	known    bool                     // src.server and src.sel are set
	versions map[string]*schema.Table // so that a version stays one pointer
}

var _ capture.Copier = (*copier)(nil)

// NewCopier returns a Copier for the tables that New's Source captures. It connects
// nowhere; the error is one of usage.
func NewCopier(cfg Config) (capture.Copier, error) {
	src, err := New(cfg)
	if err != nil {
		return nil, err
	}
	src.side.program = copyProgram(cfg.Name)
	return &copier{src: src, versions: make(map[string]*schema.Table)}, nil
}

func copyProgram(name string) string { return "tailrace " + name + " snapshot" }

// know asks who the server is, once.
func (c *copier) know(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known {
		return nil
	}
	if err := c.src.identify(ctx); err != nil {
		return err
	}
	var err error
	c.src.sel, err = newSelection(c.src.cfg.Tables, c.src.target.database, c.src.server.LowerCaseNames > 0)
	c.known = err == nil
	return err
}

// Tables implements capture.Copier.
func (c *copier) Tables(ctx context.Context) ([]capture.Extent, error) {
	if err := c.know(ctx); err != nil {
		return nil, err
	}
	var tables []record
	var seekable map[tableName]bool
	err := c.src.ask(ctx, "ask for the tables", func(conn *client.Conn) (err error) {
		if err := showAll(conn, &c.src.server); err != nil {
			return err
		}
		if err := hurry(conn, &c.src.server); err != nil {
			return err
		}
		if tables, err = queryCatalog(conn, copiedTables); err != nil {
			return err
		}
		seekable, err = c.querySeekable(conn)
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []capture.Extent
	var versioned []string
	for _, r := range tables {
		t := tableName{r["d"], r["n"]}
		if !c.src.captures(t.database, t.name) {
			continue
		}
		if r["k"] == "SYSTEM VERSIONED" {
			versioned = append(versioned, t.String())
			continue
		}
		all = append(all, capture.Extent{Table: t.String(), Whole: !seekable[t], Rows: statistic(r, "rows"), Bytes: statistic(r, "bytes")})
	}
	if len(versioned) > 0 {
		// Their key in the log has the end of each old row in it, which no SELECT shows.
		return nil, failure.Stop("exclude them in source.tables; or follow their changes alone, with --snapshot never",
			"tables WITH SYSTEM VERSIONING can't be copied: %s", strings.Join(versioned, ", "))
	}
	return all, nil
}

const (
	copiedTables = `SELECT table_schema AS d, table_name AS n, table_type AS k, table_rows AS ` + "`rows`" + `, data_length AS bytes
FROM information_schema.tables WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY CONCAT(table_schema, '.', table_name)`

	uniqueIndexes = `SELECT table_schema AS d, table_name AS n, index_name AS key_name, column_name AS column_name, sub_part AS sub_part,
	nullable AS "null", index_type AS index_type, '0' AS non_unique
FROM information_schema.statistics WHERE non_unique = 0 ORDER BY table_schema, table_name, index_name, seq_in_index`

	// indexedColumns has MUL too: the first column of several.
	indexedColumns = `SELECT table_schema AS d, table_name AS n, column_name AS c, data_type AS k, extra AS e
FROM information_schema.columns WHERE column_key IN ('PRI', 'UNI', 'MUL')`
)

// querySeekable returns the captured tables whose key can be given in a statement.
func (c *copier) querySeekable(conn *client.Conn) (map[tableName]bool, error) {
	level, err := queryMetadata(conn)
	if err != nil {
		return nil, err
	}
	rows, err := queryCatalog(conn, uniqueIndexes)
	if err != nil {
		return nil, err
	}
	kinds, err := queryCatalog(conn, indexedColumns)
	if err != nil {
		return nil, err
	}
	type columnName struct {
		tableName
		column string
	}
	columns := make(map[columnName]record, len(kinds))
	for _, r := range kinds {
		columns[columnName{tableName{r["d"], r["n"]}, r["c"]}] = r
	}
	of := make(map[tableName][]record) // tables t and T come mixed
	for _, r := range rows {
		if t := (tableName{r["d"], r["n"]}); c.src.captures(t.database, t.name) {
			of[t] = append(of[t], r)
		}
	}
	all := make(map[tableName]bool)
	for t, rows := range of {
		indexes := indexesOf(rows)
		virtual := func(name string) bool { return isVirtual(columns[columnName{t, name}]["e"]) }
		key := keyAmong(indexes, level == "FULL", virtual)
		if key != nil && key.name != primary && len(indexes) > 1 {
			// Which one is the first this table of the catalog does not tell.
			if indexes, err = queryIndexes(conn, t); err != nil {
				return nil, err
			}
			key = keyAmong(indexes, true, virtual)
		}
		if key != nil {
			all[t] = !key.prefix && !slices.ContainsFunc(key.columns, func(name string) bool { return !canSeek(columns[columnName{t, name}]["k"]) })
		}
	}
	return all, nil
}

func statistic(r record, name string) int64 {
	n, err := strconv.ParseInt(r[name], 10, 64)
	if err != nil {
		return capture.Unknown
	}
	return n
}

// showAll makes the catalog show a primary key that the server made itself.
func showAll(conn *client.Conn, sv *server) error {
	if sv.MariaDB || versionNumber(sv.Version) < 8_00_30 {
		return nil
	}
	return execute(conn, "SET SESSION show_gipk_in_create_table_and_information_schema = ON")
}

// queryMetadata returns binlog_row_metadata, "" if the server does not know it.
func queryMetadata(conn *client.Conn) (string, error) {
	r, err := first(queryRecords(conn, "SHOW GLOBAL VARIABLES LIKE 'binlog_row_metadata'"))
	return r["value"], err
}

// Mark implements capture.Copier. A view waits by GTIDs or by its place.
func (c *copier) Mark(context.Context) (string, error) { return "", nil }

// Settled implements capture.Copier.
func (c *copier) Settled(context.Context, string) (string, error) { return "", nil }

// Lag implements capture.Copier. Of its replicas a server knows nothing; it knows
// how far it is itself behind its source. Who may not ask is told 0.
func (c *copier) Lag(ctx context.Context) (time.Duration, error) {
	if err := c.know(ctx); err != nil {
		return 0, err
	}
	statement := "SHOW SLAVE STATUS"
	switch {
	case c.src.server.MariaDB:
		statement = "SHOW ALL SLAVES STATUS"
	case versionNumber(c.src.server.Version) >= 8_00_22:
		statement = "SHOW REPLICA STATUS"
	}
	var channels []record
	err := c.src.ask(ctx, "ask how far the server is behind its source", func(conn *client.Conn) (err error) {
		channels, err = queryRecords(conn, statement)
		if my := serverError(err); my != nil && my.Code == errSpecificAccess {
			return nil
		}
		return err
	})
	seconds := 0
	for _, r := range channels {
		seconds = max(seconds, number(r.get("seconds_behind_source", "seconds_behind_master")))
	}
	return time.Duration(seconds) * time.Second, err
}

// errSpecificAccess says that a privilege is missing (ER_SPECIFIC_ACCESS_DENIED).
const errSpecificAccess = 1227

// Close implements capture.Copier.
func (c *copier) Close() error { return c.src.Close() }
