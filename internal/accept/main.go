// The accept command holds Tailrace to its first promise: on every supported
// version of Postgres, a workload of row changes is followed into files while
// the daemon is killed again and again, and once more while it is asked to stop
// instead.
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
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/accept/trial"
	"github.com/tailrace/tailrace/internal/servers"
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
	versions         []int
	binary           string
	out              io.Writer
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o := options{out: out}
	flags := flag.NewFlagSet("accept", flag.ContinueOnError)
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "what rows, transactions and signals follow from")
	flags.IntVar(&o.changes, "changes", 200_000, "row changes per trial")
	flags.IntVar(&o.signals, "signals", 50, "signals per trial")
	flags.StringVar(&o.binary, "binary", "bin/tailrace", "the program that is tried")
	versions := flags.String("versions", "15,18", "versions of Postgres")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for v := range strings.SplitSeq(*versions, ",") {
		n, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("-versions: %q is not a number", v)
		}
		o.versions = append(o.versions, n)
	}
	fmt.Fprintf(out, "seed %d: %d row changes and %d signals per trial (repeat with -seed %[1]d)\n", o.seed, o.changes, o.signals)
	var rows []string
	for _, version := range o.versions {
		lines, err := o.server(ctx, version)
		rows = append(rows, lines...)
		if err != nil {
			return fmt.Errorf("%w (seed %d)", err, o.seed)
		}
	}
	fmt.Fprintf(out, "\n%s\n%s\n", header, strings.Join(rows, "\n"))
	fmt.Fprintln(out, "\nnothing lost, nothing reordered, nothing altered; the tables are equal")
	return nil
}

const header = "server       signals       changes   events  transactions  largest  rolled back  sent again  runs  inside  fences  rows at end  followed  verified"

// server runs the trials of one version on a server of their own, and returns
// their lines of the table.
func (o *options) server(ctx context.Context, version int) (rows []string, err error) {
	server, err := servers.Start(ctx, version, nil)
	if err != nil {
		return nil, fmt.Errorf("start Postgres %d: %w", version, err)
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	for _, s := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		title := fmt.Sprintf("Postgres %d  %d %s", version, o.signals, signalName(s))
		database, err := server.CreateDatabase(ctx)
		if err != nil {
			return rows, err
		}
		row, err := o.trial(ctx, title, server.URL(database), s)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", title, err)
		}
		rows = append(rows, row)
		if err := server.DropDatabase(ctx, database); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func signalName(s syscall.Signal) string {
	if s == syscall.SIGKILL {
		return "SIGKILL"
	}
	return "SIGTERM"
}

// trial runs one. Its folder stays behind when a promise was broken.
func (o *options) trial(ctx context.Context, title, url string, s syscall.Signal) (string, error) {
	folder, err := os.MkdirTemp("", "tailrace-accept-")
	if err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	shown := time.Now()
	got, err := trial.Run(ctx, trial.Config{
		Binary: o.binary, URL: url, Folder: folder, Seed: o.seed, Changes: o.changes, Signals: o.signals, Signal: s,
		Progress: func(signals, committed int) {
			if now := time.Now(); now.Sub(shown) > 5*time.Second || signals == o.signals {
				shown = now
				fmt.Fprintf(o.out, "%s: %2d sent, %6d changes committed\n", title, signals, committed)
			}
		},
	})
	if err != nil {
		return "", fmt.Errorf("%w\nsee %s: events, truth, checkpoint.json, tailrace.log", err, folder)
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", fmt.Errorf("clear up: %w", err)
	}
	w, v := got.Workload, got.Verify
	row := fmt.Sprintf("%-26s %7d  %7d  %12d  %7d  %11d  %10d  %4d  %6d  %6d  %11d  %8s  %8s",
		title, w.Changes, v.Events, v.Transactions, w.Largest, w.RolledBack+w.Savepoints, v.Again, v.Runs, got.Inside, got.Fences, v.Rows,
		got.Followed.Round(100*time.Millisecond), got.Verified.Round(100*time.Millisecond))
	if got.Early > 0 {
		row += fmt.Sprintf("  (%d more met a process too young to listen)", got.Early)
	}
	fmt.Fprintln(o.out, title+": good")
	return row, nil
}
