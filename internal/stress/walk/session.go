package walk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/workload"
)

// A session is a connection of one writer.
type session interface {
	// exec runs a statement and returns how many rows it changed.
	exec(ctx context.Context, sql string) (int64, error)
	// rows returns the answer to a query as text.
	rows(ctx context.Context, sql string) ([][]string, error)
	close()
}

func open(ctx context.Context, kind workload.Kind, url string) (session, error) {
	if kind == workload.Postgres {
		conn, err := pgconn.Connect(ctx, url)
		if err != nil {
			return nil, fmt.Errorf("walk: %w", err)
		}
		return postgres{conn}, nil
	}
	conn, err := workload.DialMySQL(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("walk: %w", err)
	}
	// Without locks on gaps, which writers would wait for.
	if _, err := conn.Execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return binlog{conn}, nil
}

type postgres struct{ conn *pgconn.PgConn }

func (p postgres) exec(ctx context.Context, sql string) (int64, error) {
	results, err := p.conn.Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return results[0].CommandTag.RowsAffected(), nil
}

func (p postgres) rows(ctx context.Context, sql string) ([][]string, error) {
	results, err := p.conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var all [][]string
	for _, r := range results[0].Rows {
		row := make([]string, len(r))
		for i, v := range r {
			row[i] = string(v)
		}
		all = append(all, row)
	}
	return all, nil
}

func (p postgres) close() { _ = p.conn.Close(context.Background()) } // it has nothing to say

type binlog struct{ conn *client.Conn }

func (b binlog) exec(ctx context.Context, sql string) (int64, error) {
	stop := context.AfterFunc(ctx, func() { _ = b.conn.Close() })
	defer stop()
	result, err := b.conn.Execute(sql)
	if err != nil {
		return 0, err
	}
	defer result.Close()
	return int64(result.AffectedRows), nil
}

func (b binlog) rows(_ context.Context, sql string) ([][]string, error) {
	result, err := b.conn.Execute(sql)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	var all [][]string
	for i := range result.Values {
		row := make([]string, len(result.Fields))
		for j := range row {
			if row[j], err = result.GetString(i, j); err != nil {
				return nil, err
			}
		}
		all = append(all, row)
	}
	return all, nil
}

func (b binlog) close() { _ = b.conn.Close() } // it has nothing to say

// gives reports whether the server has ended the transaction because of a conflict
// with another one, so that it may be tried again.
func gives(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return slices.Contains([]string{"40P01", "40001", "55P03"}, p.Code)
	}
	var m *mysql.MyError
	return errors.As(err, &m) && (m.Code == mysql.ER_LOCK_DEADLOCK || m.Code == mysql.ER_LOCK_WAIT_TIMEOUT)
}
