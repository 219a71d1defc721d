package eventually_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
)

// A recorder is a test whose failure is what another test wants.
type recorder struct {
	testing.TB
	fatal string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestWaitingEndsWithTheFirstSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		eventually.True(t, time.Minute, "a second has passed", func() bool {
			return time.Since(begin) >= time.Second
		})
		if got, want := time.Since(begin), time.Second; got < want || got > want+want/20 {
			t.Errorf("time waited: got %v, want %v and a twentieth at most", got, want)
		}
	})
}

func TestATimeoutNamesWhatDidNotHappenAndTheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			eventually.NoError(r, time.Minute, "pigs fly", func() error { return errors.New("no wings") })
		}()
		<-done
		want := "it never came true within 1m0s that pigs fly: no wings"
		if r.fatal != want {
			t.Errorf("message: got %q, want %q", r.fatal, want)
		}
	})
}
