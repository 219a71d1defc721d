package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// postgresCopied is a Postgres with rows to copy.
type postgresCopied struct{ *postgresSource }

func copiedPostgres(ctx context.Context) (filled, error) {
	s, err := newPostgres(ctx, "1GB")
	if err != nil {
		return nil, err
	}
	return postgresCopied{s}, nil
}

func (s postgresCopied) version() string { return fmt.Sprintf("Postgres %d", s.server.Version) }
func (s postgresCopied) url() string     { return s.server.URL(s.database) }
func (s postgresCopied) schema() string  { return "public" }

func (s postgresCopied) exec(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if _, err := s.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%.60s: %w", sql, err)
		}
	}
	return nil
}

func (s postgresCopied) fill(ctx context.Context, rows int) error {
	err := s.exec(ctx,
		`CREATE TABLE orders (
			id bigint PRIMARY KEY, customer int NOT NULL, status varchar(16) NOT NULL, total numeric(12,2) NOT NULL,
			note text, created timestamptz NOT NULL, shipped timestamp, paid bool NOT NULL,
			weight float8, ref uuid NOT NULL, attrs jsonb NOT NULL, qty smallint NOT NULL)`,
		`CREATE TABLE ticks (id bigint PRIMARY KEY, note text NOT NULL)`,
		fmt.Sprintf(`INSERT INTO orders SELECT g, g %% 5000, (ARRAY['new','paid','shipped','lost'])[1 + g %% 4], (g %% 100000) / 100.0,
				CASE WHEN g %% 3 = 0 THEN NULL ELSE 'some note about order ' || g || '%s' END,
				timestamptz '2026-11-21 10:00:00+00' + g * interval '1 ms', timestamp '2026-11-21 10:00:00' + g * interval '1 s',
				g %% 2 = 0, g / 7.0, md5(g::text)::uuid,
				jsonb_build_object('k', g, 'tags', jsonb_build_array('a', 'b'), 'name', 'customer ' || g), g %% 100
			FROM generate_series(1, %d) g`, noteTail, min(rows, firstRows)),
	)
	if err != nil {
		return err
	}
	if err := double(rows, func(n, most int) error {
		return s.exec(ctx, fmt.Sprintf(`INSERT INTO orders SELECT id + %d, customer, status, total, note, created, shipped, paid, weight, ref, attrs, qty
			FROM orders WHERE id <= %d`, n, most))
	}); err != nil {
		return err
	}
	return s.exec(ctx, `VACUUM (FREEZE, ANALYZE) orders`, `CHECKPOINT`)
}

func (s postgresCopied) few(ctx context.Context, rows int) error {
	return s.exec(ctx, `CREATE TABLE few (LIKE orders INCLUDING ALL)`,
		fmt.Sprintf(`INSERT INTO few SELECT * FROM orders WHERE id <= %d`, rows), `VACUUM (FREEZE, ANALYZE) few`)
}

func (s postgresCopied) readers() []program {
	const sql = "COPY orders TO STDOUT"
	return []program{
		{"`psql -c 'COPY … TO STDOUT'` to `/dev/null`", 0.7, func(ctx context.Context) (usage, error) {
			return measure(exec.CommandContext(ctx, s.server.Bin("psql"), "--no-psqlrc", "-d", s.url(), "-o", os.DevNull, "-c", sql))
		}},
		{"the same with pgconn", 0, func(ctx context.Context) (usage, error) {
			self, err := os.Executable()
			if err != nil {
				return usage{}, err
			}
			return measure(exec.CommandContext(ctx, self, "-peer", "copy", s.url(), sql))
		}},
	}
}

// runCopy reads what a COPY sends, with the library that tailrace connects with.
func runCopy(ctx context.Context, args []string) error {
	conn, err := pgconn.Connect(ctx, args[0])
	if err != nil {
		return err
	}
	if _, err := conn.CopyTo(ctx, io.Discard, args[1]); err != nil {
		return err
	}
	return conn.Close(ctx)
}

func (s postgresCopied) forget(ctx context.Context) error {
	rows, err := s.conn.Query(ctx, `SELECT slot_name::text FROM pg_replication_slots`)
	if err != nil {
		return err
	}
	slots, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, slot := range slots {
		if err := s.dropSlot(ctx, slot); err != nil {
			return err
		}
	}
	return s.exec(ctx, `DO $$ DECLARE p text; BEGIN FOR p IN SELECT pubname FROM pg_publication LOOP
		EXECUTE format('DROP PUBLICATION %I', p); END LOOP; END $$`)
}

func (s postgresCopied) writer(ctx context.Context) (func(id int) error, func(), error) {
	conn, err := pgx.Connect(ctx, s.url())
	if err != nil {
		return nil, nil, err
	}
	tick := func(id int) error {
		_, err := conn.Exec(ctx, `INSERT INTO ticks VALUES ($1, 'a row that is waited for')`, id)
		return err
	}
	return tick, func() { _ = conn.Close(context.WithoutCancel(ctx)) }, nil // nothing is on its way
}

func (s postgresCopied) empty(ctx context.Context) error { return s.exec(ctx, `TRUNCATE ticks`) }

func (s postgresCopied) debezium(run int) map[string]string {
	return map[string]string{
		"connector.class":             "io.debezium.connector.postgresql.PostgresConnector",
		"database.hostname":           s.server.Host,
		"database.port":               strconv.Itoa(s.server.Port),
		"database.user":               "postgres",
		"database.password":           "none is asked for",
		"database.dbname":             s.database,
		"plugin.name":                 "pgoutput",
		"slot.name":                   fmt.Sprintf("debezium_%d", run),
		"publication.name":            fmt.Sprintf("debezium_%d", run),
		"publication.autocreate.mode": "filtered",
	}
}
