// Package eventually waits in tests for what another goroutine or process will
// bring about. It is the only polling that the project's tests do.
package eventually

import (
	"errors"
	"testing"
	"time"
)

// Between two checks goes by a twentieth of the time that was waited, within these
// bounds: what comes soon is seen at once, and a long wait leaves the processor to
// what is waited for, as many a check reads a whole log.
const (
	shortest = 5 * time.Millisecond
	longest  = 25 * time.Millisecond
)

// True checks until ok returns true, and ends the test when that has not
// happened before the timeout. what completes the sentence "it never came true
// that ...". It must be called on the goroutine of the test.
func True(t testing.TB, timeout time.Duration, what string, ok func() bool) {
	t.Helper()
	NoError(t, timeout, what, func() error {
		if !ok() {
			return errors.New("not yet")
		}
		return nil
	})
}

// NoError checks until check returns nil, and ends the test with the last error
// when that has not happened before the timeout. The last check begins at or
// after the timeout, so a slow machine can't make it miss the moment. It must be
// called on the goroutine of the test.
func NoError(t testing.TB, timeout time.Duration, what string, check func() error) {
	t.Helper()
	begin := time.Now()
	for {
		waited := time.Since(begin)
		last := waited >= timeout
		err := check()
		if err == nil {
			return
		}
		if last {
			t.Fatalf("it never came true within %v that %s: %v", timeout, what, err)
		}
		time.Sleep(min(max(waited/20, shortest), longest))
	}
}
