package main

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
)

func checkCommand() *cobra.Command {
	var path, output string
	var load func() (config.Config, error)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say everything that would keep run from working, with what mends it; change nothing",
		Long: `Check asks the source, the sink and the checkpoint whether run would work with the
same settings, and names every reason why not at once, each with the statement or
action that mends it. Use it before the first start, after a change of settings,
and when run has stopped.

It changes nothing: it makes no slot, publication, topic, stream, folder or file,
takes no checkpoint from anybody, and writes no record. What it looks at: the
server's settings, the privileges, slot and publication, the tables and their
replica identity, whether the log still has the place of the checkpoint, and for how
long the server keeps it; topics or streams, the right to write to them, and settings
under which a cluster may lose what it has acknowledged, or a stream its order;
whether the checkpoint can be read, locked and saved. Beside a daemon that runs with
the same settings it says so, and leaves out what only the holder can know.

✗ is a reason: run would stop. ! is a warning: run works, and something may cost
changes or time later, as a server that keeps its log for hours only. That there
is no checkpoint yet is a warning too, since --from is said once, for one start;
with --from here that start is checked.

Every flag of run works here. Each part takes at most ten seconds.

Exit codes: 0 ready, warnings or not; 1 not ready, or the settings are wrong.`,
		Example: `  tailrace check -c tailrace.yaml
  tailrace check -c tailrace.yaml --snapshot never --from now
  tailrace check -c tailrace.yaml -o json | jq -r '.findings[] | select(.level == "error") | .fix'`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return failure.Usage("", "-o: %q: expected text or json", output)
			}
			var r *report
			cfg, err := load()
			switch {
			case err == nil:
				r = check(c.Context(), cfg)
			case output == "json":
				r = new(report)
				r.part("settings").refuse(err)
			default:
				return err
			}
			if c.Context().Err() != nil {
				return failure.Usage("", "interrupted before everything was checked")
			}
			if output == "json" {
				err = r.writeJSON(os.Stdout)
			} else {
				err = r.write(os.Stdout, console.Colored(os.Stdout))
			}
			if err == nil && !r.ready() {
				err = &toldError{failure.Usage("", "not ready")}
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", "", "read `FILE`, YAML as docs/configuration.md has it")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "answer in this `FORM`: text or json")
	flags := settingFlags(cmd)
	load = func() (config.Config, error) { return config.Load(path, os.LookupEnv, flags()) }
	return cmd
}

// checkLimit is how long a part may take.
const checkLimit = 10 * time.Second

// check looks at all that run would need. What one part needs of another, the
// checkpoint's place and the tables, is asked for first.
func check(ctx context.Context, cfg config.Config) *report {
	r := new(report)
	settings, source, sink, store := r.part("settings"), r.part("source"), r.part("sink"), r.part("checkpoint")
	for _, w := range cfg.Warnings {
		settings.warn(w, "")
	}
	var st checkpoint.State
	var src *checkedSource
	together(
		func() {
			ctx, cancel := context.WithTimeout(ctx, checkLimit)
			defer cancel()
			st = checkStore(ctx, cfg, store)
		},
		func() {
			ctx, cancel := context.WithTimeout(ctx, checkLimit)
			defer cancel()
			src = checkSource(ctx, cfg, source)
		},
		func() { checkAdmin(ctx, cfg, r.part("admin")) },
	)
	together(
		func() {
			ctx, cancel := context.WithTimeout(ctx, checkLimit)
			defer cancel()
			src.checkPlace(ctx, cfg, st, store.found(failure.ExitFenced))
		},
		func() {
			ctx, cancel := context.WithTimeout(ctx, checkLimit)
			defer cancel()
			checkSink(ctx, cfg, st, src.tables, sink)
		},
	)
	src.close()
	checkResume(cfg, st, store)
	if store.found(failure.ExitFenced) {
		// A second start would be refused, and nothing is wrong with the settings.
		for _, p := range r.parts {
			p.excuse(p == store)
		}
	}
	return r
}

// together runs functions side by side until all have returned.
func together(all ...func()) {
	var running sync.WaitGroup
	for _, f := range all {
		running.Go(f)
	}
	running.Wait()
}
