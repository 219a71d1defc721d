package main

import (
	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/internal/failure"
)

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tailrace",
		Short: "Follow the log of a database: one JSON event per changed row, in order, none lost",
		Long: `Tailrace follows the log of a Postgres, MySQL or MariaDB database and emits
one JSON event per changed row, in commit order, to Kafka, Kinesis, files or
stdout. It remembers its place, stops cleanly on SIGTERM, and resumes after any
crash with nothing lost.

See it work, with a real database and no configuration:   tailrace demo
Watch a database of yours:                                tailrace tail postgres://user:password@host/database
                                                          tailrace tail mysql://user:password@host/database
See what would keep a service from working:               tailrace check -c tailrace.yaml
Run it as a service:                                      tailrace run -c tailrace.yaml`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return failure.Usage("see tailrace --help", "there is no command %q", args[0])
			}
			return nil
		},
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return failure.Usage("see "+c.CommandPath()+" --help", "%s", err)
	})
	cmd.CompletionOptions.HiddenDefaultCmd = true
	cmd.AddCommand(runCommand(), checkCommand(), snapshotCommand(), tailCommand(), setupCommand(), positionCommand(), demoCommand(), statusCommand(), versionCommand())
	return cmd
}

// noArgs refuses arguments with a sentence of class Usage.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return failure.Usage("see "+c.CommandPath()+" --help", "%s takes no argument, and %q was given", c.CommandPath(), args[0])
	}
	return nil
}
