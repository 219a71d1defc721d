// The accept command holds Tailrace to its first promise: on every supported
// version of Postgres and on servers of the MySQL family, a workload of row
// changes is followed into files, into a Kafka broker that goes down now and then,
// or into a Kinesis stream that refuses records and loses answers, while the daemon
// is killed again and again, and once more while it is asked to stop instead.
//
//	make accept
//
// prints a table and ends with 0, or ends with 1 and the first promise that was
// broken. The same -seed makes the same rows, transactions and plan of signals.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/accept/trial"
	"github.com/tailrace/tailrace/internal/verify"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "accept:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	seed             uint64
	changes, signals int
	duels            int
	on               []contender
	binary           string
	out              io.Writer
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o := options{out: out}
	flags := flag.NewFlagSet("accept", flag.ContinueOnError)
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "what rows, transactions and signals follow from")
	flags.IntVar(&o.changes, "changes", 200_000, "row changes per trial")
	flags.IntVar(&o.signals, "signals", 50, "signals per trial")
	flags.IntVar(&o.duels, "duels", 25, "duels of two instances per trial")
	flags.StringVar(&o.binary, "binary", "bin/tailrace", "the program that is tried")
	on := flags.String("on", "*", "which trials, with commas between, such as postgres-18 or *-kafka-*, of:\n"+strings.ReplaceAll(allNames(), ",", "\n"))
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if o.on, err = choose(*on); err != nil {
		return fmt.Errorf("-on: %w", err)
	}
	fmt.Fprintf(out, "seed %d: %d row changes and %d signals per trial (repeat with -seed %[1]d)\n", o.seed, o.changes, o.signals)
	var rows []string
	for _, c := range o.on {
		lines, err := o.server(ctx, c)
		rows = append(rows, lines...)
		if err != nil {
			return fmt.Errorf("%w (seed %d)", err, o.seed)
		}
	}
	fmt.Fprintf(out, "\n%s\n%s\n", header, strings.Join(rows, "\n"))
	fmt.Fprintln(out, "\nnothing lost, nothing reordered, nothing altered; the tables are equal")
	return nil
}

const header = "trial                      signals      restarts  changes   events  transactions  largest  rolled back  prepared  sent again  runs  inside  crashes  fences  rows at end  followed  verified"

// server runs the trials of one contender on a server of their own, and returns
// their lines of the table.
func (o *options) server(ctx context.Context, c contender) (rows []string, err error) {
	server, err := c.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	defer func() { err = errors.Join(err, server.close()) }()
	for _, cfg := range o.configs(c) {
		database, err := server.create(ctx)
		if err != nil {
			return rows, err
		}
		cfg.URL, cfg.Crash = server.url(database), server.crash
		title := fmt.Sprintf("%-25s  %s", c.name, faults(cfg))
		row, err := o.trial(ctx, title, cfg)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", title, err)
		}
		rows = append(rows, row)
		if err := server.drop(ctx, database); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// configs returns the trials of a contender. What is killed before it commits has
// done nothing, and an orderly end is easy: exactly once has four times the
// kills, and no other signals.
func (o *options) configs(c contender) []trial.Config {
	kill := trial.Config{Files: c.files, Signal: syscall.SIGKILL, Signals: o.signals}
	stop := kill
	stop.Signal = syscall.SIGTERM
	if c.kinesis != nil {
		kinesis := *c.kinesis
		kinesis.Reshards = o.signals / 5
		kill.Kinesis, stop.Kinesis = &kinesis, &kinesis
	}
	if c.kafka == nil {
		return []trial.Config{kill, stop}
	}
	kafka := *c.kafka
	kill.Kafka, stop.Kafka = &kafka, &kafka
	switch {
	case c.duel:
		return []trial.Config{{Kafka: &kafka, Duels: o.duels}}
	case kafka.ExactlyOnce:
		kill.Signals, kafka.Restarts = 4*o.signals, 2*o.signals/5
		return []trial.Config{kill}
	}
	kafka.Restarts = o.signals / 5
	return []trial.Config{kill, stop}
}

// faults says what a trial brings about.
func faults(cfg trial.Config) string {
	switch {
	case cfg.Duels > 0:
		return fmt.Sprintf("%3d duels  ", cfg.Duels)
	case cfg.Signal == syscall.SIGKILL:
		return fmt.Sprintf("%3d SIGKILL", cfg.Signals)
	}
	return fmt.Sprintf("%3d SIGTERM", cfg.Signals)
}

// trial runs one. Its folder stays behind when a promise was broken.
func (o *options) trial(ctx context.Context, title string, cfg trial.Config) (string, error) {
	folder, err := os.MkdirTemp("", "tailrace-accept-")
	if err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	shown := time.Now()
	cfg.Binary, cfg.Folder, cfg.Seed, cfg.Changes = o.binary, folder, o.seed, o.changes
	if k := cfg.Kinesis; k != nil {
		cfg.Changes /= 2 // a stream takes less than files and brokers
		if k.Packing == verify.PackedNone {
			cfg.Changes /= 5 // one event at a time of a table without a key
		}
	}
	cfg.Progress = func(signals, committed int) {
		if now := time.Now(); now.Sub(shown) > 5*time.Second || signals == cfg.Signals+cfg.Duels {
			shown = now
			fmt.Fprintf(o.out, "%s: %3d done, %6d changes committed\n", title, signals, committed)
		}
	}
	got, err := trial.Run(ctx, cfg)
	if err != nil {
		return "", fmt.Errorf("%w\nsee %s: events, truth, tailrace.log", err, folder)
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", fmt.Errorf("clear up: %w", err)
	}
	w, v := got.Workload, got.Verify
	row := fmt.Sprintf("%s  %8d  %7d  %7d  %12d  %7d  %11d  %8d  %10d  %4d  %6d  %7d  %6d  %11d  %8s  %8s",
		title, got.Restarts, w.Changes, v.Events, v.Transactions, w.Largest, w.RolledBack+w.Savepoints, w.Prepared, v.Again, v.Runs, got.Inside, got.Crashes, got.Fences, v.Rows,
		got.Followed.Round(100*time.Millisecond), got.Verified.Round(100*time.Millisecond))
	if got.Early > 0 {
		row += fmt.Sprintf("  (%d more met a process too young to listen)", got.Early)
	}
	if s := got.Stream; cfg.Kinesis != nil {
		row += fmt.Sprintf("  (%d splits and merges; %d of %d records refused, %d of %d calls failed, %d answers lost)",
			got.Reshards, s.Dropped+s.Throttled, s.Records, s.Failed, s.Calls, s.Lost)
	}
	if got.Duels > 0 {
		row += fmt.Sprintf("  (taken over after %v at most, given up after %v)", got.Takeover.Round(100*time.Millisecond), got.Yielded.Round(100*time.Millisecond))
	}
	fmt.Fprintln(o.out, title+": good")
	return row, nil
}
