package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	checkpointkafka "github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
)

func runCommand() *cobra.Command {
	var path string
	var load func() (config.Config, error)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Follow the log until stopped",
		Long: `Run follows the log of the source from the checkpoint on and publishes one
event per changed row, until SIGTERM or SIGINT. It then flushes, saves its place
and exits 0; a second signal ends it at once.

The first start follows the log from now on, and meanwhile copies the rows that
were there before; a copy that was interrupted goes on where it was. With
--snapshot never it copies nothing, and has to be told where to start: --from now.
With --snapshot only it ends when all is copied. Later starts resume at the
checkpoint. tailrace snapshot copies tables again while it runs.

Every flag has a key in the file and an
environment variable; flag > environment > file > default. A password belongs
into TAILRACE_SOURCE or a ${env:X} reference in the file.

Into Kafka, --checkpoint kafka: publishes exactly once: the place is committed in
one transaction with the events, for readers with isolation.level=read_committed.

Places are lsn:… of Postgres, gtid:… or file:NAME:OFFSET of MySQL and MariaDB,
as the log and the checkpoint show them; also earliest, now and time:….

Postgres needs wal_level=logical and a role with REPLICATION that owns the
tables. MySQL and MariaDB need log_bin, binlog_format=ROW, and a user with
REPLICATION SLAVE, REPLICATION CLIENT (MariaDB: BINLOG MONITOR) and SELECT on the
tables. A copy needs SELECT on the tables, and on MySQL LOCK TABLES for those
without a key. tailrace setup prints the statements.

Exit codes: 0 stopped or drained, 1 usage or configuration, 2 a bug, 3 another
instance holds this pipeline, 4 a person is needed: the sentence says for what,
5 the drain limit passed before all was flushed.`,
		Example: `  TAILRACE_SOURCE=postgres://tailrace:secret@localhost/shop \
  tailrace run --publish file:///var/lib/tailrace/events

  TAILRACE_SOURCE=mysql://tailrace:secret@localhost/ \
  tailrace run --table 'shop.*' --snapshot never --from now --publish kafka://broker-1:9092,broker-2:9092

  tailrace run -c tailrace.yaml`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			screen := liveScreen(cfg)
			log, err := newLoggerTo(cfg.Log, screen)
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				log.Warn(w)
			}
			return tell(log, cfg.Log, run(c.Context(), cfg, screen, log))
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", "", "YAML `FILE` (docs/configuration.md)")
	flags := settingFlags(cmd)
	load = func() (config.Config, error) { return config.Load(path, os.LookupEnv, flags()) }
	return cmd
}

// settingFlags gives cmd a flag for every setting that has one. The returned
// function says which were given.
func settingFlags(cmd *cobra.Command) func() []config.Override {
	settings := config.Settings()
	given := make(map[string]*settingFlag)
	for _, s := range settings {
		if s.Flag == "" {
			continue
		}
		usage := strings.ReplaceAll(s.Meaning, "`", "")
		if s.Default != "" {
			usage += " (default " + s.Default + ")"
		}
		if s.Env != "" {
			usage += " [$" + s.Env + "]"
		}
		v := &settingFlag{arg: s.Arg}
		given[s.Flag] = v
		cmd.Flags().Var(v, s.Flag, usage)
	}
	cmd.Flags().SortFlags = false
	return func() []config.Override {
		var all []config.Override
		for _, s := range settings {
			if s.Flag == "" {
				continue
			}
			for _, v := range given[s.Flag].values {
				all = append(all, config.Override{Key: s.Key, Value: v, Origin: "--" + s.Flag})
			}
		}
		return all
	}
}

// A settingFlag keeps what was given, each time it was; package config reads it.
type settingFlag struct {
	arg    string
	values []string
}

func (f *settingFlag) String() string         { return "" }
func (f *settingFlag) Type() string           { return f.arg }
func (f *settingFlag) Set(value string) error { f.values = append(f.values, value); return nil }

