package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
)

// CreateDatabase makes a database that holds nothing and returns its name.
func (a MySQLAddress) CreateDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("t_%016x", rand.Uint64())
	if err := a.Exec(ctx, "", "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("create database: %w", err)
	}
	return name, nil
}

// DropDatabase drops a database that CreateDatabase made and the users whose
// names begin with its name and an underscore. Whoever is connected to it, or as
// one of them, is thrown out.
func (a MySQLAddress) DropDatabase(ctx context.Context, name string) error {
	err := a.with(ctx, "", func(conn *client.Conn) error {
		// Users first: a daemon that is still running would come back.
		users, err := rows(conn, "SELECT User FROM mysql.user WHERE LEFT(User, CHAR_LENGTH('"+name+"_')) = '"+name+"_'")
		if err != nil {
			return err
		}
		for _, user := range users {
			if _, err := conn.Execute("DROP USER '" + user[0] + "'@'%'"); err != nil {
				return err
			}
		}
		if err := throwOut(conn, name); err != nil {
			return err
		}
		// An open transaction of somebody who is not connected to the database
		// would hold it up for a day.
		if _, err := conn.Execute("SET lock_wait_timeout = 60"); err != nil {
			return err
		}
		_, err = conn.Execute("DROP DATABASE " + name)
		return err
	})
	if err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// throwOut ends the connections that use a database and those of its users.
func throwOut(conn *client.Conn, database string) error {
	// Id, User, Host, db, and more.
	clients, err := rows(conn, "SHOW FULL PROCESSLIST")
	if err != nil {
		return err
	}
	for _, c := range clients {
		if c[3] != database && !strings.HasPrefix(c[1], database+"_") {
			continue
		}
		_, err := conn.Execute("KILL " + c[0])
		if err != nil && !mysqlError(err, noSuchThread) {
			return err
		}
	}
	return nil
}
