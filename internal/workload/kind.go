package workload

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// A Kind is a database that the workload can change. Its text is what events
// name as their connector.
type Kind string

// The databases.
const (
	Postgres Kind = "postgresql"
	MySQL    Kind = "mysql"
	MariaDB  Kind = "mariadb"
)

// KindOf returns which database a URL leads to, and the name by which the
// topics of its tables know their place: the schema of Postgres, the database of
// the others.
func KindOf(text string) (kind Kind, schema string, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", "", fmt.Errorf("workload: read the URL: %w", err)
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		return Postgres, "public", nil
	case "mysql", "mariadb":
		return Kind(u.Scheme), strings.TrimPrefix(u.Path, "/"), nil
	}
	return "", "", fmt.Errorf("workload: there is no workload for %s", u.Scheme)
}

// A session is a connection of one writer. Statements are queued; flush runs
// them in order. Nothing of it is safe for use by two goroutines.
type session interface {
	// ready connects again if the server has gone and come back. begin,
	// beginGlobal, commit and rollback of what is prepared do it by themselves.
	ready(ctx context.Context) error
	// begin begins a transaction whose log entries carry what img says. It
	// returns what the server calls the transaction, "" if it does not tell.
	begin(ctx context.Context, img image) (id string, err error)
	// beginGlobal begins an XA transaction, prepare ends it, and it is decided,
	// then or later, by commit or rollback.
	beginGlobal(ctx context.Context, img image, name string) error
	prepare(ctx context.Context) error
	commit(ctx context.Context) error
	rollback(ctx context.Context) error

	// value returns how a value stands in the SQL of a statement with these
	// arguments, and the arguments with it.
	value(v value, args []any) (string, []any)
	queue(sql string, args []any)
	queued() int
	flush(ctx context.Context) error
	// load inserts many rows at once, after what is queued.
	load(ctx context.Context, t *table, rows [][]value) error
	close()
}

// open connects a writer.
func (k Kind) open(ctx context.Context, url string) (session, error) {
	if k == Postgres {
		return openPostgres(ctx, url)
	}
	return openMySQL(ctx, url)
}
