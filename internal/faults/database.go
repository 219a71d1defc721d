package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A database is one on a server of its own, which is impatient with readers that
// do not answer.
type database struct {
	url     string
	data    string                                // its server's folder
	tables  string                                // that Tailrace is to capture
	readers func(context.Context) (string, error) // who reads the log
	close   func() error
}

func startDatabase(ctx context.Context, name string) (*database, error) {
	if name == "mysql" {
		return startMySQL(ctx)
	}
	return startPostgres(ctx)
}

func startPostgres(ctx context.Context) (_ *database, err error) {
	p, err := servers.Start(ctx, 18, map[string]string{"wal_sender_timeout": "10s"})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	name, err := p.CreateDatabase(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, p.URL(name))
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return &database{
		url: p.URL(name), data: p.DataDir, tables: "public.*",
		readers: func(ctx context.Context) (text string, err error) {
			const sql = `SELECT coalesce(string_agg('walsender ' || pid, ', '), '') FROM pg_stat_replication`
			err = conn.QueryRow(ctx, sql).Scan(&text)
			return text, err
		},
		close: func() error { return errors.Join(conn.Close(context.Background()), p.Close()) },
	}, nil
}

func startMySQL(ctx context.Context) (_ *database, err error) {
	m, err := servers.StartMySQL(ctx, local.MySQL97, map[string]string{"net-write-timeout": "10"})
	if err != nil {
		return nil, err
	}
	name, err := m.CreateDatabase(ctx)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return &database{
		url: m.URL(name), data: m.DataDir, tables: name + ".*",
		readers: func(ctx context.Context) (string, error) {
			rows, err := m.Query(ctx, "", "SHOW PROCESSLIST")
			var all []string
			for _, row := range rows {
				if strings.HasPrefix(row[4], "Binlog Dump") {
					all = append(all, "dump thread "+row[0])
				}
			}
			return strings.Join(all, ", "), err
		},
		close: m.Close,
	}, nil
}
