package main

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A contender is a database and a way of publishing that are tried.
type contender struct {
	name        string
	partitionBy string
	exactlyOnce bool
	fullBefore  bool // `before` holds whole rows
	start       func(context.Context) (source, error)
}

func contenders() []contender {
	return []contender{
		{name: "postgres-18 full, by table", partitionBy: "table", fullBefore: true, start: postgres("ALTER TABLE orders REPLICA IDENTITY FULL")},
		{name: "postgres-18 default, by key", partitionBy: "key", start: postgres("ALTER TABLE orders REPLICA IDENTITY DEFAULT")},
		{name: "postgres-18 full, by key, exactly once", partitionBy: "key", exactlyOnce: true, fullBefore: true, start: postgres("ALTER TABLE orders REPLICA IDENTITY FULL")},
		{name: "mysql-9.7 full, by key", partitionBy: "key", fullBefore: true, start: mysql},
		{name: "mysql-9.7 full, by table, exactly once", partitionBy: "table", exactlyOnce: true, fullBefore: true, start: mysql},
	}
}

// A source is a started server and an empty database on it.
type source struct {
	url    string
	schema string // as topics name it
	bytes  func(hex string) string
	types  *strings.Replacer // types of columns, from those of the document to those that Flink needs here
	rows   string            // the query that answers the table's rows in Flink's text
	exec   func(ctx context.Context, statements ...string) error
	query  func(ctx context.Context, sql string) ([][]string, error)
	close  func() error
}

func postgres(identity string) func(context.Context) (source, error) {
	return func(ctx context.Context) (source, error) {
		p, err := servers.Start(ctx, 18, nil)
		if err != nil {
			return source{}, err
		}
		name, err := p.CreateDatabase(ctx)
		if err != nil {
			return source{}, errors.Join(err, p.Close())
		}
		query := func(ctx context.Context, sql string) ([][]string, error) { return queryPostgres(ctx, p.URL(name), sql) }
		s := source{
			url: p.URL(name), schema: "public", types: strings.NewReplacer(), query: query, close: p.Close,
			bytes: func(hex string) string { return `'\x` + hex + `'` },
			rows: `SELECT id, region, total, upper(paid::text), to_char(placed, 'YYYY-MM-DD HH24:MI:SS.US'),
				to_char(changed AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), due, detail->>'n', encode(picture, 'base64') FROM orders`,
			exec: func(ctx context.Context, statements ...string) error {
				_, err := query(ctx, strings.Join(statements, ";\n")) // one transaction, as they are sent at once
				return err
			},
		}
		if err := s.exec(ctx, `CREATE TABLE orders (id bigint PRIMARY KEY, region text, total numeric(12,2), paid boolean,
			placed timestamp, changed timestamptz, due date, detail jsonb, picture bytea)`, identity); err != nil {
			return source{}, errors.Join(err, p.Close())
		}
		return s, nil
	}
}

func mysql(ctx context.Context) (source, error) {
	m, err := servers.StartMySQL(ctx, local.MySQL97, nil)
	if err != nil {
		return source{}, err
	}
	name, err := m.CreateDatabase(ctx)
	if err != nil {
		return source{}, errors.Join(err, m.Close())
	}
	s := source{
		// A BOOLEAN of MySQL holds numbers.
		url: m.URL(name), schema: name, types: strings.NewReplacer("BOOLEAN", "TINYINT"), close: m.Close,
		bytes: func(hex string) string { return "x'" + hex + "'" },
		rows: `SELECT id, region, total, paid, DATE_FORMAT(placed, '%Y-%m-%d %H:%i:%s.%f'),
			DATE_FORMAT(CONVERT_TZ(changed, @@time_zone, '+00:00'), '%Y-%m-%d %H:%i:%s.%f'), due,
			JSON_UNQUOTE(JSON_EXTRACT(detail, '$.n')), TO_BASE64(picture) FROM orders`,
		exec: func(ctx context.Context, statements ...string) error {
			return m.Exec(ctx, name, append(append([]string{"BEGIN"}, statements...), "COMMIT")...)
		},
		query: func(ctx context.Context, sql string) ([][]string, error) { return m.Query(ctx, name, sql) },
	}
	if err := s.exec(ctx, `CREATE TABLE orders (id bigint PRIMARY KEY, region varchar(20) CHARACTER SET utf8mb4, total numeric(12,2), paid boolean,
		placed datetime(6), changed timestamp(6) NULL, due date, detail json, picture varbinary(20))`); err != nil {
		return source{}, errors.Join(err, m.Close())
	}
	return s, nil
}

// queryPostgres runs statements on a connection of their own and returns the rows
// of the last, as the server writes values as text; NULL becomes "NULL".
func queryPostgres(ctx context.Context, url, sql string) (rows [][]string, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	for _, values := range results[len(results)-1].Rows {
		row := make([]string, len(values))
		for i, value := range values {
			if row[i] = string(value); value == nil {
				row[i] = "NULL"
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}
