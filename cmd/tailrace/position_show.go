package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/status"
)

// A positionReport is what `position show -o json` prints. What is not known is
// left out.
type positionReport struct {
	Pipeline   string `json:"pipeline"`
	Checkpoint string `json:"checkpoint"`
	Position   string `json:"position,omitempty"`
	Epoch      uint32 `json:"epoch"`
	Ver        string `json:"ver,omitempty"`
	// Open says that the transaction of the last row is not all published.
	Open   bool       `json:"open"`
	From   string     `json:"from,omitempty"` // the --from that was applied
	Server status.Log `json:"server"`
}

// showPosition prints what is known also when the server does not tell the rest.
func showPosition(ctx context.Context, p *placed, output string) error {
	st, sight, err := p.lookAtSaved(ctx)
	if err != nil && st.Position == "" {
		return err
	}
	r := positionReport{
		Pipeline: p.cfg.Name, Checkpoint: p.place, Position: string(st.Position),
		Epoch: st.Epoch, Open: st.Open(), From: st.From, Server: logReport(sight),
	}
	if !st.Ver.IsZero() {
		r.Ver = st.Ver.String()
	}
	if err != nil {
		r.Server = status.Log{Error: err.Error()}
	}
	written := error(nil)
	if output == "json" {
		written = writeJSON(os.Stdout, r)
	} else {
		written = r.write(os.Stdout, console.Colored(os.Stdout))
	}
	return cmp.Or(written, err)
}

// logReport is a sight as status has it.
func logReport(s capture.Sight) status.Log {
	l := status.Log{
		Oldest: string(s.Oldest), Newest: string(s.Newest), Limit: s.Limit, Lost: s.Lost,
		BehindBytes: known(s.Behind), KeptBytes: known(s.Kept), RoomBytes: known(s.Room),
	}
	if s.Left != capture.Unknown {
		seconds := s.Left.Seconds()
		l.LeftSeconds = &seconds
	}
	return l
}

func known(n int64) *int64 {
	if n == capture.Unknown {
		return nil
	}
	return &n
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// write writes the report for people.
func (r *positionReport) write(w io.Writer, color bool) error {
	page := statusPage{color: color}
	page.line("pipeline", r.Pipeline)
	page.line("checkpoint", r.Checkpoint)
	if r.Position == "" {
		page.line("position", "none yet: tailrace run with --from begins one")
	} else {
		page.line("position", r.Position)
		page.line("epoch", fmt.Sprint(r.Epoch))
		page.line("last row", r.lastRow())
		page.line("begun with", prefixed("--from ", r.From))
	}
	s := &r.Server
	page.line("oldest", s.Oldest)
	page.line("newest", s.Newest)
	page.line("behind", behind(s, r.Position))
	told := *s
	told.Error = "" // stderr has it
	page.line("server", logOf(&told)...)
	if s.Lost != "" {
		page.warn("lost: " + s.Lost)
	}
	_, err := w.Write(page.text)
	return err
}

func (r *positionReport) lastRow() string {
	switch {
	case r.Ver == "":
		return "none"
	case r.Open:
		return r.Ver + ", in a transaction of which not all is published"
	}
	return r.Ver
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// behind says how much lies behind the place.
func behind(l *status.Log, position string) string {
	switch {
	case position == "" || l.Newest == "" || l.Lost != "" && l.BehindBytes == nil:
		return ""
	case l.BehindBytes == nil:
		return "not known"
	}
	return bytesText(*l.BehindBytes)
}

// bytesText writes a number of bytes roughly and exactly.
func bytesText(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%s (%s bytes)", status.Size(n), console.Count(uint64(n)))
}
