package main

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/tailrace/tailrace/internal/accept/trial"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/internal/verify"
)

// A contender is a server on which Tailrace is tried, and what it publishes to.
type contender struct {
	name  string
	start func(context.Context) (server, error)
	files bool         // positions are made of files and offsets
	kafka *trial.Kafka // nil: it publishes to files
	duel  bool         // instances fight for it

	kinesis *trial.Kinesis // it publishes to a stream
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
	table, key := &trial.Kafka{PartitionBy: verify.ByTable}, &trial.Kafka{PartitionBy: verify.ByKey}
	once := &trial.Kafka{PartitionBy: verify.ByKey, ExactlyOnce: true}
	lines := &trial.Kinesis{Product: local.Kinesalite, Packing: verify.PackedLines, Shards: 64, Lost: 0.005}
	none := &trial.Kinesis{Product: local.Kinesalite, Packing: verify.PackedNone, Shards: 64, Lost: 0.0005}
	kpl := &trial.Kinesis{Product: local.Kinesalite, Packing: verify.PackedKPL, Shards: 64, Lost: 0.005}
	return []contender{
		{name: "postgres-15", start: postgres(15)},
		{name: "postgres-18", start: postgres(18)},
		{name: "mysql-9.7", start: mysql(local.MySQL97, nil)},
		{name: "mysql-9.7-files", start: mysql(local.MySQL97, map[string]string{"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"}), files: true},
		{name: "mariadb-10.11", start: mysql(local.MariaDB1011, nil)},
		{name: "mariadb-11.4-files", start: mysql(local.MariaDB114, nil), files: true},
		{name: "postgres-18-kafka-table", start: postgres(18), kafka: table},
		{name: "postgres-18-kafka-key", start: postgres(18), kafka: key},
		{name: "mysql-9.7-kafka-table", start: mysql(local.MySQL97, nil), kafka: table},
		{name: "mysql-9.7-kafka-key", start: mysql(local.MySQL97, nil), kafka: key},
		{name: "postgres-18-exactly-once", start: postgres(18), kafka: once},
		{name: "mysql-9.7-exactly-once", start: mysql(local.MySQL97, nil), kafka: once},
		{name: "postgres-18-kinesis-lines", start: postgres(18), kinesis: lines},
		{name: "mysql-9.7-kinesis-none", start: mysql(local.MySQL97, nil), kinesis: none},
		{name: "mysql-9.7-kinesis-kpl", start: mysql(local.MySQL97, nil), kinesis: kpl},
		{name: "postgres-18-duel", start: postgres(18), kafka: once, duel: true},
		{name: "mysql-9.7-duel", start: mysql(local.MySQL97, nil), kafka: once, duel: true},
	}
}

func allNames() string {
	var all []string
	for _, c := range contenders() {
		all = append(all, c.name)
	}
	return strings.Join(all, ",")
}

// choose returns the contenders with these names, which may hold *.
func choose(names string) ([]contender, error) {
	var some []contender
	for pattern := range strings.SplitSeq(names, ",") {
		before := len(some)
		for _, c := range contenders() {
			fits, err := path.Match(pattern, c.name)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", pattern, err)
			}
			if fits {
				some = append(some, c)
			}
		}
		if len(some) == before {
			return nil, fmt.Errorf("%q is none of %s", pattern, allNames())
		}
	}
	return some, nil
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
