package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/status"
)

func statusCommand() *cobra.Command {
	var path, address, output string
	var live bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say what a running daemon does",
		Long: `Status asks a tailrace run on this machine, or at --admin, what it does: whether
it follows the log, waits for something, or drains; how far it is behind; what it
has saved; and how long the server will keep what it has yet to read. What runs
out is a line of its own, with the setting to change.

It needs the address that the daemon listens on, admin.listen, and nothing else:
neither the secrets of the configuration nor a connection to the database. The
daemon's log names the address at the start.

As the health check of a container that has no shell, --live says nothing and
exits 0 unless only a restart helps: a daemon that waits for a broker is alive.

Exit codes: 0 ready; 1 nobody answers; 4 it answers and is not ready, the sentence
says why; with --live, 0 alive and 4 stuck.`,
		Example: `  tailrace status
  tailrace status -c tailrace.yaml
  tailrace status --admin 10.0.0.7:8085 -o json
  tailrace status --live`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return failure.Usage("", "-o: %q: expected text or json", output)
			}
			var flags []config.Override
			if address != "" {
				flags = append(flags, config.Override{Key: "admin.listen", Value: address, Origin: "--admin"})
			}
			admin, err := config.LoadAdmin(path, os.LookupEnv, flags)
			if err != nil {
				return err
			}
			text, r, err := askStatus(c.Context(), admin)
			switch {
			case err != nil:
				return err
			case live && r.Live:
				return nil
			case live:
				return failure.Stop("", "pipeline %s: %s", r.Pipeline, r.Doing)
			case output == "json":
				_, err = c.OutOrStdout().Write(text)
			default:
				err = printStatus(c.OutOrStdout(), r, console.Colored(os.Stdout))
			}
			if err == nil && !r.Ready {
				err = failure.Stop("", "pipeline %s is not ready: %s", r.Pipeline, r.Why)
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", "", "YAML `FILE` of the daemon, for its admin.listen")
	cmd.Flags().StringVar(&address, "admin", "", "`ADDR` that the daemon listens on (default 127.0.0.1:8085) [$TAILRACE_ADMIN]")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`FORM`: text, or json as /status has it (docs/metrics.md)")
	cmd.Flags().BoolVar(&live, "live", false, "say nothing, and exit 0 unless only a restart helps")
	cmd.Flags().SortFlags = false
	return cmd
}

// askStatus returns the answer of the daemon that listens as admin says, as it
// came and as it was read.
func askStatus(ctx context.Context, admin config.Admin) ([]byte, status.Report, error) {
	client, err := newAdminClient(admin, "the daemon may not run, listen elsewhere (--admin, admin.listen), or have it off")
	if err != nil {
		return nil, status.Report{}, err
	}
	code, text, err := client.call(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return nil, status.Report{}, err
	}
	var r status.Report
	if json.Unmarshal(text, &r) != nil || code != http.StatusOK || r.Phase == "" {
		return nil, status.Report{}, client.stranger(code)
	}
	return text, r, nil
}

// printStatus writes r for people.
func printStatus(out io.Writer, r status.Report, color bool) error {
	p := statusPage{color: color}
	p.head(r)
	p.line("source", r.Source.Server, r.Source.Version, tables(r.Source))
	p.line("sink", sinkOf(r.Sink)...)
	p.line("checkpoint", r.Checkpoint.Place)
	p.line("position", r.Checkpoint.Position)
	p.line("published", fmt.Sprintf("%s of %s changes", console.Count(r.Changes.Published), console.Count(r.Changes.Received)), status.Size(int64(r.Changes.Bytes)))
	p.line("held", fmt.Sprintf("%s of %s", status.Size(r.Changes.HeldBytes), status.Size(r.Changes.LimitBytes)))
	p.line("lag", lagOf(r)...)
	if r.Snapshot != nil && r.Snapshot.Active {
		p.line("copies", copiesOf(*r.Snapshot)...)
	}
	if r.Log != nil {
		p.line("log", logOf(r.Log)...)
	}
	p.line("process", "up "+seconds(r.UptimeSeconds), status.Size(int64(r.MemoryBytes))+" of memory", "tailrace "+r.Version)
	for _, w := range r.Warnings {
		if !strings.Contains(r.Why, w) { // that is in the head already
			p.warn(w)
		}
	}
	_, err := out.Write(p.text)
	return err
}
