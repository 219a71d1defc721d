package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A contender is a server on which Tailrace is tried.
type contender struct {
	name  string
	start func(context.Context) (server, error)
	files bool // positions are made of files and offsets
}

// A server is a started one.
type server struct {
	create func(context.Context) (database string, err error)
	drop   func(ctx context.Context, database string) error
	url    func(database string) string
	crash  func(context.Context) error // nil: it is left in peace
	close  func() error
}

func contenders() []contender {
	return []contender{
		{name: "postgres-15", start: postgres(15)},
		{name: "postgres-18", start: postgres(18)},
		{name: "mysql-9.7", start: mysql(local.MySQL97, nil)},
		{name: "mysql-9.7-files", start: mysql(local.MySQL97, map[string]string{"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"}), files: true},
		{name: "mariadb-10.11", start: mysql(local.MariaDB1011, nil)},
		{name: "mariadb-11.4-files", start: mysql(local.MariaDB114, nil), files: true},
	}
}

func names() string {
	var all []string
	for _, c := range contenders() {
		all = append(all, c.name)
	}
	return strings.Join(all, ",")
}

func find(name string) (contender, error) {
	for _, c := range contenders() {
		if c.name == name {
			return c, nil
		}
	}
	return contender{}, fmt.Errorf("%q is none of %s", name, names())
}

func postgres(version int) func(context.Context) (server, error) {
	return func(ctx context.Context) (server, error) {
		p, err := servers.Start(ctx, version, nil)
		if err != nil {
			return server{}, err
		}
		return server{create: p.CreateDatabase, drop: p.DropDatabase, url: p.URL, close: p.Close}, nil
	}
}

func mysql(product local.Product, settings map[string]string) func(context.Context) (server, error) {
	return func(ctx context.Context) (server, error) {
		m, err := servers.StartMySQL(ctx, product, settings)
		if err != nil {
			return server{}, err
		}
		crash := func(ctx context.Context) error {
			if err := m.Kill(); err != nil {
				return err
			}
			return m.Start(ctx)
		}
		return server{create: m.CreateDatabase, drop: m.DropDatabase, url: m.URL, crash: crash, close: m.Close}, nil
	}
}
