package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

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

const (
	statusPatience = 10 * time.Second
	maxStatus      = 1 << 20 // bytes of an answer
)

// askStatus returns the answer of the daemon that listens as admin says, as it
// came and as it was read.
func askStatus(ctx context.Context, admin config.Admin) ([]byte, status.Report, error) {
	address, err := dialAddress(admin)
	if err != nil {
		return nil, status.Report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/status", nil)
	if err != nil {
		return nil, status.Report{}, failure.Usage("", "admin.listen: %s is no address", address)
	}
	// No proxy from the environment: whoever names an address means it.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return nil, status.Report{}, noAnswer(ctx, address, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxStatus))
	var r status.Report
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil || response.StatusCode != http.StatusOK || r.Phase == "" {
		return nil, status.Report{}, failure.Usage("give the address of the daemon's admin.listen with --admin", "what answers at %s is not tailrace run (HTTP %s)", address, response.Status)
	}
	return text, r, nil
}

// noAnswer is the error for an address whose answer was err. A daemon that is
// frozen is connected to, and says nothing.
func noAnswer(ctx context.Context, address string, err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // without the page
	}
	var dial *net.OpError
	dialing := errors.As(err, &dial) && dial.Op == "dial"
	switch {
	case ctx.Err() != nil:
		err = errors.New("not within " + status.Span(statusPatience))
	case dialing:
		err = dial.Err
	default:
		return failure.Usage("give the address of the daemon's admin.listen with --admin", "what answers at %s is not tailrace run (%v)", address, err)
	}
	return failure.Usage("the daemon may not run, listen elsewhere (--admin, admin.listen), or have it off", "nobody answers at %s: %v", address, err)
}

// dialAddress is where a daemon that listens as admin says is asked from this
// machine.
func dialAddress(admin config.Admin) (string, error) {
	host, port, err := net.SplitHostPort(admin.Listen)
	switch {
	case admin.Listen == "" || err != nil:
		return "", failure.Usage("give an address there, and start the daemon anew", "admin.listen is off, so the daemon does not tell what it does")
	case port == "0":
		return "", failure.Usage("give the address that the daemon's log names, with --admin", "admin.listen has port 0, so the daemon listens on whichever was free")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
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
