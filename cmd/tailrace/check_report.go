package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

// A report is what check has found, part by part.
type report struct {
	mu    sync.Mutex
	parts []*part
}

// part returns the part of a name, a new one if there is none. Any goroutine may
// call it.
func (r *report) part(name string) *part {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.parts {
		if p.name == name {
			return p
		}
	}
	p := &part{name: name}
	r.parts = append(r.parts, p)
	return p
}

// The levels of a finding.
const (
	levelError   = "error"
	levelWarning = "warning"
)

// A finding is one thing that is wrong, or may become so.
type finding struct {
	Part  string `json:"part"`
	Level string `json:"level"`
	What  string `json:"what"`
	Fix   string `json:"fix"`

	code int // that run would exit with; 0 of a warning
}

// A part is what is known of one part of a pipeline. Any goroutine may add to it.
type part struct {
	name string

	mu       sync.Mutex
	title    string   // what it is: server, address, path
	checked  []string // what is right
	findings []finding
}

// unreachedHint is what to do about a server that does not answer.
const unreachedHint = "see whether it runs and can be reached from here: host, port, network, credentials"

// call says what the part is.
func (p *part) call(title string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.title = title
}

// say adds what was found to be right.
func (p *part) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checked = append(p.checked, fmt.Sprintf(format, args...))
}

// refuse adds every error in err, which may be nil.
func (p *part) refuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range failure.List(err) {
		what, fix := failure.Split(one)
		if failure.Retryable(one) && fix == "" {
			fix = unreachedHint + "; run tries for 30 seconds and then exits with 4"
		}
		f := finding{p.name, levelError, what, fix, failure.ExitCode(one)}
		if !slices.Contains(p.findings, f) {
			p.findings = append(p.findings, f)
		}
	}
}

// warn adds a warning, and what can be done about it or "".
func (p *part) warn(what, fix string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.findings = append(p.findings, finding{Part: p.name, Level: levelWarning, What: what, Fix: fix})
}

// found reports whether one of the errors has the exit code.
func (p *part) found(code int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.findings, func(f finding) bool { return f.code == code })
}

// errors returns how many there are.
func (p *part) errors() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.findings {
		if f.Level == levelError {
			n++
		}
	}
	return n
}

// excuse makes warnings of errors that a daemon is the reason of. holder says that
// the part is where the daemon is known from.
func (p *part) excuse(holder bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.findings {
		if f := &p.findings[i]; f.code == failure.ExitFenced {
			f.Level, f.code = levelWarning, 0
			if holder {
				f.What, f.Fix = "a daemon runs with these settings: "+f.What, "nothing is to be mended: a second start would exit with 3"
			} else {
				f.What, f.Fix = f.What+", most likely by the daemon that holds the checkpoint", ""
			}
		}
	}
}

// log returns a logger whose warnings are findings.
func (p *part) log() *zap.Logger { return zap.New(&findingCore{part: p}) }

// ready reports whether nothing keeps run from working.
func (r *report) ready() bool {
	return !slices.ContainsFunc(r.findings(), func(f finding) bool { return f.Level == levelError })
}

// findings returns those of all parts, in their order and errors first.
func (r *report) findings() []finding {
	all := []finding{}
	for _, p := range r.parts {
		own := slices.Clone(p.findings)
		slices.SortStableFunc(own, func(a, b finding) int { return cmp.Compare(a.Level, b.Level) })
		all = append(all, own...)
	}
	return all
}

// writeJSON writes the report for programs.
func (r *report) writeJSON(out io.Writer) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Ready    bool      `json:"ready"`
		Findings []finding `json:"findings"`
	}{r.ready(), r.findings()})
	if err == nil {
		_, err = out.Write(b.Bytes())
	}
	return err
}

// write writes the report for people.
func (r *report) write(out io.Writer, colored bool) error {
	const good, bad, warning, faint, bold = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[1m"
	paint := func(color, text string) string {
		if !colored {
			return text
		}
		return color + text + "\x1b[0m"
	}
	var b bytes.Buffer
	errors, warnings := 0, 0
	for _, p := range r.parts {
		if len(p.checked)+len(p.findings) == 0 {
			continue
		}
		fmt.Fprintln(&b, strings.TrimSpace(paint(bold, p.name)+"  "+p.title))
		for _, text := range p.checked {
			fmt.Fprintf(&b, "  %s %s\n", paint(good, "✓"), text)
		}
		for _, f := range (&report{parts: []*part{p}}).findings() {
			mark := paint(warning, "!")
			if f.Level == levelError {
				mark = paint(bad, "✗")
				errors++
			} else {
				warnings++
			}
			fmt.Fprintf(&b, "  %s %s\n", mark, f.What)
			if f.Fix != "" {
				fmt.Fprintf(&b, "      %s\n", paint(faint, f.Fix))
			}
		}
		fmt.Fprintln(&b)
	}
	verdict := paint(good, "ready")
	if errors > 0 {
		verdict = paint(bad, "not ready") + ": " + plural(errors, "error")
	}
	if warnings > 0 {
		verdict += ", " + plural(warnings, "warning")
	}
	fmt.Fprintln(&b, verdict)
	_, err := out.Write(b.Bytes())
	return err
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
