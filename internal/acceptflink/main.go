// The acceptflink command holds what docs/consumers.md says of Flink to a real
// Flink: a table changes while the daemon that publishes it into Kafka is killed
// again and again, and the tables and views that the document declares must then
// hold what the database holds, row for row and in sums.
//
//	make accept-flink
//
// prints a table and ends with 0, or ends with 1 and the first difference.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/acceptflink/page"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "acceptflink:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	seed           uint64
	changes, kills int
	binary         string
	out            io.Writer
	page           page.Page
}

// A world is what all trials share.
type world struct {
	kafka *local.Kafka
	flink *local.Flink
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o := options{out: out}
	flags := flag.NewFlagSet("acceptflink", flag.ContinueOnError)
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "what the changes follow from")
	flags.IntVar(&o.changes, "changes", 3000, "row changes per trial")
	flags.IntVar(&o.kills, "kills", 3, "kills per trial")
	flags.StringVar(&o.binary, "binary", "bin/tailrace", "the program that is tried")
	path := flags.String("document", "docs/consumers.md", "the document that is tried")
	on := flags.String("on", "", "trials whose names contain this; default: all")
	if err := flags.Parse(args); err != nil {
		return err
	}
	text, err := os.ReadFile(*path)
	if err != nil {
		return err
	}
	if o.page, err = page.Read(string(text)); err != nil {
		return fmt.Errorf("%s: %w", *path, err)
	}
	chosen := slices.DeleteFunc(contenders(), func(c contender) bool { return !strings.Contains(c.name, *on) })
	if len(chosen) == 0 {
		return fmt.Errorf("-on: no trial is named %q", *on)
	}
	fmt.Fprintf(out, "seed %d: %d row changes and %d kills per trial (repeat with -seed %[1]d)\n", o.seed, o.changes, o.kills)
	fmt.Fprintln(out, "starting Kafka and Flink; the first time on a machine, they are downloaded")
	w := world{}
	if w.kafka, err = servers.StartKafka(ctx, map[string]string{"num.partitions": "3"}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.kafka.Close()) }()
	if w.flink, err = local.StartFlink(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.flink.Close()) }()
	var rows []string
	for i, c := range chosen {
		row, err := o.try(ctx, w, c, fmt.Sprintf("shop%d", i))
		if err != nil {
			return fmt.Errorf("%s: %w (seed %d)", c.name, err, o.seed)
		}
		fmt.Fprintf(out, "%s: good\n", c.name)
		rows = append(rows, row)
	}
	fmt.Fprintf(out, "\n%s\n%s\n", header, strings.Join(rows, "\n"))
	fmt.Fprintf(out, "\nwhat Flink %s and the databases hold is equal\n", w.flink.Version)
	return nil
}
