package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/snapshot"
	"github.com/tailrace/tailrace/status"
)

// newCopies returns the copies of tables of the pipeline that cfg describes, and
// what closes their connections. Whatever the mode is, copies may be asked for. The
// error is one of usage; it connects nowhere.
func newCopies(cfg config.Config, claim func() string, log *zap.Logger) (*snapshot.Copies, func(), error) {
	copier, err := newCopier(cfg, claim, log)
	if err != nil {
		return nil, nil, err
	}
	return snapshot.New(snapshot.Config{
		Copier:      copier,
		Mode:        snapshot.Mode(cfg.Source.Snapshot),
		CopyNew:     cfg.Source.Kind == config.SourcePostgres,
		Namespace:   cmp.Or(map[string]string{config.SourcePostgres: "public"}[cfg.Source.Kind], defaultDatabase(cfg.Source)),
		Connections: cfg.Snapshot.Connections,
		RowsPerSec:  cfg.Snapshot.RowsPerSecond,
		Chunk:       cfg.Snapshot.Chunk,
		MaxLag:      cfg.Snapshot.MaxLag,
		Memory:      int64(cfg.Limits.Memory / 4),
		Log:         log,
	}), func() { _ = copier.Close() }, nil // it has only read
}

func newCopier(cfg config.Config, claim func() string, log *zap.Logger) (capture.Copier, error) {
	if cfg.Source.Kind == config.SourcePostgres {
		return postgres.NewCopier(postgresConfig(cfg, claim, false, log))
	}
	return mysql.NewCopier(mysqlConfig(cfg, claim, false, log))
}

// How often progress is shown: where it stays in its place, and where each is a
// line more.
const (
	barEvery  = 250 * time.Millisecond
	lineEvery = 10 * time.Second
)

// tellProgress shows how far copies are, while there are any, until the returned
// function is called: on the screen, or without one in the log.
func tellProgress(ask func() snapshot.Progress, screen *console.Screen, log *zap.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	every := lineEvery
	if screen != nil {
		every = barEvery
	}
	go func() {
		defer close(stopped)
		tick := time.NewTicker(every)
		defer tick.Stop()
		shown := false
		for {
			select {
			case <-ctx.Done():
				if shown {
					screen.Status("")
				}
				return
			case <-tick.C:
			}
			p := ask()
			switch {
			case screen != nil && p.Active:
				screen.Status("copying " + progressLine(p))
				shown = true
			case shown:
				screen.Status("")
				shown = false
			case screen == nil && p.Active:
				log.Info("copying tables", progressFields(p)...)
			}
		}
	}()
	return func() {
		cancel()
		<-stopped
	}
}

func progressFields(p snapshot.Progress) []zap.Field {
	fields := []zap.Field{
		zap.Int("table_count", p.Tables), zap.Int("tables_done", p.Done),
		zap.Int64("rows", p.Rows), zap.Int64("rows_estimate", p.Estimate), zap.Int64("rows_per_second", int64(p.PerSec)),
	}
	if p.Left > 0 {
		fields = append(fields, zap.String("left", status.Span(p.Left)))
	}
	if p.Waits != "" {
		fields = append(fields, zap.String("waits_for", p.Waits))
	}
	return fields
}

// progressLine is a line for a terminal: a bar, and what it stands for.
func progressLine(p snapshot.Progress) string {
	line := console.Bar(p.Rows, p.Estimate)
	for _, fact := range progressFacts(p.Done, p.Tables, p.Rows, 0, p.PerSec, p.Left, p.Waits) {
		line += "  " + fact
	}
	return line
}

// progressFacts says how far copies are, in short phrases.
func progressFacts(done, tables int, rows, estimate int64, perSecond float64, left time.Duration, waits string) []string {
	amount := console.Count(uint64(rows))
	if estimate > 0 {
		amount += " of about " + console.Count(uint64(max(estimate, rows)))
	}
	facts := []string{fmt.Sprintf("%s of %s", console.Count(uint64(done)), plural(tables, "table")), amount + " rows"}
	if perSecond >= 1 {
		facts = append(facts, console.Count(uint64(perSecond))+"/s")
	}
	if left > 0 {
		facts = append(facts, status.Span(left)+" left")
	}
	if waits != "" {
		facts = append(facts, "waits for "+waits)
	}
	return facts
}

// copiesOf is progressFacts of what a daemon has answered.
func copiesOf(s status.Snapshot) []string {
	left := time.Duration(0)
	if s.LeftSeconds != nil {
		left = time.Duration(*s.LeftSeconds * float64(time.Second))
	}
	return progressFacts(s.TablesDone, s.Tables, s.Rows, s.RowsEstimate, s.RowsPerSecond, left, s.WaitsFor)
}
