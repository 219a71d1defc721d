package status_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/status"
)

const patience = 30 * time.Second

// A gauge answers what a test says, as a server would.
type gauge struct {
	mu     sync.Mutex
	sight  capture.Sight
	err    error
	asked  int
	closed int
	state  checkpoint.State // that was asked about last
}

func (g *gauge) Look(_ context.Context, st checkpoint.State) (capture.Sight, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	g.state = st
	return g.sight, g.err
}

func (g *gauge) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed++
	return nil
}

func (g *gauge) say(s capture.Sight, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sight, g.err = s, err
}

// unknown is the sight of a server that has no numbers.
func unknown() capture.Sight {
	return capture.Sight{
		Oldest: "lsn:0/1", Newest: "lsn:0/2",
		Behind: capture.Unknown, Kept: capture.Unknown, Room: capture.Unknown, Left: capture.Unknown,
	}
}

// following is the work of a pipeline that has nothing to do.
func following() status.Work {
	return status.Work{
		Doing: pipeline.Doing{Phase: pipeline.Following, Since: time.Now(), Idle: true},
		State: checkpoint.State{Pipeline: "shop", Position: "lsn:0/2", Epoch: 3},
		Dated: true,
	}
}

// serve starts a Server of a pipeline that does w, with what changes c.
func serve(t *testing.T, w status.Work, change ...func(*status.Config)) *status.Server {
	t.Helper()
	c := status.Config{
		Listen: "127.0.0.1:0", Version: "v1.2.3", Pipeline: "shop", Sink: "stdout:", Checkpoint: "shop.json", Limit: 1 << 20,
		Work: func(time.Time) status.Work { return w },
	}
	for _, f := range change {
		f(&c)
	}
	s, err := status.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// seen is what changes a Config so that the server says s of its log.
func seen(g *gauge) func(*status.Config) {
	return func(c *status.Config) { c.Gauge, c.Every = g, time.Millisecond }
}

// answered waits for n answers of g, and for the Server to have taken them in.
func (g *gauge) answered(t *testing.T, n int) {
	t.Helper()
	g.mu.Lock()
	before := g.asked
	g.mu.Unlock()
	eventually.True(t, patience, "the server is asked about its log", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.asked > before+n // the one before the last is taken in
	})
}

// get returns a page.
func get(t *testing.T, s *status.Server, path string) (code int, body string) {
	t.Helper()
	response, err := http.Get("http://" + s.Addr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// report returns the page /status.
func report(t *testing.T, s *status.Server) status.Report {
	t.Helper()
	code, text := get(t, s, "/status")
	if code != http.StatusOK {
		t.Fatalf("/status: got %d, want 200", code)
	}
	var r status.Report
	in := json.NewDecoder(strings.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&r); err != nil {
		t.Fatalf("/status is not a report: %v\n%s", err, text)
	}
	return r
}

// samples returns the lines of /metrics with a name, without it.
func samples(t *testing.T, s *status.Server, name string) []string {
	t.Helper()
	_, text := get(t, s, "/metrics")
	found := []string{}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok && strings.IndexAny(rest, " {") == 0 {
			found = append(found, strings.TrimSpace(rest))
		}
	}
	return found
}

// waitForLog waits until the Server has heard of the log, be it an error.
func waitForLog(t *testing.T, s *status.Server) {
	t.Helper()
	eventually.True(t, patience, "the server was asked about its log", func() bool { return report(t, s).Log != nil })
}
