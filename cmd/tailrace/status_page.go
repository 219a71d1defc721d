package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/status"
)

// Colours of the terminal ("Select Graphic Rendition" of ECMA-48).
const (
	statusReady   = "32"
	statusUnready = "31"
	statusWarning = "33"
)

// A statusPage is what `tailrace status` prints: a line for what the daemon does,
// one for each thing that it works with, and one for each warning.
type statusPage struct {
	color bool
	text  []byte
}

func (p *statusPage) head(r status.Report) {
	paint, state := statusReady, "ready"
	if !r.Ready {
		paint, state = statusUnready, "not ready"
	}
	line := fmt.Sprintf("%s: %s, %s for %s", clean(r.Pipeline), p.paint(paint, state), clean(r.Phase), status.Span(time.Since(r.Since)))
	if r.Ready && r.Doing != r.Phase {
		line += ", " + clean(r.Doing)
	}
	p.text = fmt.Appendf(p.text, "%s\n", line)
	if r.Why != "" && r.Why != r.Phase {
		p.text = fmt.Appendf(p.text, "  %s\n", clean(strings.TrimPrefix(r.Why, r.Phase+": ")))
	}
}

// line adds the facts that there are; a line without any is left out.
func (p *statusPage) line(name string, facts ...string) {
	var there []string
	for _, f := range facts {
		if f != "" {
			there = append(there, f)
		}
	}
	if len(there) > 0 {
		p.text = fmt.Appendf(p.text, "  %-11s %s\n", name, clean(strings.Join(there, ", ")))
	}
}

func (p *statusPage) warn(sentence string) {
	p.text = fmt.Appendf(p.text, "%s %s\n", p.paint(statusWarning, "!"), clean(sentence))
}

func (p *statusPage) paint(color, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// clean takes out what would control the terminal: a part of the text is what
// servers have answered.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

func tables(s status.Source) string {
	switch {
	case s.Server == "":
		return ""
	case s.Tables == 1:
		return "1 table"
	}
	return console.Count(uint64(s.Tables)) + " tables"
}

func sinkOf(s status.Sink) []string {
	facts := []string{s.URL}
	if s.Shards != nil {
		facts = append(facts, plural(*s.Shards, "shard"))
	}
	if s.ThrottledShards != nil && *s.ThrottledShards > 0 {
		facts = append(facts, console.Count(uint64(*s.ThrottledShards))+" throttled now")
	}
	if s.DeadLetters != nil && *s.DeadLetters > 0 {
		facts = append(facts, plural(int(*s.DeadLetters), "dead letter"))
	}
	return facts
}

func lagOf(r status.Report) []string {
	facts := []string{"nothing was published yet"}
	if ms := r.Changes.LagMillis; ms != nil {
		facts[0] = status.Span(time.Duration(*ms) * time.Millisecond)
	}
	if r.Log != nil && r.Log.BehindBytes != nil {
		facts = append(facts, status.Size(*r.Log.BehindBytes)+" of log")
	}
	return facts
}

// logOf says what the server keeps.
func logOf(l *status.Log) []string {
	var facts []string
	limit := ""
	if l.Limit != "" {
		limit = " (" + l.Limit + ")"
	}
	if l.KeptBytes != nil {
		facts = append(facts, status.Size(*l.KeptBytes)+" kept for this pipeline")
	}
	if l.RoomBytes != nil {
		facts = append(facts, "room for "+status.Size(*l.RoomBytes)+" more"+limit)
	}
	if l.LeftSeconds != nil {
		facts = append(facts, "the saved place stays for "+seconds(*l.LeftSeconds)+limit)
	}
	if l.Error != "" {
		facts = append(facts, "the server does not tell: "+l.Error)
	}
	if l.Asked != nil && (len(facts) > 0 || l.BehindBytes != nil) {
		facts = append(facts, "as of "+status.Span(time.Since(*l.Asked))+" ago")
	}
	return facts
}

func seconds(n float64) string { return status.Span(time.Duration(n * float64(time.Second))) }
