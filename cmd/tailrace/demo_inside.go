package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/file"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/replay"
	"github.com/tailrace/tailrace/internal/shop"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/publish"
	filesink "github.com/tailrace/tailrace/publish/file"
)

const (
	insideName = "inside"
	// demoTopic is the one topic of all tables, so that its file is the whole
	// story in commit order.
	demoTopic = "shop"
)

// An inside is the process of a demo that does the work.
type inside struct {
	demoOptions
	own   string // folder that it may write to
	cache string

	screen *console.Screen
	db     *demoDatabase
	shop   *shop.Shop
	tables []string
	stats  pipeline.Stats
	sink   *console.Follower
}

func demoInsideCommand() *cobra.Command {
	var d inside
	cmd := &cobra.Command{
		Use:    insideName,
		Short:  "What tailrace demo runs",
		Hidden: true,
		Args:   noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			// The guard's pipe must end with this process, not with the database.
			syscall.CloseOnExec(3)
			ctx, cancel := context.WithCancel(c.Context())
			defer cancel()
			go obey(cancel)
			d.screen = console.NewTerminal(os.Stdout)
			defer d.screen.Status("")
			return d.run(ctx)
		},
	}
	d.flags(cmd)
	cmd.Flags().StringVar(&d.own, "own", "", "")
	cmd.Flags().StringVar(&d.cache, "cache", "", "")
	return cmd
}

// obey waits for the order to stop. Without a word more the demo is gone, and
// with it the reason to go on: the guard removes what this process leaves.
func obey(stop func()) {
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		stop()
	}
	os.Exit(failure.ExitStop)
}

func (d *inside) run(ctx context.Context) error {
	var err error
	if d.db, err = openDatabase(ctx, d.source, d.own, d.cache, d.screen); err != nil {
		return err
	}
	defer d.db.close()
	if err := d.db.shop.Create(ctx); err != nil {
		return err
	}
	d.shop = shop.New(d.db.shop, uint64(time.Now().UnixNano()))
	if err := d.shop.Fill(ctx); err != nil {
		return err
	}
	if err := d.follow(ctx); err != nil {
		return err
	}
	d.screen.Status("replaying the events")
	return d.compare(context.WithoutCancel(ctx))
}

// open returns the source that is followed, and how its events name its kind.
func (d *inside) open() (capture.Source, string, error) {
	log, err := newLogger(config.Log{Level: "warn", Format: "console"})
	if err != nil {
		return nil, "", err
	}
	return newSource(d.config(), nil, false, log)
}

// config is what a user would have to say of source and copy.
func (d *inside) config() config.Config {
	cfg := config.Default()
	cfg.Name, cfg.Limits.Memory = "demo", 64<<20
	cfg.Source.URL, cfg.Source.Kind = config.NewSecret(d.db.url), d.source
	if cfg.Source.Kind != config.SourcePostgres {
		cfg.Source.Tables = []string{"shop.*"}
	}
	return cfg
}

// follow runs shop and pipeline until the time is over or ctx ends, and until
// all that was committed has been published.
func (d *inside) follow(ctx context.Context) error {
	src, connector, err := d.open()
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }() // connections of questions only
	store := file.New(filepath.Join(d.own, "checkpoint.json"), "demo")
	defer func() { _ = store.Close() }() // nothing is written by it
	log, err := newLogger(config.Log{Level: "warn", Format: "console"})
	if err != nil {
		return err
	}
	cfg := d.config()
	copies, closeCopies, err := newCopies(cfg, nil, log)
	if err != nil {
		return err
	}
	defer closeCopies()
	open := make(chan struct{})
	p := &pipeline.Pipeline{
		Name: "demo",
		Source: &followed{Source: src, say: func(about capture.Description) {
			d.tables = about.Tables
			close(open)
		}},
		OpenSink:   d.openSink,
		Store:      store,
		NewEncoder: func() encode.Encoder { return encode.NewNative(connector, "demo") },
		TopicName:  func(_, _, _ string) string { return demoTopic },
		Snapshot:   copies,
		Memory:     int64(cfg.Limits.Memory),
		Drain:      10 * time.Second,
		Interval:   100 * time.Millisecond,
		Log:        log,
		Stats:      &d.stats,
	}
	// Not ended by ctx: what was committed before is to arrive.
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan struct{})
	var runErr error
	go func() {
		defer close(ended)
		runErr = p.Run(following)
	}()
	select {
	case <-open:
		err = d.trade(ctx, ended)
	case <-ended:
	case <-ctx.Done():
		err = errBeforeBegin
	}
	stop()
	<-ended
	if runErr != nil {
		return runErr
	}
	return err
}

