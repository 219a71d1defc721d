package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/stdout"
)

func tailCommand() *cobra.Command {
	var json bool
	var width int
	cmd := &cobra.Command{
		Use:   "tail URL [TABLE...]",
		Short: "Watch rows change in the terminal, leaving nothing behind on the server",
		Long: `Tail shows every row that changes from now on, one line each, until Ctrl-C:
the commit time, what happened, the table, the key, and then the columns. Of an
update it shows the columns that changed, old → new, where the log holds the old
row (Postgres: REPLICA IDENTITY FULL; MySQL: binlog_row_image=FULL), and
otherwise all new values. "not sent" marks a value that the log leaves out, such
as a long one that the update did not touch.

A TABLE is a name or a glob ('shop.*'), and '!shop.audit_*' leaves some out;
without any, every user table is watched. A bare name is one in the schema public
of Postgres, and in the URL's database of MySQL and MariaDB. The names stand in
quotes so that the shell does not read them.

Postgres: it needs wal_level=logical, a role with REPLICATION, and the right to
publish the tables: their owner, with CREATE on the database. On the server it
uses a temporary replication slot, which ends with the connection, and a
publication tailrace_tail_…, which it drops at the end; what a killed tail left
is dropped by the next one. When the connection is lost, it ends.

MySQL and MariaDB: it needs log_bin, binlog_format=ROW, and a user with
REPLICATION SLAVE, REPLICATION CLIENT (MariaDB: BINLOG MONITOR) and SELECT on the
tables. It reads as a replica with a server_id of its own and writes nothing.

It remembers nothing beyond its end. To keep every change, use tailrace run.

A password in the URL is visible in the list of processes: put the URL into
TAILRACE_SOURCE and leave it out here.

Exit codes: 0 stopped by Ctrl-C, or the reader of stdout has gone; 1 usage;
4 it can't be done or can't go on, and the sentence says why.`,
		Example: `  tailrace tail postgres://me:secret@localhost/shop
  tailrace tail postgres://me@localhost/shop orders 'billing.*' '!billing.log_*'
  tailrace tail mysql://me:secret@localhost/shop
  tailrace tail mariadb://me:secret@localhost/ 'shop.*' '!shop.log_*'
  TAILRACE_SOURCE=postgres://me:secret@db.internal/shop tailrace tail orders
  tailrace tail --json postgres://me@localhost/shop | jq -c .after`,
		RunE: func(c *cobra.Command, args []string) error {
			url, tables, err := tailArgs(args)
			if err != nil {
				return err
			}
			log, err := newLogger(config.Log{Level: "warn"})
			if err != nil {
				return err
			}
			cfg := config.Default()
			cfg.Name = "tail"
			cfg.Source.URL, cfg.Source.Kind, cfg.Source.Tables = config.NewSecret(url), config.KindOf(url), tables
			return tail(c.Context(), cfg, log, json, width)
		},
	}
	cmd.Flags().BoolVar(&json, "json", false, "print the events themselves, as tailrace run publishes them")
	cmd.Flags().IntVar(&width, "width", 40, "show at most `N` characters of a value; 0 for all")
	return cmd
}

// tailArgs tells the URL, which may come from the environment, from the tables.
func tailArgs(args []string) (url string, tables []string, err error) {
	if len(args) > 0 && strings.Contains(args[0], "://") {
		return args[0], args[1:], nil
	}
	if url = os.Getenv("TAILRACE_SOURCE"); url == "" {
		return "", nil, failure.Usage("see tailrace tail --help",
			"tail needs to know which database: tailrace tail postgres://user:password@host/database (or mysql://, mariadb://), or TAILRACE_SOURCE")
	}
	return url, args, nil
}

// tail follows a source from now on until ctx ends or nobody reads stdout.
func tail(ctx context.Context, cfg config.Config, log *zap.Logger, json bool, width int) (err error) {
	src, connector, err := newSource(cfg, nil, true, log)
	if err != nil {
		return err
	}
	defer func() {
		// What could not be removed is told also after another error.
		err = errors.Join(err, src.Close())
	}()
	// Asked here once more, because at a terminal a typing error in the host
	// should not be tried for half a minute.
	if err := src.Check(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	out := &tailOutput{out: os.Stdout}
	p := &pipeline.Pipeline{
		Name:   cfg.Name,
		Source: &followed{Source: src, say: greet},
		OpenSink: func(context.Context, checkpoint.State) (publish.Publisher, error) {
			return tailSink(out, json, width), nil
		},
		Store:      new(memoryStore),
		NewEncoder: func() encode.Encoder { return encode.NewNative(connector, cfg.Name) },
		TopicName:  func(_, schema, table string) string { return schema + "." + table },
		From:       event.Now,
		Memory:     int64(cfg.Limits.Memory),
		Drain:      5 * time.Second,
		Interval:   time.Second,
		Log:        log.WithOptions(zap.WithCaller(false)),
		Stats:      new(pipeline.Stats),
	}
	if err := p.Run(ctx); err != nil && !out.gone.Load() {
		return err
	}
	return nil
}

func tailSink(out io.Writer, json bool, width int) publish.Publisher {
	lines := stdout.Open(out)
	if json {
		return lines
	}
	return console.NewPublisher(lines, console.Options{
		Color: console.Colored(os.Stdout), Width: width, Zone: time.Local,
	})
}

// greet says on stderr, so that stdout holds nothing but events, that changes
// are seen from now on.
func greet(d capture.Description) {
	what := strings.Join(d.Tables, ", ")
	if len(d.Tables) > 5 {
		what = fmt.Sprintf("%d tables", len(d.Tables))
	}
	fmt.Fprintf(os.Stderr, "watching %s of %s on %s; Ctrl-C ends it\n", what, d.Version, d.Server)
}

// A tailOutput knows afterwards whether its reader has gone, as head does.
type tailOutput struct {
	out  io.Writer
	gone atomic.Bool
}

func (t *tailOutput) Write(b []byte) (int, error) {
	n, err := t.out.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		t.gone.Store(true)
	}
	return n, err
}
