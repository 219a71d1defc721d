package status_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
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

func TestLivezAndReadyzSayWhatTheServersLogMeans(t *testing.T) {
	const (
		lost  = "slot x is lost; copy the tables again"
		space = "; warning: after 63 MiB more the server gives up the log that this pipeline needs (max_slot_wal_keep_size): raise it, or see what holds the pipeline up"
		age   = "; warning: the server may delete the log that this pipeline reads in 20m (binlog_expire_logs_seconds): raise it, or see what holds the pipeline up"
	)
	little := func(s *capture.Sight) { s.Room, s.Limit = 63<<20, "max_slot_wal_keep_size" }
	short := func(s *capture.Sight) { s.Left, s.Limit = 20*time.Minute, "binlog_expire_logs_seconds" }
	for _, c := range []struct {
		name          string
		sight         func(*capture.Sight)
		err           error
		doing         pipeline.Doing
		ready         int
		livez, readyz string
	}{
		{"there is enough", func(*capture.Sight) {}, nil, pipeline.Doing{Phase: pipeline.Following}, 200, "following", "ready"},
		{"room runs out", little, nil, pipeline.Doing{Phase: pipeline.Following, Idle: true}, 200, "idle" + space, "ready" + space},
		{"time runs out", short, nil, pipeline.Doing{Phase: pipeline.Following}, 200, "following" + age, "ready" + age},
		{
			"room and time run out", func(s *capture.Sight) { little(s); s.Left, s.Limit = 20*time.Minute, "" }, nil,
			pipeline.Doing{Phase: pipeline.Following},
			200,
			"following" + strings.ReplaceAll(space, " (max_slot_wal_keep_size)", "") + strings.ReplaceAll(age, " (binlog_expire_logs_seconds)", ""),
			"ready" + strings.ReplaceAll(space, " (max_slot_wal_keep_size)", "") + strings.ReplaceAll(age, " (binlog_expire_logs_seconds)", ""),
		},
		{
			"room runs out while the sink does not answer", little, nil,
			pipeline.Doing{Phase: pipeline.Following, Sink: time.Minute},
			503,
			"following: the sink has owed an answer for 1m" + space, "the sink has owed an answer for 1m" + space,
		},
		{
			"the place is gone", func(s *capture.Sight) { s.Lost, s.Room = lost, 0 }, nil,
			pipeline.Doing{Phase: pipeline.Following},
			503,
			"following: " + lost, lost,
		},
		{
			"the place is gone while nothing happens", func(s *capture.Sight) { s.Lost = lost }, nil,
			pipeline.Doing{Phase: pipeline.Following, Idle: true},
			503,
			"idle: " + lost, lost,
		},
		{
			"the place is gone while the source is waited for", func(s *capture.Sight) { s.Lost = lost }, nil,
			pipeline.Doing{Phase: pipeline.Waiting, Why: "connection reset"},
			503,
			"waiting: " + lost + "; connection reset", "waiting: " + lost + "; connection reset",
		},
		{
			"the server refuses to tell", nil, failure.Stop("run: GRANT x", "the role\nmay not look"),
			pipeline.Doing{Phase: pipeline.Following},
			200,
			"following; warning: the server does not tell about its log: the role; may not look; run: GRANT x",
			"ready; warning: the server does not tell about its log: the role; may not look; run: GRANT x",
		},
		{"the server can't be asked now", nil, failure.Retry(errors.New("connection refused")), pipeline.Doing{Phase: pipeline.Following}, 200, "following", "ready"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &gauge{sight: unknown(), err: c.err}
			if c.sight != nil {
				c.sight(&g.sight)
			}
			s := serve(t, status.Work{Doing: c.doing}, seen(g))
			waitForLog(t, s)
			wantPage(t, s, "/livez", 200, c.livez)
			wantPage(t, s, "/readyz", c.ready, c.readyz)
			wantSamples(t, s, "tailrace_ready", bit(c.ready == 200))
			r := report(t, s)
			if !r.Live || r.Ready != (c.ready == 200) {
				t.Errorf("/status: got live %v, ready %v; want what /livez and /readyz say", r.Live, r.Ready)
			}
			for page, want := range map[string]string{r.Doing: c.livez, r.Why: c.readyz} {
				want, _, _ := strings.Cut(want, "; warning: ")
				if page == r.Why && c.ready == 200 {
					want = ""
				}
				if page != want {
					t.Errorf("/status: got %q, want %q", page, want)
				}
			}
		})
	}
}

// What the server said long ago may be true no more.
func TestAnOldAnswerOfTheServerMakesNothingUnready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &frozen{gauge: gauge{sight: capture.Sight{Lost: "slot x is lost"}}}
		ctx, cancel := context.WithCancel(t.Context())
		why := status.WatchReady(ctx, f, func(time.Time) status.Work { return following() }, 10*time.Second)
		time.Sleep(2 * time.Second)
		if got := why(); got != "slot x is lost" {
			t.Errorf("after an answer: got %q, want that the slot is lost", got)
		}
		time.Sleep(time.Minute)
		if got := why(); got != "" {
			t.Errorf("a minute later: got %q, want what the pipeline says", got)
		}
		cancel()
		synctest.Wait()
	})
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
