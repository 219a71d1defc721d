package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
)

// CreateDatabase makes a database that holds nothing and returns its name.
func (a Address) CreateDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("t_%016x", rand.Uint64())
	err := a.withAdmin(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0")
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create database: %w", err)
	}
	return name, nil
}

// DropDatabase drops a database that CreateDatabase made, its replication slots
// and the roles whose names begin with its name and an underscore. Whoever is
// connected to it is thrown out first.
func (a Address) DropDatabase(ctx context.Context, name string) error {
	err := a.withAdmin(ctx, func(conn *pgx.Conn) error {
		// A daemon that is still running would come back between the steps.
		_, err := conn.Exec(ctx, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
		if err != nil {
			return err
		}
		// DROP DATABASE refuses while a slot is active; it drops the idle ones.
		if _, err := conn.Exec(ctx, fmt.Sprintf(endReaders, name)); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			return err
		}
		return dropRoles(ctx, conn, name)
	})
	if err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// endReaders waits for the end of those that read slots of a database. From version 14
// on pg_terminate_backend could.
const endReaders = `DO $$ BEGIN
	FOR tenth IN 1..100 LOOP
		PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = '%s' AND active_pid IS NOT NULL;
		EXIT WHEN NOT FOUND;
		PERFORM pg_sleep(0.1);
	END LOOP;
END $$`

func dropRoles(ctx context.Context, conn *pgx.Conn, database string) error {
	rows, err := conn.Query(ctx, "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)", database+"_")
	if err != nil {
		return err
	}
	roles, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, role := range roles {
		if _, err := conn.Exec(ctx, "DROP ROLE "+pgx.Identifier{role}.Sanitize()); err != nil {
			return err
		}
	}
	return nil
}

// withAdmin runs f on a connection of the superuser to the database postgres.
func (a Address) withAdmin(ctx context.Context, f func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, a.URL("postgres"))
	if err != nil {
		return err
	}
	return errors.Join(f(conn), conn.Close(ctx))
}
