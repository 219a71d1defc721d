// Bench measures how fast tailrace drains a log, beside the database's own
// programs and the usual library on the same server in the same run, how much
// memory giant transactions take, what exactly once costs, and how much of a shard
// of Kinesis is used. `make bench` runs it and docs/benchmarks.md holds what it wrote.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	b := bench{}
	sources := flag.String("sources", "postgres,mysql,kafka,kinesis", "what to measure")
	flag.IntVar(&b.rows, "rows", 1_000_000, "rows to drain, in transactions of 100")
	flag.IntVar(&b.single, "single", 200_000, "rows to drain, in transactions of 1 (MySQL)")
	flag.IntVar(&b.giant, "giant", 2_000_000, "rows of the one transaction that memory is measured with")
	flag.IntVar(&b.payload, "payload", 1024, "MiB of the compressed transaction that memory is measured with (MySQL)")
	flag.IntVar(&b.shard, "shard", 40_000, "rows to drain into one shard (Kinesis)")
	flag.IntVar(&b.pairs, "pairs", 5, "runs of each program, in turn")
	flag.StringVar(&b.binary, "binary", "bin/tailrace", "the program to measure")
	flag.StringVar(&b.write, "write", "", "put the result into this file, between its markers")
	peer := flag.String("peer", "", "be a peer of tailrace: gomysql, putrecords")
	flag.Parse()
	err := error(nil)
	if *peer != "" {
		err = runPeer(ctx, *peer, flag.Args())
	} else {
		err = b.run(ctx, strings.Split(*sources, ","))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of the whole.
type bench struct {
	rows, single, giant, payload, shard, pairs int
	binary, write                              string

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

func (b *bench) run(ctx context.Context, sources []string) error {
	var err error
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "tailrace-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }() // nothing in it is needed
	var errs []error
	for _, source := range sources {
		var r report
		switch source {
		case "postgres":
			err = b.postgres(ctx, &r)
		case "mysql":
			err = b.mysql(ctx, &r)
		case "kafka":
			err = b.kafka(ctx, &r)
		case "kinesis":
			err = b.kinesis(ctx, &r)
		default:
			err = fmt.Errorf("there is no source %q", source)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
		text := r.markdown()
		fmt.Print("\n", text)
		if b.write != "" {
			if err := replaceBetweenMarkers(b.write, source, text); err != nil {
				return err
			}
		}
		errs = append(errs, r.judge())
	}
	return errors.Join(errs...)
}

// A program is one that drains a log in a way of its own.
type program struct {
	name  string
	least float64 // times that tailrace must be as fast; 0 for tailrace itself
	run   func(ctx context.Context) (usage, error)
}

// race runs the programs in turn over the same log, tailrace first.
func (b *bench) race(ctx context.Context, title string, rows int, programs ...program) (course, error) {
	c := course{title: title, rows: rows, programs: programs, usages: make([][]usage, len(programs))}
	for i := range b.pairs {
		for k, p := range programs {
			u, err := p.run(ctx)
			if err != nil {
				return c, fmt.Errorf("%s: %w", p.name, err)
			}
			c.usages[k] = append(c.usages[k], u)
			fmt.Printf("%s, %d of %d: %s: %s\n", title, i+1, b.pairs, p.name, u)
		}
	}
	return c, nil
}
