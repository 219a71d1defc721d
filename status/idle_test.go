package status_test

import (
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
)

func TestAPipelineIsIdleAtTheEndOfTheLogOnly(t *testing.T) {
	for _, c := range []struct {
		name      string
		behind    int64
		line, lag string
	}{
		{"at the end", 1 << 20, "idle", "0"},
		{"the server does not say", capture.Unknown, "idle", "0"},
		{"the server has more, and is slow to give it", 1 << 30, "following", "3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sight := unknown()
			sight.Behind = c.behind
			w := following()
			w.Doing.Lag = 3 * time.Second
			s := serve(t, w, seen(&gauge{sight: sight}))
			waitForLog(t, s)
			wantPage(t, s, "/livez", 200, c.line)
			wantSamples(t, s, "tailrace_lag_seconds", c.lag)
		})
	}
}
