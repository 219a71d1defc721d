// Package failure sorts errors into the three classes that Tailrace knows:
// Retry (the world is briefly away), Stop (a person is needed) and Bug (an
// assertion of ours, which panics and is not an error value at all).
//
// A stage that meets an error either mends it or returns it; the class decides
// what the pipeline does with it. An error without a class counts as Stop:
// going on after something nobody thought of is how data is lost.
package failure

import (
	"errors"
	"fmt"
)

// Exit codes of the process, as docs/cli.md lists them.
const (
	ExitOK     = 0
	ExitUsage  = 1
	ExitFenced = 3
	ExitStop   = 4
	ExitDrain  = 5
)

// A StopError ends the daemon: the sentence says what is wrong and the hint
// what a person can do about it. Neither ever holds a row's value or a secret.
type StopError struct {
	Sentence string
	Hint     string // "" when the sentence says it all
	Code     int    // exit code of the process
	Err      error  // what was underneath, or nil
}

// Error returns the sentence, the cause if there is one, and the hint.
func (e *StopError) Error() string {
	s := e.Sentence
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap returns the cause.
func (e *StopError) Unwrap() error { return e.Err }

// Stop returns an error of the class Stop with exit code 4.
func Stop(hint, format string, args ...any) error {
	return &StopError{Sentence: fmt.Sprintf(format, args...), Hint: hint, Code: ExitStop}
}

// StopFrom is Stop with the error that caused it.
func StopFrom(cause error, hint, format string, args ...any) error {
	return &StopError{Sentence: fmt.Sprintf(format, args...), Hint: hint, Code: ExitStop, Err: cause}
}

// Fenced returns the error of an instance that another one has replaced, or
// that found another one at work: exit code 3.
func Fenced(hint, format string, args ...any) error {
	return &StopError{Sentence: fmt.Sprintf(format, args...), Hint: hint, Code: ExitFenced}
}

// Usage returns the error of a wrong command line or configuration: exit code 1.
func Usage(hint, format string, args ...any) error {
	return &StopError{Sentence: fmt.Sprintf(format, args...), Hint: hint, Code: ExitUsage}
}

// A RetryError says that the same attempt may succeed later.
type RetryError struct{ Err error }

// Error returns the text of the cause.
func (e *RetryError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RetryError) Unwrap() error { return e.Err }

// Retry marks err as one that time may mend. It returns nil for nil.
func Retry(err error) error {
	if err == nil {
		return nil
	}
	return &RetryError{Err: err}
}

// Retryable reports whether err is of the class Retry. A Stop anywhere in the
// chain wins over a Retry around it.
func Retryable(err error) bool {
	var stop *StopError
	if errors.As(err, &stop) {
		return false
	}
	var retry *RetryError
	return errors.As(err, &retry)
}

// ExitCode returns the exit code that belongs to err: 0 for nil, the code of a
// Stop, and 4 for everything that has no class.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	var stop *StopError
	if errors.As(err, &stop) {
		return stop.Code
	}
	return ExitStop
}
