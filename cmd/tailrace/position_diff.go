package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/status"
)

// A diffReport is what `position diff -o json` prints. What is not known is left
// out.
type diffReport struct {
	Pipeline    string `json:"pipeline"`
	Position    string `json:"position"`
	Newest      string `json:"newest"`
	BehindBytes *int64 `json:"behind_bytes,omitempty"`
	// FirstCommit is when the first transaction behind the place was committed.
	FirstCommit *time.Time   `json:"first_commit,omitempty"`
	Files       []fileReport `json:"files,omitempty"`
}

// A fileReport is a binlog that is yet to be read.
type fileReport struct {
	Name        string `json:"name"`
	UnreadBytes int64  `json:"unread_bytes"`
	Bytes       int64  `json:"bytes"`
}

func diffPosition(ctx context.Context, p *placed, output string) error {
	st, sight, err := p.lookAtSaved(ctx)
	switch {
	case err != nil:
		return err
	case st.Position == "":
		return p.errNoCheckpoint()
	case sight.Lost != "":
		return failure.Stop("", "%s", sight.Lost)
	}
	r := diffReport{Pipeline: p.cfg.Name, Position: string(st.Position), Newest: string(sight.Newest), BehindBytes: known(sight.Behind)}
	if g, ok := p.gauge.(*mysql.Gauge); ok {
		if err := r.lookAhead(ctx, g, st.Position); err != nil {
			return err
		}
	}
	if output == "json" {
		return writeJSON(os.Stdout, r)
	}
	return r.write(os.Stdout, console.Colored(os.Stdout))
}

// lookAhead fills in what only a look into the log tells.
func (r *diffReport) lookAhead(ctx context.Context, g *mysql.Gauge, p event.Position) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	ahead, err := g.Ahead(ctx, p)
	if err != nil {
		return err
	}
	for _, f := range ahead.Files {
		r.Files = append(r.Files, fileReport{Name: f.Name, UnreadBytes: f.Bytes, Bytes: f.Size})
	}
	if !ahead.First.IsZero() {
		first := ahead.First.UTC()
		r.FirstCommit = &first
	}
	return nil
}

// write writes the report for people.
func (r *diffReport) write(w io.Writer, color bool) error {
	page := statusPage{color: color}
	page.line("saved", r.Position)
	page.line("newest", r.Newest)
	page.line("behind", behind(&status.Log{Newest: r.Newest, BehindBytes: r.BehindBytes}, r.Position))
	if r.FirstCommit != nil {
		page.line("first", fmt.Sprintf("committed at %s, %s ago", r.FirstCommit.Format(time.RFC3339), status.Span(max(0, time.Since(*r.FirstCommit)))))
	}
	for i, f := range r.Files {
		name := "files"
		if i > 0 {
			name = ""
		}
		page.line(name, fmt.Sprintf("%s: %s of %s", f.Name, status.Size(f.UnreadBytes), status.Size(f.Bytes)))
	}
	_, err := w.Write(page.text)
	return err
}
