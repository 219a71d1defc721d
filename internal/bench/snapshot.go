package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

// copyMemory is the default of limits.memory, and copyRSS what docs/operations.md
// says that a process with it takes: 5/4 of it and 64 MiB, and the program.
const (
	copyMemory = "256MiB"
	copyRSS    = (320 + 64 + 24) << 20
)

// A filled is a server of our own with the table orders, which is full of rows to
// copy, and the table ticks, which a writer commits to.
type filled interface {
	// fill writes the rows of orders, and tells the server to know what it has.
	fill(ctx context.Context, rows int) error
	// few makes the table few of the first rows of orders.
	few(ctx context.Context, rows int) error

	version() string
	url() string
	schema() string
	// readers read orders in ways of their own, none of which keeps anything, and how
	// fast tailrace must be beside each.
	readers() []program
	// forget removes what a run of tailrace or of Debezium leaves on the server.
	forget(ctx context.Context) error
	// writer returns what commits a row of ticks, over a connection of its own.
	writer(ctx context.Context) (tick func(id int) error, end func(), err error)
	empty(ctx context.Context) error // empties ticks
	// debezium are the properties of a connector that copies few.
	debezium(run int) map[string]string
	close()
}

// fewRows are enough for what is slow: it is as fast at the end as at the beginning.
const fewRows = 1_000_000

// copiedSources are the servers that first copies are measured on.
var copiedSources = map[string]func(context.Context) (filled, error){"postgres": copiedPostgres, "mysql": copiedMySQL}

// snapshot measures first copies from one server: how fast they are beside the
// server's own programs, what they do to the latency of the log, what connections are
// for, and how fast they are beside Debezium's.
func (b *bench) snapshot(ctx context.Context, r *report, start func(context.Context) (filled, error)) error {
	for _, part := range b.parts {
		if !slices.Contains([]string{"", "copy", "far", "latency"}, part) {
			return fmt.Errorf("there is no part %q of first copies, only copy, far and latency", part)
		}
	}
	s, err := start(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	r.version = s.version() + " on the same machine"
	say("writing %d rows", b.copied)
	if err := s.fill(ctx, b.copied); err != nil {
		return err
	}
	if err := s.few(ctx, min(b.copied, fewRows)); err != nil {
		return err
	}
	say("reading them once")
	if _, err := s.readers()[0].run(ctx); err != nil {
		return err
	}
	if slices.Contains(b.parts, "copy") {
		if err := b.copies(ctx, r, s); err != nil {
			return err
		}
	}
	if slices.Contains(b.parts, "latency") {
		if err := b.latency(ctx, r, s); err != nil {
			return err
		}
	}
	if slices.Contains(b.parts, "far") {
		if err := b.far(ctx, r, s); err != nil {
			return err
		}
	}
	if b.debezium {
		return b.besideDebezium(ctx, r, s)
	}
	return nil
}

// say tells whoever waits what is being done.
func say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", values...)
}

// copies copies orders in several ways, in turn with the server's own programs.
func (b *bench) copies(ctx context.Context, r *report, s filled) error {
	into := func(sink string, connections int) program {
		name := fmt.Sprintf("`tailrace run --snapshot only --publish %s`, `snapshot.connections: %d`", sink, connections)
		return program{name, 0, func(ctx context.Context) (usage, error) { return b.copy(ctx, s, "orders", sink, connections, b.copied) }}
	}
	programs := slices.Concat(
		[]program{into("file:", 1)}, s.readers(),
		[]program{into("file:", 2), into("file:", 4), into("discard:", 1)},
	)
	c, err := b.race(ctx, fmt.Sprintf("First copy of %d rows of 12 columns and about 300 B", b.copied), b.copied, programs...)
	if err != nil {
		return err
	}
	r.courses = append(r.courses, c)
	for i, p := range c.programs {
		if strings.Contains(p.name, "tailrace run") {
			r.copies = append(r.copies, firstCopy{p.name, b.copied, c.usages[i]})
		}
	}
	return nil
}