func (d *inside) openSink(context.Context, checkpoint.State) (publish.Publisher, error) {
	events, err := filesink.Open(filepath.Join(d.own, "events"))
	if err != nil {
		return nil, err
	}
	d.sink = console.NewFollower(events, d.screen, console.Options{
		Color: console.Colored(os.Stdout), Width: 36, Zone: time.Local,
	})
	return d.sink, nil
}

// trade lets the shop do its business, then waits for what it has committed.
func (d *inside) trade(ctx context.Context, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, d.length)
	defer cancel()
	over := make(chan struct{})
	status := make(chan struct{})
	go func() {
		defer close(status)
		d.showStatus(over)
	}()
	defer func() {
		close(over)
		<-status
	}()
	go func() {
		select {
		case <-ended:
			cancel() // there is nobody to trade for
		case <-ctx.Done():
		}
	}()
	if err := d.shop.Run(ctx, d.rate); err != nil {
		return err
	}
	return d.arrive(context.WithoutCancel(ctx), ended)
}

// arrive waits until everything that the server has committed is published, and what
// was there before is copied.
func (d *inside) arrive(ctx context.Context, ended <-chan struct{}) error {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	questions, _, err := d.open() // the pipeline's own source is the pipeline's
	if err != nil {
		return err
	}
	defer func() { _ = questions.Close() }() // it has only asked
	_, newest, err := questions.Range(ctx)
	if err != nil {
		return err
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !questions.Reached(d.stats.Position(), newest) || !d.copied() {
		select {
		case <-again.C:
		case <-ended:
			return nil // the pipeline says why
		case <-ctx.Done():
			return failure.Stop("report this as a bug, with the events", "what was committed did not arrive within %s", patience)
		}
	}
	return nil
}

// copied reports whether the checkpoint says that no table is left to copy.
func (d *inside) copied() bool {
	s := d.stats.State().Snapshot
	return s != nil && len(s.Copies) == 0
}

// compare replays the events and says whether they make the source's tables.
func (d *inside) compare(ctx context.Context) error {
	tables, err := replay.Read(filepath.Join(d.own, "events"))
	if err != nil {
		return failure.StopFrom(err, "report this as a bug, with the events", "the events can't be replayed")
	}
	results, err := d.db.compare(ctx, tables, d.tables)
	if err != nil {
		return err
	}
	d.screen.Status("")
	var b strings.Builder
	fmt.Fprintln(&b)
	unequal := 0
	for _, r := range results {
		verdict := "equal"
		if n := len(r.Differences); n > 0 {
			verdict = fmt.Sprintf("%d differences", n)
			unequal++
		}
		fmt.Fprintf(&b, "%-20s %8s events %8s rows   %s\n", r.Table, console.Count(uint64(r.Events)), console.Count(uint64(r.Rows)), verdict)
		const most = 10
		for i, difference := range r.Differences {
			if i == most {
				fmt.Fprintf(&b, "    and %d more\n", len(r.Differences)-most)
				break
			}
			fmt.Fprintf(&b, "    %s\n", difference)
		}
	}
	replayed := fmt.Sprintf("replayed %s events into %d tables", console.Count(uint64(tables.Events())), len(results))
	if unequal == 0 {
		fmt.Fprintf(&b, "%s: equal to the source, row for row\n", replayed)
	}
	if _, err := d.screen.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("show the result: %w", err)
	}
	if unequal > 0 {
		return failure.Stop("report this as a bug, with the events", "%s: %d of them differ from the source", replayed, unequal)
	}
	return nil
}
