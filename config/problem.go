package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/internal/failure"
)

// A place is where something was said: a line and column of the file, counted
// from one, or no line and the name of a flag or variable.
type place struct {
	origin       string
	line, column int
}

func (p place) String() string {
	if p.line == 0 {
		return p.origin
	}
	return fmt.Sprintf("%s:%d:%d", p.origin, p.line, p.column)
}

// A problem is one reason to refuse a configuration.
type problem struct {
	place place
	text  string
	hint  string
}

// problems collects all that is wrong before any of it is reported.
type problems []problem

func (ps *problems) add(at place, hint, format string, args ...any) {
	*ps = append(*ps, problem{at, fmt.Sprintf(format, args...), hint})
}

// err returns the problems as errors of class Usage, joined: those of the file
// first, in its order.
func (ps problems) err() error {
	slices.SortStableFunc(ps, func(a, b problem) int {
		if a, b := a.place.line > 0, b.place.line > 0; a != b {
			if a {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.place.line, b.place.line), cmp.Compare(a.place.column, b.place.column))
	})
	var errs []error
	for _, p := range ps {
		text := p.text
		if at := p.place.String(); at != "" {
			text = at + ": " + text
		}
		errs = append(errs, failure.Usage(p.hint, "%s", text))
	}
	return errors.Join(errs...)
}
