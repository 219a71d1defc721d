package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
)

func positionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "position [show | set POS | diff]",
		Short: "Show, compare or move the place that a pipeline has saved",
		Long: `Position says where a pipeline is: the place in the log up to which everything is
published, as the checkpoint has it, and what the server says of it: from where to
where its log can be read, how many bytes lie behind the place, how much it keeps
for this pipeline and until when, or that the place is gone, and what to do then.
It may be asked at any time, also while the daemon runs: it only looks.

  show      the saved place and the server's own (also without a word)
  diff      what lies between the two: bytes, files, and how old the first of it is
  set POS   move the saved place, while the daemon is stopped

It needs the configuration that tailrace run has, and no more privileges.

Exit codes: 0 shown, or moved; 1 usage, or not agreed to; 3 the pipeline is held
by a running daemon, so that its place can't be moved; 4 it can't be said or
done, and the sentence says why.`,
		Example: `  tailrace position -c tailrace.yaml
  tailrace position -c tailrace.yaml -o json
  tailrace position diff -c tailrace.yaml
  tailrace position set lsn:0/16B3748 -c tailrace.yaml`,
		Args: noArgs,
	}
	looking(cmd, showPosition)
	cmd.AddCommand(positionShowCommand(), positionSetCommand(), positionDiffCommand())
	return cmd
}

func positionShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the saved place and what the server says of it",
		Long: `Show prints what the checkpoint has and what the server says of that place. An
epoch rises when the log itself becomes another one, as after a failover; the last
row is the ver of the last event that is saved as published, and its transaction is
open while not all of it is.

Without a checkpoint it shows what the server has, from which a first start can
take its --from.

Exit codes: 0 shown, also of a place that is lost; 1 usage; 4 the checkpoint or the
server does not tell, and the sentence says why.`,
		Example: `  tailrace position show -c tailrace.yaml
  tailrace position show -c tailrace.yaml -o json | jq .server.behind_bytes`,
		Args: noArgs,
	}
	looking(cmd, showPosition)
	return cmd
}

func positionDiffCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "Say what lies between the saved place and the end of the server's log",
		Long: `Diff says how much the pipeline has yet to read: bytes of log, in which changes of
tables that are not captured are counted too. On MySQL and MariaDB it also says in
which files they are, and when the first transaction among them was committed: it
reads the log up to there. On Postgres that would mean to read the slot, which
diff leaves alone.

Exit codes: 0 said; 1 usage; 4 there is no checkpoint, its place is lost, or the
server does not tell: the sentence says which.`,
		Example: `  tailrace position diff -c tailrace.yaml
  tailrace position diff -c tailrace.yaml -o json`,
		Args: noArgs,
	}
	looking(cmd, diffPosition)
	return cmd
}

// looking has cmd look at a place by do, and write text or JSON.
func looking(cmd *cobra.Command, do func(context.Context, *placed, string) error) {
	var output string
	load := placedFlags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "text", "answer in this `FORM`: text or json")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if output != "text" && output != "json" {
			return failure.Usage("", "-o: %q: expected text or json", output)
		}
		p, err := load()
		if err != nil {
			return err
		}
		defer p.close()
		return do(c.Context(), p, output)
	}
}

// A placed pipeline is its configuration, the store of its place, and what
// measures places on its server.
type placed struct {
	cfg   config.Config
	log   *zap.Logger
	store checkpoint.Store
	place string // of the checkpoint, for people
	gauge capture.Gauge
}

// placedFlags gives cmd the flags of a configuration, and returns what makes of
// them what they name. It connects nowhere.
func placedFlags(cmd *cobra.Command) func() (*placed, error) {
	var path string
	cmd.Flags().StringVarP(&path, "config", "c", "", "read `FILE`, YAML as docs/configuration.md has it")
	flags := settingFlags(cmd)
	return func() (*placed, error) {
		cfg, err := config.Load(path, os.LookupEnv, flags())
		if err != nil {
			return nil, err
		}
		log, err := newLogger(cfg.Log)
		if err != nil {
			return nil, err
		}
		for _, w := range cfg.Warnings {
			log.Warn(w)
		}
		store, _, err := newOutputs(cfg, log)
		if err != nil {
			return nil, err
		}
		gauge, err := newGauge(cfg, log)
		if err != nil {
			return nil, err
		}
		return &placed{cfg: cfg, log: log, store: store, place: checkpointPlace(cfg), gauge: gauge}, nil
	}
}

// checkpointPlace says where the checkpoint of a pipeline is.
func checkpointPlace(cfg config.Config) string {
	if cfg.Publish.Kafka.ExactlyOnce {
		return "kafka:" + cfg.Name + ".checkpoint"
	}
	return cfg.Checkpoint.Path
}

func (p *placed) close() {
	_ = p.gauge.Close() // connections of questions only
	_ = p.store.Close() // what it writes lets the next start begin sooner
}

// lookLimit bounds a look at the server, who may be frozen.
const lookLimit = 30 * time.Second

// look holds a state against the server.
func (p *placed) look(ctx context.Context, st checkpoint.State) (capture.Sight, error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	sight, err := p.gauge.Look(ctx, st)
	if failure.Retryable(err) {
		err = failure.Stop(unreachedHint, "%v", err)
	}
	return sight, err
}

// lookAtSaved is look for the saved state, which it returns as well. A place that
// seems lost may be one that the daemon has left and given up meanwhile.
func (p *placed) lookAtSaved(ctx context.Context) (st checkpoint.State, sight capture.Sight, err error) {
	if st, err = p.store.Load(ctx); err != nil {
		return st, sight, err
	}
	for {
		sight, err = p.look(ctx, st)
		if err != nil || sight.Lost == "" {
			return st, sight, err
		}
		now, err := p.store.Load(ctx)
		if err != nil || now.Position == st.Position {
			return st, sight, err
		}
		st = now
	}
}

// errNoCheckpoint is the error for what needs a place and finds none.
func (p *placed) errNoCheckpoint() error {
	return failure.Stop("start it with tailrace run and --from", "pipeline %s has no checkpoint at %s", p.cfg.Name, p.place)
}
