package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/internal/stress/siege"
	"github.com/tailrace/tailrace/internal/verify"
)

// The sinks.
const (
	files = "files"
	kafka = "kafka"
)

// A source is a server that tables are copied from.
type source struct {
	name  string
	start func(context.Context) (server, error)
	stall bool   // commits hang now and then
	by    string // what shares a partition of Kafka
}

// A server is a started one.
type server struct {
	create func(context.Context) (database string, err error)
	url    func(database string) string
	close  func() error
}

func sources() []source {
	return []source{
		{name: "postgres-15", start: postgres(15), by: verify.ByTable},
		{name: "postgres-18", start: postgres(18), by: verify.ByKey},
		{name: "postgres-18-standby", start: postgres(18), by: verify.ByKey, stall: true},
		{name: "mysql-9.7", start: mysql(local.MySQL97, nil), by: verify.ByKey},
		{name: "mysql-9.7-file", start: mysql(local.MySQL97, map[string]string{"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"}), by: verify.ByTable},
		{name: "mariadb-10.11", start: mysql(local.MariaDB1011, nil), by: verify.ByTable},
		{name: "mariadb-11.4", start: mysql(local.MariaDB114, nil), by: verify.ByKey},
	}
}

func names() string {
	var all []string
	for _, s := range sources() {
		all = append(all, s.name)
	}
	return strings.Join(all, ", ")
}

func postgres(version int) func(context.Context) (server, error) {
	return func(ctx context.Context) (server, error) {
		p, err := servers.Start(ctx, version, nil)
		if err != nil {
			return server{}, err
		}
		return server{create: p.CreateDatabase, url: p.URL, close: p.Close}, nil
	}
}

func mysql(product local.Product, settings map[string]string) func(context.Context) (server, error) {
	return func(ctx context.Context) (server, error) {
		m, err := servers.StartMySQL(ctx, product, settings)
		if err != nil {
			return server{}, err
		}
		return server{create: m.CreateDatabase, url: m.URL, close: m.Close}, nil
	}
}

// withServers starts what a case needs, and runs it.
func (s source) withServers(ctx context.Context, sink string, cfg siege.Config) (result siege.Result, err error) {
	database, err := s.start(ctx)
	if err != nil {
		return result, fmt.Errorf("start %s: %w", s.name, err)
	}
	defer func() { err = errors.Join(err, database.close()) }()
	name, err := database.create(ctx)
	if err != nil {
		return result, err
	}
	cfg.URL = database.url(name)
	if sink == kafka {
		broker, err := servers.StartKafka(ctx, map[string]string{"num.partitions": "4"})
		if err != nil {
			return result, fmt.Errorf("start a broker: %w", err)
		}
		defer func() { err = errors.Join(err, broker.Close()) }()
		cfg.Broker, cfg.PartitionBy = broker.Plain, s.by
	}
	return siege.Run(ctx, cfg)
}
