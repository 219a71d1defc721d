package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// postgresSource is a server of our own with rows to drain.
type postgresSource struct {
	server   *local.Postgres
	database string
	conn     *pgx.Conn
	slots    int
}

// A slotLoad is a part of the log that can be drained again and again.
type slotLoad struct {
	publication string
	slot        string // stands before it, is never read, only copied
	end         string // LSN behind it
}

// postgres measures a drain of small transactions beside pg_recvlogical, and one
// giant transaction.
func (b *bench) postgres(ctx context.Context, r *report) error {
	s, err := newPostgres(ctx, "256MB")
	if err != nil {
		return err
	}
	defer s.close()
	r.version = fmt.Sprintf("Postgres %d on the same machine", s.server.Version)
	fmt.Printf("writing %d rows in transactions of 100\n", b.rows)
	small, err := s.load(ctx, "orders", b.rows, 100)
	if err != nil {
		return err
	}
	c, err := b.race(
		ctx, fmt.Sprintf("Drain of %d rows of 12 columns in transactions of 100", b.rows), b.rows,
		program{"`tailrace run --publish discard: --memory " + memory + "`", 0, func(ctx context.Context) (usage, error) {
			return b.fromSlot(ctx, s, small, "discard:")
		}},
		program{"`pg_recvlogical -f /dev/null`", 1.5, func(ctx context.Context) (usage, error) {
			return b.recvlogical(ctx, s, small)
		}},
	)
	if err != nil {
		return err
	}
	r.courses = append(r.courses, c)
	fmt.Printf("writing %d rows in one transaction\n", b.giant)
	giant, err := s.load(ctx, "giant", b.giant, b.giant)
	if err != nil {
		return err
	}
	for _, sink := range []string{"discard:", "file://" + filepath.Join(b.dir, "events")} {
		u, err := b.fromSlot(ctx, s, giant, sink)
		if err != nil {
			return err
		}
		kind, _, _ := strings.Cut(sink, ":")
		r.peaks = append(r.peaks, peak{fmt.Sprintf("%d rows, to `%s:`", b.giant, kind), u})
	}
	return nil
}

// fromSlot drains a load with tailrace.
func (b *bench) fromSlot(ctx context.Context, s *postgresSource, l slotLoad, sink string) (usage, error) {
	slot, err := s.copySlot(ctx, l)
	if err != nil {
		return usage{}, err
	}
	config := fmt.Sprintf("  url: %q\n  tables: [%s]\n  postgres: {slot: %s, publication: %s}\n",
		s.server.URL(s.database), l.publication, slot, l.publication)
	u, err := b.tailrace(ctx, config, sink, "--from", "earliest", "--until", "lsn:"+l.end)
	if err != nil {
		return u, err
	}
	return u, s.dropSlot(ctx, slot)
}

// recvlogical drains a load into nothing with Postgres's own program.
func (b *bench) recvlogical(ctx context.Context, s *postgresSource, l slotLoad) (usage, error) {
	slot, err := s.copySlot(ctx, l)
	if err != nil {
		return usage{}, err
	}
	u, err := measure(exec.CommandContext(ctx, s.server.Bin("pg_recvlogical"),
		"-d", s.server.URL(s.database), "--slot", slot, "--start", "--no-loop", "-f", "/dev/null",
		"-o", "proto_version=1", "-o", "publication_names="+l.publication, "--endpos", l.end))
	if err != nil {
		return u, err
	}
	return u, s.dropSlot(ctx, slot)
}

// newPostgres starts a server with so many buffers.
func newPostgres(ctx context.Context, buffers string) (*postgresSource, error) {
	server, err := servers.Start(ctx, 15, map[string]string{"shared_buffers": buffers, "max_wal_size": "8GB"})
	if err != nil {
		return nil, err
	}
	s := &postgresSource{server: server}
	if s.database, err = server.CreateDatabase(ctx); err == nil {
		s.conn, err = pgx.Connect(ctx, server.URL(s.database))
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *postgresSource) close() {
	if s.conn != nil {
		_ = s.conn.Close(context.Background()) // the server goes next
	}
	_ = s.server.Close()
}

// load writes rows of 12 columns in transactions of the given size.
func (s *postgresSource) load(ctx context.Context, table string, rows, perTxn int) (slotLoad, error) {
	l := slotLoad{publication: table, slot: table + "_base"}
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
func (s *postgresSource) copySlot(ctx context.Context, l slotLoad) (string, error) {
	s.slots++
	name := fmt.Sprintf("run_%d", s.slots)
	_, err := s.conn.Exec(ctx, `SELECT pg_copy_logical_replication_slot($1::text, $2::text)`, l.slot, name)
	return name, err
}

func (s *postgresSource) dropSlot(ctx context.Context, name string) error {
	// Its last reader has just gone, and the server may still be at it.
	_, err := s.conn.Exec(ctx, `DO $$ BEGIN FOR i IN 1..100 LOOP
		IF (SELECT active FROM pg_replication_slots WHERE slot_name = '`+name+`') THEN PERFORM pg_sleep(0.05); END IF;
	END LOOP; PERFORM pg_drop_replication_slot('`+name+`'); END $$`)
	return err
}
