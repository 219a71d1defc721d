package main

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	checkpointkafka "github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// A move is what is known of a start at a place before anything is made for it.
type move struct {
	to    string // the place, as far as it is known
	skips string // what it skips or repeats
	slot  string // the slot that is missing and will be made, or ""
}

// foresee says where a start at to would begin, and refuses what locate would
// refuse. It makes nothing on the server.
func (p *placed) foresee(ctx context.Context, st checkpoint.State, to string) (m move, err error) {
	src, err := p.source(ctx, zap.NewNop()) // what it would tell the log, locate tells
	if err != nil {
		return m, err
	}
	defer func() { _ = src.Close() }() // connections of questions only
	pg, ok := src.(*postgres.Source)
	if !ok { // a binlog is there for everybody, and Locate makes nothing for it
		next, err := src.Locate(ctx, st, to)
		if err != nil {
			return m, err
		}
		m.to = string(next.Position)
		m.skips, err = p.skips(ctx, src, st, next)
		return m, err
	}
	// Locate waits for a predecessor that has died; CheckPlace does not.
	if err := pg.CheckPlace(ctx, st, to); err != nil && failure.ExitCode(err) != failure.ExitFenced {
		return m, err
	}
	sight, err := p.look(ctx, st)
	if err != nil {
		return m, err
	}
	if sight.Kept == capture.Unknown {
		m.slot = p.cfg.Source.Postgres.Slot
	}
	next := st
	_, since := event.TimeOf(to)
	switch {
	case to == event.Now || m.slot != "": // a new slot begins at the log's end
		next.Position = sight.Newest
		m.to = fmt.Sprintf("the end of the log, at least %s", next.Position)
	case to == event.Earliest || since:
		next.Position = sight.Oldest
		m.to = string(next.Position)
	default:
		next.Position = event.Position(to)
		m.to = to
	}
	m.skips, err = p.skips(ctx, src, st, next)
	return m, err
}

// source returns the source of the pipeline, which has been checked: what Postgres
// publishes goes into the state, and Check finds it out.
func (p *placed) source(ctx context.Context, log *zap.Logger) (capture.Source, error) {
	var claim func() string
	if shared, ok := p.store.(*checkpointkafka.Store); ok {
		claim = shared.Claim
	}
	src, _, err := newSource(p.cfg, claim, false, log)
	if err != nil {
		return nil, err
	}
	if err := src.Check(ctx); err != nil {
		_ = src.Close()
		return nil, err
	}
	return src, nil
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
