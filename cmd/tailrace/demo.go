package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
)

// demoOptions are what a user may choose.
type demoOptions struct {
	length time.Duration // of the shop's business
	rate   float64       // transactions per second
	dir    string        // for the events; "" for a new one
	source string        // kind of database, as in config.Source.Kind
}

func demoCommand() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work, for real, on this machine",
		Long: `Demo starts a database of its own in a throw-away folder and a small shop in it,
which has rows already. As tailrace run does, it copies these, while it follows
the changes that the shop goes on to make: each event is written to a file and,
once it is there, shown as one line. After 20 seconds, or Ctrl-C, it stops, makes
tables in memory out of the events in the file, and compares them with those of
the database: with the rows that were there before, and with all changes.

It exits 0 only if they are equal, row for row. The events are kept, and their
place is printed; all else is removed. PostgreSQL is downloaded by the first
demo (some 10 MB) and kept in the user's cache. MySQL and MariaDB must be on this
machine already; one that runs is left alone. Databases refuse to run as root, so
the demo of root runs as the user nobody.`,
		Example: `  tailrace demo
  tailrace demo --source mysql
  tailrace demo --source mariadb
  tailrace demo --for 1m --rate 200 --dir ./events`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.length <= 0 {
				return failure.Usage("write it as 20s or 1m30s", "--for %s is no time to watch", o.length)
			}
			if o.rate <= 0 || o.rate > 10_000 {
				return failure.Usage("use 0.1 to 10000 transactions per second", "--rate %g is not one that can be kept", o.rate)
			}
			if !slices.Contains(demoSources, o.source) {
				return failure.Usage("use postgres, mysql or mariadb", "--source %q is no database of the demo", o.source)
			}
			return demo(c.Context(), o)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.dir, "dir", "", "keep the events in `FOLDER`, which must be empty or missing (default: a new one for temporary files)")
	cmd.AddCommand(demoInsideCommand())
	return cmd
}

// demoSources are the databases that a demo can have.
var demoSources = []string{config.SourcePostgres, config.SourceMySQL, config.SourceMariaDB}

// flags are those that the demo passes on to its inside.
func (o *demoOptions) flags(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&o.length, "for", 20*time.Second, "stop after this `DURATION`")
	cmd.Flags().StringVar(&o.source, "source", config.SourcePostgres, "use this `DATABASE`: postgres, mysql or mariadb")
	cmd.Flags().Float64Var(&o.rate, "rate", 8, "commit `N` transactions per second")
}

// demo runs the inside of the demo as a process of its own, because it may have
// to be another user's, and because what that process leaves when it is killed
// has to be cleaned up by somebody.
func demo(ctx context.Context, o demoOptions) error {
	dir, err := eventFolder(o.dir)
	if err != nil {
		return err
	}
	stage, err := newStage()
	if err != nil {
		return errors.Join(err, os.Remove(dir))
	}
	err = stage.run(ctx, o)
	kept, keepErr := keepEvents(stage.events(), dir)
	err = errors.Join(err, keepErr, stage.close())
	if kept {
		fmt.Println("the events are in " + filepath.Join(dir, demoTopic+".ndjson"))
		return err
	}
	return errors.Join(err, os.Remove(dir))
}

// eventFolder makes the folder for the events that are kept.
func eventFolder(dir string) (string, error) {
	if dir == "" {
		dir, err := os.MkdirTemp("", "tailrace-events-")
		if err != nil {
			return "", failure.StopFrom(err, "name a folder with --dir", "there is no place for the events")
		}
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", failure.StopFrom(err, "name another one with --dir", "there is no place for the events")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", failure.StopFrom(err, "name another one with --dir", "there is no place for the events")
	}
	if len(entries) > 0 {
		return "", failure.Usage("name an empty or a new one", "--dir %s is not empty", dir)
	}
	return dir, nil
}

// keepEvents copies the files of events, if there are any, to where the user
// can read them whoever ran the demo.
func keepEvents(from, to string) (kept bool, err error) {
	files, err := filepath.Glob(filepath.Join(from, "*.ndjson"))
	if err != nil || len(files) == 0 {
		return false, err
	}
	source, err := os.OpenRoot(from) // no link in there leads out
	if err != nil {
		return false, fmt.Errorf("keep the events: %w", err)
	}
	defer source.Close()
	for _, file := range files {
		name := filepath.Base(file)
		text, err := fs.ReadFile(source.FS(), name)
		if err != nil {
			return kept, fmt.Errorf("keep the events: %w", err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			return kept, fmt.Errorf("keep the events: %w", err)
		}
		kept = true
	}
	return kept, nil
}

// endedAs turns how the inside ended into this process's error. What an exit
// code stands for was told by the inside.
func endedAs(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if code := exit.ExitCode(); code > 0 {
		return &toldError{&failure.StopError{Sentence: "the demo failed", Code: code}}
	}
	return failure.Stop("run it again", "the demo was ended from outside (%s)", exit)
}
