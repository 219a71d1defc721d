package failure_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/tailrace/tailrace/internal/failure"
)

func TestListTakesApartWhatWasJoined(t *testing.T) {
	a, b, c := errors.New("a"), failure.Stop("do it", "b"), failure.Retry(errors.New("c"))
	both := fmt.Errorf("%w: %w", a, b)
	for _, test := range []struct {
		name string
		err  error
		want []error
	}{
		{"nothing", nil, nil},
		{"one error", b, []error{b}},
		{"several", errors.Join(a, b, c), []error{a, b, c}},
		{"several that are joined again", errors.Join(a, errors.Join(b, errors.Join(c))), []error{a, b, c}},
		{"one error with two causes", both, []error{both}},
		{"such a one among others", errors.Join(a, both), []error{a, both}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := failure.List(test.err); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSplitTellsTheReasonFromTheHint(t *testing.T) {
	cause := errors.New("no space; none at all")
	for _, test := range []struct {
		name       string
		err        error
		what, hint string
	}{
		{"a hint", failure.Stop("raise x; or y", "x is %d", 3), "x is 3", "raise x; or y"},
		{"a cause and a hint", failure.StopFrom(cause, "make room", "it is full"), "it is full: no space; none at all", "make room"},
		{"a hint inside of another error", fmt.Errorf("%w: %w", errors.New("held"), failure.Fenced("stop it", "by process 7")), "held: by process 7", "stop it"},
		{"no hint", failure.StopFrom(cause, "", "it is full"), "it is full: no space; none at all", ""},
		{"an error of no class", cause, "no space; none at all", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if what, hint := failure.Split(test.err); what != test.what || hint != test.hint {
				t.Errorf("got %q and %q, want %q and %q", what, hint, test.what, test.hint)
			}
		})
	}
}
