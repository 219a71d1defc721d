package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/tailrace/tailrace/internal/servers"
)

// kafka measures what exactly once costs: the same log into the same broker, in
// transactions and without.
func (b *bench) kafka(ctx context.Context, r *report) error {
	s, err := newMySQL(ctx, "512M")
	if err != nil {
		return err
	}
	defer s.close()
	broker, err := servers.StartMeasuredKafka(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = broker.Close() }() // nothing of it is needed
	r.version = "MySQL " + s.server.Version + " and Kafka " + broker.Version + " on the same machine"
	few, err := s.load("few", 100, 100)
	if err != nil {
		return err
	}
	fmt.Printf("writing %d rows in transactions of 100\n", b.rows)
	many, err := s.load("orders", b.rows, 100)
	if err != nil {
		return err
	}
	runs := 0
	drain := func(ctx context.Context, load fileLoad, keys string) (usage, error) {
		runs++ // each has topics and a transactional id of its own
		config := fmt.Sprintf("name: bench%d\nsource:\n%s  snapshot: never\npublish: {url: %q, create_topics: true}\n%s\n",
			runs, s.source(load), "kafka://"+broker.Plain, keys)
		return b.daemon(ctx, config, load.places()...)
	}
	into := func(keys string) func(context.Context) (usage, error) {
		return func(ctx context.Context) (usage, error) {
			least, err := drain(ctx, few, keys)
			if err != nil {
				return usage{}, err
			}
			u, err := drain(ctx, many, keys)
			u.wall -= least.wall
			return u, err
		}
	}
	file := fmt.Sprintf("checkpoint: {url: %q}", "file://"+filepath.Join(b.dir, "{name}.json"))
	c, err := b.race(ctx, fmt.Sprintf("Drain of %d rows of 12 columns in transactions of 100 into one broker, without the time that 100 rows take", b.rows), b.rows,
		program{"exactly once (`checkpoint.url: kafka:`)", 0, into(`checkpoint: {url: "kafka:"}`)},
		program{"at least once (`checkpoint.url: file:`)", 0.85, into(file)},
	)
	if err != nil {
		return err
	}
	r.courses = append(r.courses, c)
	return nil
}
