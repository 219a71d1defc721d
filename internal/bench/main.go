// Bench measures how fast tailrace drains a slot, beside pg_recvlogical on the
// same server in the same run, and how much memory one giant transaction
// takes. `make bench` runs it and docs/benchmarks.md holds what it wrote.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	b := bench{}
	flag.IntVar(&b.rows, "rows", 1_000_000, "rows to drain, in transactions of 100")
	flag.IntVar(&b.giant, "giant", 2_000_000, "rows of the one transaction that memory is measured with")
	flag.IntVar(&b.pairs, "pairs", 5, "runs of each program, in turn")
	flag.StringVar(&b.binary, "binary", "bin/tailrace", "the program to measure")
	flag.StringVar(&b.write, "write", "", "put the result into this file, between its markers")
	flag.Parse()
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of the whole.
type bench struct {
	rows, giant, pairs int
	binary, write      string

	source *source
	dir    string
}

// Targets of the project: less is a failure of the run.
const (
	leastRatio = 1.5
	mostRSS    = 150 << 20
	memory     = "64MiB"
)

func (b *bench) run(ctx context.Context) error {
	var err error
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "tailrace-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }() // nothing in it is needed
	if b.source, err = newSource(ctx); err != nil {
		return err
	}
	defer b.source.close()

	r := report{rows: b.rows, giant: b.giant}
	if err := b.drain(ctx, &r); err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	if err := b.memory(ctx, &r); err != nil {
		return fmt.Errorf("one giant transaction: %w", err)
	}
	text := r.markdown()
	fmt.Print("\n", text)
	if b.write != "" {
		if err := replaceBetweenMarkers(b.write, text); err != nil {
			return err
		}
	}
	return r.judge()
}

// drain measures both programs in turn over the same log.
func (b *bench) drain(ctx context.Context, r *report) error {
	fmt.Printf("writing %d rows in transactions of 100\n", b.rows)
	load, err := b.source.load(ctx, "orders", b.rows, 100)
	if err != nil {
		return err
	}
	for i := range b.pairs {
		ours, err := b.tailrace(ctx, load)
		if err != nil {
			return err
		}
		theirs, err := b.recvlogical(ctx, load)
		if err != nil {
			return err
		}
		r.ours, r.theirs = append(r.ours, ours), append(r.theirs, theirs)
		fmt.Printf("pair %d of %d: tailrace %s, pg_recvlogical %s, %.2f times as fast\n",
			i+1, b.pairs, ours, theirs, theirs.wall.Seconds()/ours.wall.Seconds())
	}
	return nil
}

// memory measures one transaction that is far larger than the limit.
func (b *bench) memory(ctx context.Context, r *report) error {
	fmt.Printf("writing %d rows in one transaction\n", b.giant)
	load, err := b.source.load(ctx, "giant", b.giant, b.giant)
	if err != nil {
		return err
	}
	for _, sink := range []string{"discard:", "file://" + filepath.Join(b.dir, "events")} {
		u, err := b.tailraceTo(ctx, load, sink)
		if err != nil {
			return err
		}
		fmt.Printf("to %.8s: %s\n", sink, u)
		r.memory = append(r.memory, u)
	}
	return nil
}
