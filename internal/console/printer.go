package console

import (
	"bytes"
	"strconv"
	"time"
)

// Options say how events are shown. The zero value is plain text in UTC with
// values uncut.
type Options struct {
	Color bool
	Width int            // longest part of a value that is shown, in characters; 0: all of it
	Zone  *time.Location // of the time that a line begins with; nil: UTC
}

// A Printer writes native events as lines. It keeps a buffer, so each goroutine
// has its own.
type Printer struct {
	o    Options
	time []byte
}

// NewPrinter returns a Printer.
func NewPrinter(o Options) *Printer {
	if o.Width <= 0 {
		o.Width = -1
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Printer{o: o}
}

// Colours of the terminal ("Select Graphic Rendition" of ECMA-48).
const (
	red     = "31"
	green   = "32"
	yellow  = "33"
	magenta = "35"
	cyan    = "36"
	faint   = "2"
	bold    = "1"
)

// ops are the words for the ops of a native event, as wide as each other.
var ops = map[string]struct{ word, color string }{
	"c": {"insert  ", green},
	"u": {"update  ", yellow},
	"d": {"delete  ", red},
	"t": {"truncate", magenta},
	"r": {"read    ", cyan},
	"m": {"message ", cyan},
}

// Append appends the line for an event, without a line break, and returns its
// commit time in Unix milliseconds. key is the record's, empty for a keyless
// table. The error holds nothing of the row.
func (p *Printer) Append(dst, key, value []byte) (line []byte, millis int64, err error) {
	e, k, err := decode(key, value)
	if err != nil {
		return dst, 0, err
	}
	p.time = time.UnixMilli(e.Source.Millis).In(p.o.Zone).AppendFormat(p.time[:0], "15:04:05.000")
	dst = p.paint(dst, faint, string(p.time))
	dst = append(dst, ' ')
	op, ok := ops[e.Op]
	if !ok {
		op.word = string(appendClean(nil, e.Op, 8))
	}
	dst = p.paint(dst, op.color, op.word)
	dst = append(dst, ' ')
	name := appendClean(nil, e.table(), -1)
	dst = p.paint(dst, bold, string(name))
	for _, c := range k {
		dst = p.pair(dst, c.name, c.value)
	}
	switch e.Op {
	case "u":
		dst = p.changes(dst, &e, k)
	case "d":
		dst = p.rest(dst, e.Before, k)
	default:
		dst = p.rest(dst, e.After, k)
	}
	dst = p.moved(dst, "moved to", e.MovedTo)
	dst = p.moved(dst, "moved from", e.MovedFrom)
	for _, name := range e.Absent {
		dst = p.name(dst, name)
		dst = p.paint(dst, faint, " not sent")
	}
	return dst, e.Source.Millis, nil
}

// changes appends the columns of an update that are not as they were, and all
// of those of which the log does not say how they were.
func (p *Printer) changes(dst []byte, e *event, key row) []byte {
	shown := len(e.Absent) > 0
	for _, c := range e.After {
		was := e.Before.get(c.name)
		if key.get(c.name) != nil || bytes.Equal(was, c.value) {
			continue
		}
		shown = true
		dst = p.name(dst, c.name)
		dst = append(dst, ' ')
		if was != nil {
			dst = appendValue(dst, was, p.o.Width)
			dst = append(dst, " → "...)
		}
		dst = appendValue(dst, c.value, p.o.Width)
	}
	if !shown {
		dst = append(dst, "  "...)
		dst = p.paint(dst, faint, "nothing changed")
	}
	return dst
}

// rest appends what a row has beside its key.
func (p *Printer) rest(dst []byte, r, key row) []byte {
	for _, c := range r {
		if key.get(c.name) == nil {
			dst = p.pair(dst, c.name, c.value)
		}
	}
	return dst
}

func (p *Printer) moved(dst []byte, how string, key row) []byte {
	if len(key) == 0 {
		return dst
	}
	dst = append(dst, "  "...)
	dst = p.paint(dst, faint, how)
	for _, c := range key {
		dst = p.pair(dst, c.name, c.value)
	}
	return dst
}

func (p *Printer) pair(dst []byte, name string, value []byte) []byte {
	dst = p.name(dst, name)
	dst = append(dst, ' ')
	return appendValue(dst, value, p.o.Width)
}

func (p *Printer) name(dst []byte, name string) []byte {
	dst = append(dst, "  "...)
	return p.paint(dst, faint, string(appendClean(nil, name, -1)))
}

func (p *Printer) paint(dst []byte, color, text string) []byte {
	if !p.o.Color || color == "" {
		return append(dst, text...)
	}
	dst = append(dst, "\x1b["...)
	dst = append(dst, color...)
	dst = append(dst, 'm')
	dst = append(dst, text...)
	return append(dst, "\x1b[0m"...)
}

// Count returns n with a comma between thousands.
func Count(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
