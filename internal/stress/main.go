// The stress command holds the copy of tables to its promise: that no consumer ends
// with an older value, whatever is killed (C5). Twenty tables, with keys of all kinds
// and without one, are changed step by step while the daemon copies them and is killed
// again and again; then everything that was published is judged, event by event.
//
//	make stress
//
// ends with 0, or with 1 and the first thing that is wrong. With -mutation it builds a
// daemon that breaks a rule of the copy, and 0 says that this was noticed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/stress/oracle"
	"github.com/tailrace/tailrace/internal/stress/siege"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "stress:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	siege.Config
	sources, sinks string
	mutation       string
	out, progress  io.Writer
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o := options{out: out, progress: progress}
	flags := flag.NewFlagSet("stress", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&o.sources, "source", "*", "which sources, such as postgres-18 or mysql-*, of: "+names())
	flags.StringVar(&o.sinks, "sink", "*", "which sinks: files, kafka or *")
	flags.IntVar(&o.Kills, "kills", 200, "SIGKILLs per case")
	seconds := flags.Int("seconds", 300, "how long the lives of the daemon that end so are together")
	flags.IntVar(&o.Rows, "rows", 10_000, "rows per table at the beginning")
	flags.DurationVar(&o.Pace, "pace", 40*time.Millisecond, "how long each of the four writers pauses between two transactions, on average")
	flags.Uint64Var(&o.Seed, "seed", uint64(time.Now().UnixNano()), "what rows, transactions and kills follow from")
	flags.StringVar(&o.Binary, "binary", "bin/tailrace", "the program that is tried")
	flags.StringVar(&o.mutation, "mutation", "", "try a program that breaks this rule: "+strings.Join(siege.Mutations(), ", "))
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.Length = time.Duration(*seconds) * time.Second
	if o.mutation != "" {
		folder, err := os.MkdirTemp("", "tailrace-mutation-")
		if err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		defer os.RemoveAll(folder)
		if o.Binary, err = siege.Build(ctx, folder, o.mutation); err != nil {
			return err
		}
	}
	if _, err := os.Stat(o.Binary); err != nil {
		return fmt.Errorf("-binary: %w", err)
	}
	found := false
	for _, s := range sources() {
		for _, sink := range []string{files, kafka} {
			source, err := path.Match(o.sources, s.name)
			if err != nil {
				return fmt.Errorf("-source: %w", err)
			}
			fits, err := path.Match(o.sinks, sink)
			if err != nil {
				return fmt.Errorf("-sink: %w", err)
			}
			if !source || !fits {
				continue
			}
			found = true
			if err := o.one(ctx, s, sink); err != nil {
				return fmt.Errorf("%s into %s: %w (seed %d)", s.name, sink, err, o.Seed)
			}
		}
	}
	if !found {
		return fmt.Errorf("no source is called %s, or no sink %s: the sources are %s", o.sources, o.sinks, names())
	}
	return nil
}

// one runs a case. Its folder stays behind when something was wrong.
func (o *options) one(ctx context.Context, s source, sink string) error {
	folder, err := os.MkdirTemp("", "tailrace-stress-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	title := s.name + " into " + sink
	started := time.Now()
	cfg := o.Config
	cfg.Folder, cfg.Stall = folder, s.stall
	cfg.Progress = func(text string) {
		fmt.Fprintf(o.progress, "%s %4.0fs: %s\n", title, time.Since(started).Seconds(), text)
	}
	got, err := s.withServers(ctx, sink, cfg)
	switch {
	case o.mutation == "" && err != nil:
		return fmt.Errorf("%w\nsee %s: events, tailrace.log", err, folder)
	case o.mutation != "" && err == nil:
		return fmt.Errorf("the mutation %s was not noticed; see %s", o.mutation, folder)
	case o.mutation != "" && !shown(err):
		return err
	case o.mutation != "":
		fmt.Fprintf(o.out, "%s: %s was noticed after %v: %v\n", title, o.mutation, time.Since(started).Round(time.Second), err)
		return os.RemoveAll(folder)
	}
	fmt.Fprintf(o.out, "%s: good: %d kills, %d of them while tables were copied; %d transactions with %d changes (%d moves, %d truncates, %d rolled back); "+
		"%d events, %d of them read by the copy, %d sent again; %d rows at the end; %d stalls; %v\n",
		title, got.Kills, got.During, got.Walk.Transactions, got.Walk.Changes, got.Walk.Moves, got.Walk.Truncate, got.Walk.RolledBack,
		got.Oracle.Events, got.Oracle.Read, got.Oracle.Again, got.Oracle.Rows, got.Stalls, time.Since(started).Round(time.Second))
	return os.RemoveAll(folder)
}

// shown reports whether a key shows what is wrong.
func shown(err error) bool {
	var v *oracle.Violation
	return errors.As(err, &v) && v.Key != ""
}
