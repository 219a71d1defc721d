package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// source is a server of our own with rows to drain.
type source struct {
	server   *local.Postgres
	database string
	conn     *pgx.Conn
	slots    int
}

// A load is a part of the log that can be drained again and again.
type load struct {
	publication string
	slot        string // stands before it, is never read, only copied
	end         string // LSN behind it
}

func newSource(ctx context.Context) (*source, error) {
	server, err := servers.Start(ctx, 15, map[string]string{"shared_buffers": "256MB", "max_wal_size": "8GB"})
	if err != nil {
		return nil, err
	}
	s := &source{server: server}
	if s.database, err = server.CreateDatabase(ctx); err == nil {
		s.conn, err = pgx.Connect(ctx, server.URL(s.database))
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *source) close() {
	if s.conn != nil {
		_ = s.conn.Close(context.Background()) // the server goes next
	}
	_ = s.server.Close()
}

// load writes rows of 12 columns in transactions of the given size.
func (s *source) load(ctx context.Context, table string, rows, perTxn int) (load, error) {
	l := load{publication: table, slot: table + "_base"}
	for _, sql := range []string{
		`CREATE TABLE ` + table + ` (
			id bigint PRIMARY KEY, customer int NOT NULL, status varchar(16) NOT NULL, total numeric(12,2) NOT NULL,
			note text, created timestamptz NOT NULL, shipped timestamp, paid bool NOT NULL,
			weight float8, ref uuid NOT NULL, attrs jsonb NOT NULL, qty smallint NOT NULL)`,
		`CREATE PUBLICATION ` + table + ` FOR TABLE ` + table + ` WITH (publish_via_partition_root = true)`,
		`SELECT pg_create_logical_replication_slot('` + l.slot + `', 'pgoutput')`,
		fmt.Sprintf(`DO $$ BEGIN FOR i IN 0..%d LOOP
			INSERT INTO %s SELECT g, g %% 5000, (ARRAY['new','paid','shipped','lost'])[1 + g %% 4], (g %% 100000) / 100.0,
				CASE WHEN g %% 3 = 0 THEN NULL ELSE 'some note about order ' || g END,
				timestamptz '2026-11-21 10:00:00+00' + g * interval '1 ms', timestamp '2026-11-21 10:00:00' + g * interval '1 s',
				g %% 2 = 0, g / 7.0, md5(g::text)::uuid,
				jsonb_build_object('k', g, 'tags', jsonb_build_array('a', 'b'), 'name', 'customer ' || g), g %% 100
			FROM generate_series(i * %d + 1, i * %d + %d) g; COMMIT; END LOOP; END $$`,
			rows/perTxn-1, table, perTxn, perTxn, perTxn),
	} {
		if _, err := s.conn.Exec(ctx, sql); err != nil {
			return l, err
		}
	}
	return l, s.conn.QueryRow(ctx, `SELECT pg_current_wal_flush_lsn()::text`).Scan(&l.end)
}

// copySlot makes a slot at the load's start that a run may use up.
func (s *source) copySlot(ctx context.Context, l load) (string, error) {
	s.slots++
	name := fmt.Sprintf("run_%d", s.slots)
	_, err := s.conn.Exec(ctx, `SELECT pg_copy_logical_replication_slot($1::text, $2::text)`, l.slot, name)
	return name, err
}

func (s *source) dropSlot(ctx context.Context, name string) error {
	// Its last reader has just gone, and the server may still be at it.
	_, err := s.conn.Exec(ctx, `DO $$ BEGIN FOR i IN 1..100 LOOP
		IF (SELECT active FROM pg_replication_slots WHERE slot_name = '`+name+`') THEN PERFORM pg_sleep(0.05); END IF;
	END LOOP; PERFORM pg_drop_replication_slot('`+name+`'); END $$`)
	return err
}
