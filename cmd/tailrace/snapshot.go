package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/snapshot"
	"github.com/tailrace/tailrace/status"
)

// A copyAsker asks a running daemon for copies of tables.
type copyAsker struct{ client *adminClient }

func snapshotCommand() *cobra.Command {
	var ask status.SnapshotAsk
	var wait bool
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Copy tables again while the pipeline runs",
		Long: `Snapshot asks a running tailrace run to read tables, or some rows of them, and to
publish each row as an event with "op":"r", while it goes on with the changes. A
reader ends with the newest value of every row, whatever comes first: use it when
a reader has lost rows, or a new one needs those that were there before.

A table is named as source.tables names it, public.orders or shop.*, and must be
captured. --where takes SQL, as it stands behind WHERE in a query of that server;
the daemon's login runs it. Of a table without a key the stream waits while it is
read.

The request is kept with the checkpoint: it survives a restart. Without --wait the
command returns as soon as that is so; list shows what becomes of it.

It needs the address that the daemon listens on, admin.listen, and has to run on
the daemon's machine (kubectl exec, or kubectl port-forward), unless admin.snapshots
is anywhere: docs/snapshots.md.

Exit codes: 0 asked for, with --wait copied; 1 usage, or nobody answers; 4 the
daemon can't, or with --wait a copy has failed or was cancelled: the sentence says
why.`,
		Example: `  tailrace snapshot --table public.orders
  tailrace snapshot --table 'shop.*' --wait
  tailrace snapshot --table public.orders --where "placed >= '2026-01-01'" --wait
  tailrace snapshot list
  tailrace snapshot cancel 3`,
		Args: noArgs,
	}
	load := askerFlags(cmd)
	cmd.Flags().StringArrayVar(&ask.Tables, "table", nil, "copy this table, or those that match this `GLOB` (repeats)")
	cmd.Flags().StringVar(&ask.Where, "where", "", "of the rows only those that meet this `SQL`")
	cmd.Flags().BoolVar(&wait, "wait", false, "show how far it is, and return when it is done")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if len(ask.Tables) == 0 {
			return failure.Usage("name one with --table, as in --table public.orders; tailrace snapshot list shows copies that there are", "nothing was said of which tables to copy")
		}
		if c.Flags().Changed("where") && strings.TrimSpace(ask.Where) == "" {
			return failure.Usage("leave it out to copy all rows", "--where is empty")
		}
		a, err := load()
		if err != nil {
			return err
		}
		asked, err := a.ask(c.Context(), ask)
		if err != nil {
			return err
		}
		for _, e := range asked {
			fmt.Println("asked for " + copyName(e) + aboutRows(e))
		}
		if !wait {
			fmt.Println("see how far it is with: tailrace snapshot list")
			return nil
		}
		return a.follow(c.Context(), asked, os.Stdout)
	}
	cmd.AddCommand(snapshotListCommand(), snapshotCancelCommand())
	return cmd
}

func snapshotListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the copies that a running daemon makes, and those that ended last",
		Long: `List shows what is copied, what waits for its turn and for what, and how the last
copies ended that the daemon remembers. A number in the first column is that of
cancel; "first" is the first copy of a table, which nobody asked for.

Exit codes: 0 shown; 1 usage, or nobody answers.`,
		Example: `  tailrace snapshot list
  tailrace snapshot list --admin 10.0.0.7:8085
  tailrace snapshot list -o json | jq '.copies[] | select(.status == "failed")'`,
		Args: noArgs,
	}
	load := askerFlags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "text", "answer in this `FORM`: text, or json as /snapshots has it (docs/snapshots.md)")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if output != "text" && output != "json" {
			return failure.Usage("", "-o: %q: expected text or json", output)
		}
		a, err := load()
		if err != nil {
			return err
		}
		text, page, err := a.list(c.Context())
		switch {
		case err != nil:
			return err
		case output == "json":
			_, err = c.OutOrStdout().Write(text)
			return err
		}
		return printCopies(c.OutOrStdout(), page)
	}
	return cmd
}

func snapshotCancelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "End a copy that was asked for",
		Long: `Cancel ends a copy that somebody has asked for. Rows that were published stay where
they are. The ID is the number that list shows.

Exit codes: 0 cancelled; 1 usage, there is no such copy, or nobody answers; 4 the
daemon can't, and the sentence says why.`,
		Example: `  tailrace snapshot cancel 3`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return failure.Usage("tailrace snapshot list shows them", "%s takes the number of one copy", c.CommandPath())
			}
			return nil
		},
	}
	load := askerFlags(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		id, err := strconv.ParseUint(args[0], 10, 64)
		if err != nil || id == 0 {
			return failure.Usage("tailrace snapshot list shows them", "%q is not the number of a copy", args[0])
		}
		a, err := load()
		if err != nil {
			return err
		}
		if err := a.cancel(c.Context(), id); err != nil {
			return err
		}
		fmt.Printf("cancelled copy %d; rows that were published stay\n", id)
		return nil
	}
	return cmd
}

// askerFlags gives cmd the flags that say where the daemon is, and returns what makes
// of them whoever asks it.
func askerFlags(cmd *cobra.Command) func() (*copyAsker, error) {
	var path, address string
	cmd.Flags().StringVarP(&path, "config", "c", "", "YAML `FILE` of the daemon, for its admin.listen")
	cmd.Flags().StringVar(&address, "admin", "", "`ADDR` that the daemon listens on (default 127.0.0.1:8085) [$TAILRACE_ADMIN]")
	cmd.Flags().SortFlags = false
	return func() (*copyAsker, error) {
		var flags []config.Override
		if address != "" {
			flags = append(flags, config.Override{Key: "admin.listen", Value: address, Origin: "--admin"})
		}
		admin, err := config.LoadAdmin(path, os.LookupEnv, flags)
		if err != nil {
			return nil, err
		}
		client, err := newAdminClient(admin, "copies are made by a running daemon: start tailrace run, or say where it listens (--admin, admin.listen)")
		if err != nil {
			return nil, err
		}
		return &copyAsker{client}, nil
	}
}

// ask asks for copies, and returns them as they were taken.
func (a *copyAsker) ask(ctx context.Context, ask status.SnapshotAsk) ([]snapshot.Entry, error) {
	a.client.wait = status.AskTime + adminPatience // the daemon may take that long
	code, text, err := a.client.call(ctx, http.MethodPost, "/snapshots", ask)
	if err != nil {
		return nil, err
	}
	var answer status.SnapshotAsked
	if code != http.StatusAccepted || json.Unmarshal(text, &answer) != nil {
		return nil, a.refused(code, text)
	}
	return answer.Copies, nil
}

// list returns all copies, as they came and as they were read.
func (a *copyAsker) list(ctx context.Context) ([]byte, status.SnapshotPage, error) {
	var page status.SnapshotPage
	a.client.wait = adminPatience
	code, text, err := a.client.call(ctx, http.MethodGet, "/snapshots", nil)
	if err == nil && (code != http.StatusOK || json.Unmarshal(text, &page) != nil) {
		err = a.refused(code, text)
	}
	return text, page, err
}

func (a *copyAsker) cancel(ctx context.Context, id uint64) error {
	a.client.wait = status.AskTime + adminPatience
	code, text, err := a.client.call(ctx, http.MethodDelete, "/snapshots/"+strconv.FormatUint(id, 10), nil)
	if err == nil && code != http.StatusNoContent {
		err = a.refused(code, text)
	}
	return err
}

// refused is the error that a daemon has answered with.
func (a *copyAsker) refused(code int, text []byte) error {
	var answer status.SnapshotError
	switch {
	case json.Unmarshal(text, &answer) != nil || answer.Error == "":
		return a.client.stranger(code)
	case code == http.StatusBadRequest:
		return failure.Usage(clean(answer.Hint), "%s", clean(answer.Error))
	}
	return failure.Stop(clean(answer.Hint), "%s", clean(answer.Error))
}

// copyName is how a copy is called in a sentence.
func copyName(e snapshot.Entry) string {
	name := "copy " + strconv.FormatUint(e.ID, 10) + " of "
	if e.ID == 0 {
		name = "the first copy of "
	}
	name += clean(e.Table)
	if e.Where != "" {
		name += " where " + clean(strings.TrimSpace(e.Where))
	}
	return name
}

func aboutRows(e snapshot.Entry) string {
	if e.Estimate <= 0 {
		return ""
	}
	return " (about " + console.Count(uint64(e.Estimate)) + " rows)"
}
