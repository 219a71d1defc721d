package verify

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/workload"
)

// A server holds a table of the source against the rows that the events gave, as
// JSON objects.
type server interface {
	// compare counts the rows that only the table has, and those that it has not.
	compare(ctx context.Context, t workload.Table, documents []string) (missing, extra int, err error)
	close()
}

func connect(ctx context.Context, kind workload.Kind, url string) (server, error) {
	if kind == workload.Postgres {
		conn, err := pgx.Connect(ctx, url)
		return postgres{conn}, err
	}
	conn, err := workload.DialMySQL(ctx, url)
	return binlogServer{conn}, err
}
