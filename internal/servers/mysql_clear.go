package servers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A mysqlState is what tests can change for others that come to the same server
// later.
type mysqlState struct {
	databases, users []string
	rest             string // compared, never undone
}

// stateOf asks a server that no client uses.
func stateOf(ctx context.Context, a local.MySQLAddress) (s mysqlState, err error) {
	column := func(sql string) (column []string) {
		rows, failed := a.Query(ctx, "", sql)
		err = errors.Join(err, failed)
		for _, row := range rows {
			column = append(column, strings.Join(row, "="))
		}
		slices.Sort(column)
		return column
	}
	s.databases = column("SHOW DATABASES")
	s.users = column("SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)) FROM mysql.user")
	questions := []string{
		"SHOW GLOBAL VARIABLES", "SHOW PLUGINS", "XA RECOVER",
		"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'mysql'",
	}
	if a.Product.MariaDB() {
		questions = append(questions, "SHOW ALL SLAVES STATUS")
	} else {
		// What is persisted holds from the next start on.
		questions = append(questions, "SHOW REPLICA STATUS", "SELECT * FROM performance_schema.persisted_variables")
	}
	for _, sql := range questions {
		s.rest += strings.Join(column(sql), "\n") + "\n\n"
	}
	return s, err
}

// clearMySQL makes a server what it was when it had the state first. An error says
// that it can't: the server is of no use to another test.
func clearMySQL(ctx context.Context, a local.MySQLAddress, first mysqlState) error {
	if err := throwOutAll(ctx, a); err != nil {
		return err
	}
	reset := "RESET BINARY LOGS AND GTIDS"
	if a.Product.MariaDB() {
		reset = "RESET MASTER"
	}
	if err := a.Exec(ctx, "", reset); err != nil {
		return err
	}
	now, err := stateOf(ctx, a)
	if err != nil {
		return err
	}
	if now.rest != first.rest {
		return errors.New("a test has changed what is not given back")
	}
	statements := []string{"SET sql_log_bin = 0"} // nothing of this is in the new log
	for _, name := range now.databases {
		if !slices.Contains(first.databases, name) {
			statements = append(statements, "DROP DATABASE "+quote.MySQLIdent(name))
		}
	}
	for _, user := range now.users {
		if !slices.Contains(first.users, user) {
			statements = append(statements, "DROP USER "+user)
		}
	}
	return a.Exec(ctx, "", statements...)
}

// throwOutAll ends the connections of all clients, those that read the log too, and
// waits until they have gone.
func throwOutAll(ctx context.Context, a local.MySQLAddress) error {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		clients, err := a.Query(ctx, "", "SELECT id FROM information_schema.processlist "+
			"WHERE id <> CONNECTION_ID() AND user NOT IN ('system user', 'event_scheduler')")
		if err != nil || len(clients) == 0 {
			return err
		}
		for _, c := range clients {
			_ = a.Exec(ctx, "", "KILL "+c[0]) // it may have gone by itself
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for clients to go: %w", ctx.Err())
		}
	}
}
