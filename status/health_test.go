package status_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/status"
)

func TestLivezAndReadyzSayWhatThePipelineDoes(t *testing.T) {
	for _, c := range []struct {
		name        string
		doing       pipeline.Doing
		live, ready int
		line, why   string
	}{
		{
			"a pipeline that has not begun",
			pipeline.Doing{},
			200, 503, "starting", "starting",
		},
		{
			"a start that waits for the database",
			pipeline.Doing{Phase: pipeline.Starting, Why: "connect to db:5432: connection refused"},
			200, 503, "starting: connect to db:5432: connection refused", "starting: connect to db:5432: connection refused",
		},
		{
			"following with much to do",
			pipeline.Doing{Phase: pipeline.Following},
			200, 200, "following", "ready",
		},
		{
			"following with nothing to do",
			pipeline.Doing{Phase: pipeline.Following, Idle: true},
			200, 200, "idle", "ready",
		},
		{
			"what has failed before and works again",
			pipeline.Doing{Phase: pipeline.Following, Why: "connect to db:5432: connection refused"},
			200, 200, "following", "ready",
		},
		{
			"a sink that is slow",
			pipeline.Doing{Phase: pipeline.Following, Sink: 10 * time.Second},
			200, 200, "following", "ready",
		},
		{
			"a sink that does not answer",
			pipeline.Doing{Phase: pipeline.Following, Sink: 12 * time.Second},
			200, 503, "following: the sink has owed an answer for 12s", "the sink has owed an answer for 12s",
		},
		{
			"a checkpoint that takes a while",
			pipeline.Doing{Phase: pipeline.Following, Save: 30 * time.Second, WhySave: "no space left on device"},
			200, 200, "following", "ready",
		},
		{
			"a checkpoint that can't be saved",
			pipeline.Doing{Phase: pipeline.Following, Save: 31 * time.Second, WhySave: "no space left on device"},
			200, 503, "following: the checkpoint has not been saved for 31s (no space left on device)", "the checkpoint has not been saved for 31s (no space left on device)",
		},
		{
			"a save that hangs",
			pipeline.Doing{Phase: pipeline.Following, Save: 5 * time.Minute},
			200, 503, "following: the checkpoint has not been saved for 5m", "the checkpoint has not been saved for 5m",
		},
		{
			"waiting for the source",
			pipeline.Doing{Phase: pipeline.Waiting, Why: "read the log: connection reset"},
			200, 503, "waiting: read the log: connection reset", "waiting: read the log: connection reset",
		},
		{
			"draining",
			pipeline.Doing{Phase: pipeline.Draining},
			200, 503, "draining", "draining",
		},
		{
			"draining into a sink that does not answer",
			pipeline.Doing{Phase: pipeline.Draining, Sink: 20 * time.Second},
			200, 503, "draining: the sink has owed an answer for 20s", "draining: the sink has owed an answer for 20s",
		},
		{
			"a bug",
			pipeline.Doing{Phase: pipeline.Following, Stuck: "encoder 1"},
			503, 503,
			"following: encoder 1 has been at one step for more than 1m, which is a bug: SIGQUIT ends the process and shows where it was",
			"encoder 1 has been at one step for more than 1m, which is a bug: SIGQUIT ends the process and shows where it was",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.doing.Phase == "" {
				c.doing = new(pipeline.Stats).Doing(time.Now())
			}
			s := serve(t, status.Work{Doing: c.doing})
			wantPage(t, s, "/livez", c.live, c.line)
			wantPage(t, s, "/readyz", c.ready, c.why)
			r := report(t, s)
			if r.Live != (c.live == 200) || r.Ready != (c.ready == 200) || r.Doing != c.line {
				t.Errorf("/status: got live %v, ready %v, doing %q; want what /livez and /readyz say", r.Live, r.Ready, r.Doing)
			}
			why := c.why
			if c.ready == http.StatusOK {
				why = ""
			}
			if r.Why != why {
				t.Errorf("/status: got why %q, want %q", r.Why, why)
			}
			wantSamples(t, s, "tailrace_ready", bit(c.ready == 200))
			wantSamples(t, s, "tailrace_stuck", bit(c.live == 503))
		})
	}
}

func bit(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

func wantPage(t *testing.T, s *status.Server, path string, code int, line string) {
	t.Helper()
	gotCode, got := get(t, s, path)
	if gotCode != code || got != line+"\n" {
		t.Errorf("%s: got %d %q, want %d %q", path, gotCode, got, code, line+"\n")
	}
}