// run wires the parts that cfg names and runs the pipeline. screen is where log
// writes to on a terminal, else nil.
func run(ctx context.Context, cfg config.Config, screen *console.Screen, log *zap.Logger) error {
	limitHeap(cfg.Limits)
	store, openSink, err := newOutputs(cfg, log)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // what it writes lets the next start begin sooner
	var claim func() string
	if shared, ok := store.(*checkpointkafka.Store); ok {
		claim = shared.Claim
	}
	src, connector, err := newSource(cfg, claim, false, log)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }() // connections of questions only
	if err := checkPlaces(cfg); err != nil {
		return err
	}
	copies, closeCopies, err := newCopies(cfg, claim, log)
	if err != nil {
		return err
	}
	defer closeCopies()
	place := cfg.Checkpoint.Path
	if cfg.Publish.Kafka.ExactlyOnce {
		place = "kafka:" + cfg.Name + ".checkpoint"
	}
	stats, described, counted := new(pipeline.Stats), &describedSource{Source: src}, &countedSink{open: openSink}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	address, stopAdmin, err := startAdmin(cfg, stats, described, counted, copies, place, giveUp, log)
	if err != nil {
		return err
	}
	p := &pipeline.Pipeline{
		Name:        cfg.Name,
		Source:      described,
		Store:       store,
		OpenSink:    counted.Open,
		NewEncoder:  func() encode.Encoder { return encode.NewNative(connector, cfg.Name) },
		TopicName:   func(db, schema, table string) string { return cfg.Publish.Topic.Name(cfg.Name, db, schema, table) },
		Taken:       taken(cfg),
		Selection:   selection(cfg),
		PartitionBy: partitionBy(cfg.Publish),
		Tombstones:  cfg.Publish.Kafka.Tombstones,
		Control:     cfg.Publish.Truncate == config.TruncateControl,
		From:        cfg.From,
		Until:       cfg.Until,
		Memory:      int64(cfg.Limits.Memory),
		Workers:     encoders(cfg.Source.Kind),
		Drain:       cfg.Limits.Drain,
		Interval:    cfg.Checkpoint.Interval,
		Log:         log.With(zap.String("sink", cfg.Publish.URL), zap.String("checkpoint", place), zap.String("admin", address)),
		Stats:       stats,
		Snapshot:    copies,
	}
	stopProgress := tellProgress(copies.Progress, screen, log)
	err = p.Run(ctx)
	stopProgress()
	var given *failure.StopError
	if err == nil && errors.As(context.Cause(ctx), &given) {
		err = given // it has drained, and nobody could have seen what it does
	}
	stopAdmin(err) // not deferred: after a panic it would tell that all went well
	return err
}

// limitHeap has the garbage collector keep the process near the limit. By its own
// rule it lets the heap grow to twice of what is in use, and what is held is most
// of that. GOMEMLIMIT wins.
func limitHeap(l config.Limits) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(l.Memory)/4*5 + 64<<20)
	}
}

// encoders returns how many encoders run beside the reader, 0 for the pipeline's
// own choice. A server of the MySQL family sends its log in large pieces and needs
// little of a processor for it, so that one for each pays even where there are only
// two; Postgres sends packet by packet, and there a reader that encodes as well
// takes less of both sides (docs/benchmarks.md).
func encoders(kind string) int {
	if kind == config.SourcePostgres {
		return 0
	}
	return runtime.GOMAXPROCS(0)
}

// taken returns the topics that the events of a table would spoil, or be lost in.
// The other sinks keep such records elsewhere.
func taken(cfg config.Config) []string {
	var all []string
	if cfg.Publish.Truncate == config.TruncateControl {
		all = append(all, cfg.Name+".control")
	}
	if cfg.Publish.Sink == config.SinkKafka {
		for _, kind := range []string{"transactions", "progress", "schemas", "checkpoint"} {
			all = append(all, cfg.Name+"."+kind)
		}
		all = append(all, cfg.Publish.DeadLetter)
	}
	return all
}

// selection hashes what decides which events exist and what their bytes are:
// the middle of a transaction can be resumed only under the same (C1.4).
func selection(cfg config.Config) string {
	text, err := json.Marshal([]any{
		cfg.Source.Kind, cfg.Source.Tables, defaultDatabase(cfg.Source), cfg.Source.InsertOnly, cfg.Source.Postgres.Publication,
		cfg.Publish.Format, cfg.Publish.Topic.String(), cfg.Values,
		cfg.Publish.Partition, cfg.Publish.PartitionColumns, cfg.Publish.Kafka.Tombstones,
		cfg.Publish.Truncate,
	})
	if err != nil {
		panic("tailrace: marshal strings: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
