package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// mysqlCopied is a MySQL with rows to copy.
type mysqlCopied struct{ *mysqlSource }

func copiedMySQL(ctx context.Context) (filled, error) {
	s, err := newMySQL(ctx, "4G") // holds the whole table: the disk is nobody's limit
	if err != nil {
		return nil, err
	}
	return mysqlCopied{s}, nil
}

func (s mysqlCopied) version() string { return "MySQL " + s.server.Version }
func (s mysqlCopied) url() string     { return s.server.URL("bench") }
func (s mysqlCopied) schema() string  { return "bench" }

func (s mysqlCopied) fill(_ context.Context, rows int) error {
	err := s.exec(
		`CREATE TABLE ticks (id bigint PRIMARY KEY, note text NOT NULL)`,
		`CREATE TABLE orders (
			id bigint PRIMARY KEY, customer int unsigned NOT NULL, status enum('new','paid','shipped','lost') NOT NULL,
			total decimal(12,2) NOT NULL, note text, created timestamp(6) NOT NULL, shipped datetime, paid tinyint(1) NOT NULL,
			weight double, ref char(36) NOT NULL, attrs json NOT NULL, qty smallint NOT NULL)`,
		`SET SESSION sql_log_bin = OFF`, // the rows were there before
		fmt.Sprintf(`INSERT INTO orders
			WITH RECURSIVE g (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM g WHERE id < %d)
			SELECT id, id %% 5000, 1 + id %% 4, (id %% 100000) / 100, IF(id %% 3 = 0, NULL, CONCAT('some note about order ', id, '%s')),
				TIMESTAMP '2026-11-21 10:00:00' + INTERVAL id * 1000 MICROSECOND, TIMESTAMP '2026-11-21 10:00:00' + INTERVAL id SECOND,
				id %% 2, id / 7.0e0, INSERT(INSERT(INSERT(INSERT(LEFT(SHA2(id, 256), 32), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-'),
				JSON_OBJECT('k', id, 'tags', JSON_ARRAY('a', 'b'), 'name', CONCAT('customer ', id)), id %% 100
			FROM g`, min(rows, firstRows), noteTail),
	)
	if err != nil {
		return err
	}
	if err := double(rows, func(n, most int) error {
		return s.exec(fmt.Sprintf(`INSERT INTO orders SELECT id + %d, customer, status, total, note, created, shipped, paid, weight, ref, attrs, qty
			FROM orders WHERE id <= %d`, n, most))
	}); err != nil {
		return err
	}
	return s.exec(`SET SESSION sql_log_bin = ON`, `ANALYZE NO_WRITE_TO_BINLOG TABLE orders`)
}

func (s mysqlCopied) few(_ context.Context, rows int) error {
	return s.exec(`SET SESSION sql_log_bin = OFF`, `CREATE TABLE few LIKE orders`,
		fmt.Sprintf(`INSERT INTO few SELECT * FROM orders WHERE id <= %d`, rows), `ANALYZE NO_WRITE_TO_BINLOG TABLE few`,
		`SET SESSION sql_log_bin = ON`)
}

func (s mysqlCopied) readers() []program {
	return []program{{"`mysql --quick -N -e 'SELECT * FROM …'` to `/dev/null`", 0.7, func(ctx context.Context) (usage, error) {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			return usage{}, err
		}
		defer null.Close()
		command := append(s.server.Bin("mysql"), "--no-defaults", "--host="+s.server.Host, fmt.Sprintf("--port=%d", s.server.Port),
			"--user=root", "--quick", "--skip-column-names", "--execute=SELECT * FROM bench.orders")
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Stdout = null
		return measure(cmd)
	}}}
}

// forget has nothing to do: a reader of the binlog leaves nothing behind.
func (s mysqlCopied) forget(context.Context) error { return nil }

func (s mysqlCopied) writer(ctx context.Context) (func(id int) error, func(), error) {
	conn, err := s.server.Connect(ctx, "bench")
	if err != nil {
		return nil, nil, err
	}
	tick := func(id int) error {
		_, err := conn.Execute(fmt.Sprintf("INSERT INTO ticks VALUES (%d, 'a row that is waited for')", id))
		return err
	}
	return tick, func() { _ = conn.Close() }, nil // nothing is on its way
}

func (s mysqlCopied) empty(context.Context) error { return s.exec(`TRUNCATE ticks`) }

func (s mysqlCopied) debezium(run int) map[string]string {
	return map[string]string{
		"connector.class":                     "io.debezium.connector.mysql.MySqlConnector",
		"database.hostname":                   s.server.Host,
		"database.port":                       strconv.Itoa(s.server.Port),
		"database.user":                       "root",
		"database.password":                   "",
		"database.server.id":                  strconv.Itoa(4_000_000_100 + run),
		"database.ssl.mode":                   "disabled",
		"database.include.list":               "bench",
		"schema.history.internal.kafka.topic": fmt.Sprintf("debezium%d.history", run),
		"include.schema.changes":              "false",
	}
}
