package main

import (
	"context"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
)

// setupVariable is the environment variable for --as.
const setupVariable = "TAILRACE_SETUP_URL"

// setupOptions are what setup has beside the settings of a pipeline.
type setupOptions struct {
	as     string
	flavor string
	apply  bool
	remove bool
	yes    bool
}

func setupCommand() *cobra.Command {
	var path string
	var o setupOptions
	var load func() (config.Config, error)
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Print the SQL that makes a source ready, or run it",
		Long: `Setup prints what the source of a pipeline needs, to be read, kept and run by
whoever administers the server: the user that source.url names, with the least
privileges that do; for Postgres the publications and the replication slot; and,
as comments, the settings that no SQL changes or that need a restart, in the
words of whoever runs the server: yourself, RDS, Aurora, Cloud SQL or Azure.

With --as, the URL of somebody whom the server lets do that, it looks at the
server first, and prints what is missing there. Globs in source.tables need that,
as only the server knows what they match. With --apply it then runs the
statements, one by one, after asking. That may be repeated: what is there already
is left as it is, but for the privileges on MySQL and MariaDB, which are granted
once more and stay as they are. The database of --as does not matter.

The password of source.url is never printed. Printed statements have <password>
in its place; --apply puts it there.

A Postgres keeps its log for a slot from the moment it is made until it is read:
start the pipeline soon, and when it is given up for good, take slot and
publications away with --remove. Users and tables are never removed. MySQL and
MariaDB keep nothing for anybody.

Exit codes: 0 printed, or all is there; 1 usage, not agreed to or interrupted; 3 the slot
is read by somebody, so that it can't be removed; 4 it can't be done, and the
sentence says why.`,
		Example: `  tailrace setup -c tailrace.yaml > setup.sql
  tailrace setup -c tailrace.yaml --flavor rds
  TAILRACE_SETUP_URL=postgres://postgres:secret@localhost/ tailrace setup -c tailrace.yaml --apply
  tailrace setup -c tailrace.yaml --as mysql://root@localhost/ --apply
  tailrace setup -c tailrace.yaml --as postgres://postgres@localhost/ --remove`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.apply && o.remove {
				return failure.Usage("choose one", "--apply makes what --remove takes away")
			}
			if !slices.Contains(capture.Flavors(), capture.Flavor(o.flavor)) {
				return failure.Usage("use auto, plain, rds, aurora, cloudsql or azure", "--flavor %s is not known", o.flavor)
			}
			cfg, err := load()
			if err != nil {
				return err
			}
			log, err := newLogger(cfg.Log)
			if err != nil {
				return err
			}
			if holdsPassword(o.as) {
				cfg.Warnings = append(cfg.Warnings, "--as holds a password, which the process list shows: put the URL into "+setupVariable)
			}
			for _, w := range cfg.Warnings {
				log.Warn(w)
			}
			if o.as == "" {
				o.as = os.Getenv(setupVariable)
			}
			return setup(c.Context(), cfg, o, log)
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", "", "read `FILE`, YAML as docs/configuration.md has it")
	cmd.Flags().StringVar(&o.as, "as", "", "log in by `URL`, of who administers the server, written as source.url [$"+setupVariable+"]")
	cmd.Flags().StringVar(&o.flavor, "flavor", string(capture.Auto), "who runs the server: auto, plain, rds, aurora, cloudsql or azure")
	cmd.Flags().BoolVar(&o.apply, "apply", false, "run the statements, as --as says")
	cmd.Flags().BoolVar(&o.remove, "remove", false, "drop slot and publications, as --as says")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask before statements are run")
	flags := settingFlags(cmd)
	load = func() (config.Config, error) { return config.Load(path, os.LookupEnv, flags()) }
	return cmd
}

// holdsPassword reports whether a URL has a password in it, wherever.
func holdsPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return true // it may
	}
	_, has := u.User.Password()
	return has || strings.Contains(strings.ToLower(u.RawQuery), "password=")
}

// newSetup returns the setup of the source that cfg names.
func newSetup(cfg config.Config, o setupOptions, log *zap.Logger) (capture.Setup, error) {
	flavor, copies := capture.Flavor(o.flavor), cfg.Source.Snapshot != config.SnapshotNever
	if cfg.Source.Kind == config.SourcePostgres {
		return postgres.NewSetup(postgresConfig(cfg, nil, false, log), o.as, flavor, copies)
	}
	return mysql.NewSetup(mysqlConfig(cfg, nil, false, log), o.as, flavor, copies)
}

func setup(ctx context.Context, cfg config.Config, o setupOptions, log *zap.Logger) error {
	s, err := newSetup(cfg, o, log)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // nothing depends on how it ends
	switch {
	case o.remove:
		return removeSetup(ctx, cfg, s, o.yes)
	case o.apply && o.as == "":
		return failure.Usage("say with --as URL or "+setupVariable+" who administers the server", "nothing was said of who may run the statements")
	}
	plan, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	if o.apply {
		return applySetup(ctx, s, plan, o.yes)
	}
	return printPlan(os.Stdout, cfg.Name, plan)
}
