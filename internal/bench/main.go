// Bench measures how fast tailrace drains a log, beside the database's own
// programs and the usual library on the same server in the same run, how much
// memory giant transactions take, what exactly once costs, how much of a shard of
// Kinesis is used, and how fast a first copy of a table is. `make bench` runs it and
// docs/benchmarks.md holds what it wrote.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	b := bench{}
	sources := flag.String("sources", "postgres,mysql,kafka,kinesis", "what to measure")
	only := flag.String("only", "", "measure only the log or only first copies: log, snapshot")
	rows := flag.Int("rows", 0, "rows to drain, in transactions of 100 (1000000), and of the table to copy (5000000)")
	flag.IntVar(&b.single, "single", 200_000, "rows to drain, in transactions of 1 (MySQL)")
	flag.IntVar(&b.giant, "giant", 2_000_000, "rows of the one transaction that memory is measured with")
	flag.IntVar(&b.payload, "payload", 1024, "MiB of the compressed transaction that memory is measured with (MySQL)")
	flag.IntVar(&b.shard, "shard", 40_000, "rows to drain into one shard (Kinesis)")
	flag.IntVar(&b.pairs, "pairs", 5, "runs of each program, in turn")
	flag.DurationVar(&b.quiet, "quiet", 20*time.Second, "how long latency without a copy is measured")
	flag.BoolVar(&b.debezium, "debezium", false, "also copy with Debezium, which Maven brings once (200 MB)")
	parts := flag.String("parts", "copy,far,latency", "what to measure of first copies")
	flag.StringVar(&b.binary, "binary", "bin/tailrace", "the program to measure")
	flag.StringVar(&b.write, "write", "", "put the result into this file, between its markers")
	peer := flag.String("peer", "", "be a peer of tailrace: gomysql, putrecords, copy")
	flag.Parse()
	b.rows, b.copied, b.parts = cmp.Or(*rows, 1_000_000), cmp.Or(*rows, 5_000_000), strings.Split(*parts, ",")
	err := error(nil)
	if *peer != "" {
		err = runPeer(ctx, *peer, flag.Args())
	} else {
		err = b.run(ctx, *only, strings.Split(*sources, ","))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of the whole.
type bench struct {
	rows, single, giant, payload, shard, pairs, copied int
	quiet                                              time.Duration
	debezium                                           bool
	parts                                              []string
	binary, write                                      string

	dir string // for files of the runs

	environment []string // of tailrace, beside this program's own
	watch       func(ended <-chan struct{}, pid int)
}

// Targets of the project: less is a failure of the run.
const (
	mostRSS = 150 << 20
	memory  = "64MiB"
	// slowRSS is for a sink that is always behind, so that all of memory is held all
	// the time: what docs/operations.md says of the heap, 5/4 of it and 64 MiB, and the
	// program.
	slowRSS = (80 + 64 + 24) << 20
)

func (b *bench) run(ctx context.Context, only string, sources []string) error {
	if !slices.Contains([]string{"", "log", "snapshot"}, only) {
		return fmt.Errorf("there is no part %q, only log and snapshot", only)
	}
	var err error
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "tailrace-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }() // nothing in it is needed
	logs := map[string]func(context.Context, *report) error{"postgres": b.postgres, "mysql": b.mysql, "kafka": b.kafka, "kinesis": b.kinesis}
	var errs []error
	for _, source := range sources {
		drain, ok := logs[source]
		if !ok {
			return fmt.Errorf("there is no source %q", source)
		}
		if only != "snapshot" {
			errs = append(errs, b.measured(ctx, source, drain))
		}
		if start, ok := copiedSources[source]; ok && only != "log" {
			errs = append(errs, b.measured(ctx, "snapshot "+source, func(ctx context.Context, r *report) error {
				return b.snapshot(ctx, r, start)
			}))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// measured prints and writes what measure reports, and returns what falls short.
func (b *bench) measured(ctx context.Context, title string, measure func(context.Context, *report) error) error {
	var r report
	if err := measure(ctx, &r); err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	text := r.markdown()
	fmt.Print("\n", text)
	if b.write != "" {
		if err := replaceBetweenMarkers(b.write, title, text); err != nil {
			return err
		}
	}
	return r.judge()
}

// A program is one that drains a log in a way of its own.
type program struct {
	name  string
	least float64 // times that tailrace, the first, must be as fast; 0 for no target
	run   func(ctx context.Context) (usage, error)
}

// race runs the programs in turn over the same log, tailrace first.
func (b *bench) race(ctx context.Context, title string, rows int, programs ...program) (course, error) {
	c := course{title: title, rows: rows, programs: programs, usages: make([][]usage, len(programs))}
	for i := range b.pairs {
		for k, p := range programs {
			u, err := calmly(func() (usage, error) { return p.run(ctx) })
			if err != nil {
				return c, fmt.Errorf("%s: %w", p.name, err)
			}
			c.usages[k] = append(c.usages[k], u)
			fmt.Printf("%s, %d of %d: %s: %s\n", title, i+1, b.pairs, p.name, u)
		}
	}
	return c, nil
}
