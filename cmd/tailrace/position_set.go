package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
)

func positionSetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "set POS",
		Short: "Move the place at which the next tailrace run goes on",
		Long: `Set moves the saved place of a pipeline whose daemon is stopped: forward, to leave
out what lies between, which is then never published; or back, to publish it once
more. POS is what --from of tailrace run takes: a place of the log, earliest, now,
or time:2026-11-21T10:00:00Z. The server says whether it has that place, and one
that it does not have any more is refused: on Postgres, whatever lies before the
slot's place.

It does what a start with --from does, once and without a start: it says from
where to where it goes and what that skips or repeats, asks, and saves. The next
tailrace run goes on there, also with the --from that it always has. A slot of
Postgres that is missing is made, once you have agreed.

What is repeated has the ver that it had before, so that readers can tell. A
transaction that was half published comes again whole. Over how many partitions
the records of a topic of Kafka are spread is forgotten, as with --from.

Exit codes: 0 moved; 1 usage, or not agreed to; 3 a running daemon holds the
pipeline: stop it first; 4 it can't be done, and the sentence says why. Unless
it is 0, the place is where it was; a slot that was to be made may be there.`,
		Example: `  tailrace position set lsn:0/16B3748 -c tailrace.yaml
  tailrace position set file:binlog.000042:157 -c tailrace.yaml
  tailrace position set now -c tailrace.yaml --yes`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return failure.Usage("see "+c.CommandPath()+" --help", "%s takes one place, and %d were given", c.CommandPath(), len(args))
			}
			return nil
		},
	}
	load := placedFlags(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if !yes && !console.IsTerminal(os.Stdin) {
			return failure.Usage("say --yes if you mean it", "nobody can be asked, as stdin is no terminal: nothing was changed")
		}
		p, err := load()
		if err != nil {
			return err
		}
		defer p.close()
		return ofPlace(setPosition(c.Context(), p, args[0], yes))
	}
	return cmd
}

// ofPlace returns an error about a place that was typed as an argument: the
// sources speak of --from.
func ofPlace(err error) error {
	var stop *failure.StopError
	if !errors.As(err, &stop) {
		return err
	}
	stop.Sentence = strings.TrimPrefix(stop.Sentence, "--from ")
	stop.Hint = strings.NewReplacer("check --from:", "check the place:", "--from ", "tailrace position set ").Replace(stop.Hint)
	return err
}

// setPosition moves the saved place as a start with --from does.
func setPosition(ctx context.Context, p *placed, to string, yes bool) error {
	asked := p.cfg
	asked.From, asked.Until = to, ""
	if err := checkPlaces(asked); err != nil {
		return err
	}
	st, err := p.store.Load(ctx)
	if err != nil {
		return err
	}
	if st.Position == "" { // taking it would make one
		return p.errNoCheckpoint()
	}
	if st, err = p.store.Acquire(ctx); err != nil {
		return err
	}
	m, err := p.foresee(ctx, st, to)
	if err != nil {
		return err
	}
	page := statusPage{color: console.Colored(os.Stdout)}
	page.line("pipeline", p.cfg.Name)
	page.line("from", string(st.Position))
	page.line("to", m.to)
	page.line("which", m.skips)
	if t, ok := event.TimeOf(to); ok {
		page.line("and", "leaves out what was committed before "+t)
	}
	if m.slot != "" {
		page.line("makes", "slot "+m.slot+", which is missing, and what is missing of its publications")
	}
	if _, err := os.Stdout.Write(page.text); err != nil {
		return err
	}
	if !yes {
		if err := agreed(ctx, "Move the place? [y/N] "); err != nil {
			return err
		}
	}
	at, err := p.move(ctx, st, to)
	if err != nil {
		if m.slot != "" {
			return fmt.Errorf("slot %s may be there now: %w", m.slot, err)
		}
		return err
	}
	_, err = fmt.Printf("moved to %s: the next tailrace run goes on there\n", at)
	return err
}

// move has the source begin at to, which makes on the server what is missing, and
// saves the place.
func (p *placed) move(ctx context.Context, st checkpoint.State, to string) (event.Position, error) {
	src, err := p.source(ctx, p.log)
	if err != nil {
		return "", err
	}
	defer func() { _ = src.Close() }() // connections of questions only
	next, err := src.Locate(ctx, st, to)
	if err != nil {
		return "", err
	}
	next.Ver = event.Ver{} // the open transaction is sent again whole
	next.Selection = selection(p.cfg)
	next.Partitions = nil // it repeats or skips anyway, so records may be spread anew
	if p.cfg.From != "" {
		// The start that is to come has it too, and must not jump for it.
		next.From = p.cfg.From
	}
	if err := p.store.Save(ctx, next); err != nil {
		return "", fmt.Errorf("save the place: %w", err)
	}
	return next.Position, nil
}
