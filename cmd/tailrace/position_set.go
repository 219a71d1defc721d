package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	checkpointkafka "github.com/tailrace/tailrace/checkpoint/kafka"
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
tailrace run goes on there, also with the --from that it always has.

What is repeated has the ver that it had before, so that readers can tell. A
transaction that was half published comes again whole. Over how many partitions
the records of a topic of Kafka are spread is forgotten, as with --from.

Exit codes: 0 moved; 1 usage, or not agreed to; 3 a running daemon holds the
pipeline: stop it first; 4 it can't be done, and the sentence says why. Unless
it is 0, the place is where it was.`,
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
		return setPosition(c.Context(), p, args[0], yes)
	}
	return cmd
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
	next, skips, err := p.locate(ctx, st, to)
	if err != nil {
		return err
	}
	page := statusPage{color: console.Colored(os.Stdout)}
	page.line("pipeline", p.cfg.Name)
	page.line("from", string(st.Position))
	page.line("to", string(next.Position))
	page.line("which", skips)
	if t, ok := event.TimeOf(to); ok {
		page.line("and", "leaves out what was committed before "+t)
	}
	if _, err := os.Stdout.Write(page.text); err != nil {
		return err
	}
	if !yes {
		if err := agreed(ctx, "Move the place? [y/N] "); err != nil {
			return err
		}
	}
	next.Ver = event.Ver{} // the open transaction is sent again whole
	next.Selection = selection(p.cfg)
	next.Partitions = nil // it repeats or skips anyway, so records may be spread anew
	if p.cfg.From != "" {
		// The start that is to come has it too, and must not jump for it.
		next.From = p.cfg.From
	}
	if err := p.store.Save(ctx, next); err != nil {
		return fmt.Errorf("save the place: %w", err)
	}
	_, err = fmt.Println("moved: the next tailrace run goes on there")
	return err
}

// locate has the source decide where a start at to begins, and says what that
// skips or repeats.
func (p *placed) locate(ctx context.Context, st checkpoint.State, to string) (next checkpoint.State, skips string, err error) {
	var claim func() string
	if shared, ok := p.store.(*checkpointkafka.Store); ok {
		claim = shared.Claim
	}
	src, _, err := newSource(p.cfg, claim, false, p.log)
	if err != nil {
		return st, "", err
	}
	defer func() { _ = src.Close() }() // connections of questions only
	// What Postgres publishes goes into the state, and Check finds it out.
	if err := src.Check(ctx); err != nil {
		return st, "", err
	}
	if next, err = src.Locate(ctx, st, to); err != nil {
		return st, "", err
	}
	skips, err = p.skips(ctx, src, st, next)
	return next, skips, err
}

// skips says what a move from one state to the next skips or repeats. The log grows
// while it is measured, so that the number is not exact.
func (p *placed) skips(ctx context.Context, src capture.Source, st, next checkpoint.State) (string, error) {
	if next.Source != st.Source || next.Epoch != st.Epoch {
		return "is in another log than the saved place: nobody can say what lies between", nil
	}
	if next.Position == st.Position {
		return "is the same place: what is published behind it comes again", nil
	}
	from, err := p.look(ctx, st)
	if err != nil {
		return "", err
	}
	target, err := p.look(ctx, next)
	if err != nil {
		return "", err
	}
	much := "what lies between"
	if from.Behind != capture.Unknown && target.Behind != capture.Unknown {
		n := from.Behind - target.Behind
		much = "about " + bytesText(max(n, -n)) + " of log"
	}
	if src.Reached(next.Position, st.Position) {
		return "skips " + much + ": its changes are not published", nil
	}
	return "repeats " + much + ": its changes are published once more", nil
}
