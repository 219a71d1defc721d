package status_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/status"
)

var update = flag.Bool("update", false, "write the golden files again")

// A screen is a stdout that keeps lines.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// rest returns what was written since it was asked last.
func (s *screen) rest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.text.Reset()
	return s.text.String()
}

// take returns what was written since it was asked last, a document for each line.
func (s *screen) take(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(s.rest()) {
		if !strings.HasSuffix(line, "\n") {
			t.Errorf("the last line does not end: %s", line)
		}
		all = append(all, document(t, line))
	}
	return all
}

// document reads a line, which must be what the specification of the embedded
// metric format says.
func document(t *testing.T, line string) map[string]any {
	t.Helper()
	if len(line) > 16<<10 {
		t.Errorf("the line has %d bytes, and Docker cuts it after 16 KiB", len(line))
	}
	var root map[string]any
	if err := json.Unmarshal([]byte(line), &root); err != nil {
		t.Fatalf("the line is no JSON: %v: %s", err, line)
	}
	var meta struct {
		AWS struct {
			Timestamp         *int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct {
					Name, Unit        string
					StorageResolution int
				}
			}
		} `json:"_aws"`
	}
	in := json.NewDecoder(bytes.NewReader(must(json.Marshal(map[string]any{"_aws": root["_aws"]}))))
	in.DisallowUnknownFields() // "objects defined by this specification MUST NOT contain any additional members"
	if err := in.Decode(&meta); err != nil {
		t.Fatalf("the metadata is not as specified: %v: %s", err, line)
	}
	if at := meta.AWS.Timestamp; at == nil || *at != time.Now().UnixMilli() {
		t.Errorf("_aws.Timestamp: got %v, want now", at)
	}
	if len(meta.AWS.CloudWatchMetrics) != 1 {
		t.Fatalf("_aws.CloudWatchMetrics: got %d directives, want one", len(meta.AWS.CloudWatchMetrics))
	}
	d := meta.AWS.CloudWatchMetrics[0]
	if d.Namespace != "Tailrace" {
		t.Errorf("namespace: got %q, want Tailrace", d.Namespace)
	}
	if len(d.Dimensions) != 1 || !slices.Equal(d.Dimensions[0], []string{"pipeline"}) {
		t.Errorf("dimensions: got %q, want pipeline alone", d.Dimensions)
	}
	if name, ok := root["pipeline"].(string); !ok || name == "" || len(name) > 1024 {
		t.Errorf("the dimension's target: got %v, want a text of 1 to 1,024 bytes", root["pipeline"])
	}
	if n := len(d.Metrics); n == 0 || n > 100 {
		t.Errorf("metrics: got %d, want 1 to 100", n)
	}
	seen := map[string]bool{}
	for _, m := range d.Metrics {
		if _, ok := root[m.Name].(float64); !ok {
			t.Errorf("metric %s: its target is %v, want a number", m.Name, root[m.Name])
		}
		if !slices.Contains([]string{"Seconds", "Bytes", "Count", "None"}, m.Unit) {
			t.Errorf("metric %s: got unit %q, which CloudWatch does not know", m.Name, m.Unit)
		}
		if seen[m.Name] {
			t.Errorf("metric %s is there twice", m.Name)
		}
		seen[m.Name] = true
	}
	for name := range root {
		if strings.HasPrefix(name, "tailrace_") && !seen[name] {
			t.Errorf("%s is a member and no metric", name)
		}
	}
	return root
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

// emit runs test beside a Server that writes to out and serves no page.
func emit(t *testing.T, out io.Writer, work func(time.Time) status.Work, test func(s *status.Server), change ...func(*status.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := status.Config{Version: "v1.2.3", Pipeline: "shop", Limit: 1 << 20, Work: work, EMF: out}
		for _, f := range change {
			f(&c)
		}
		s, err := status.Start(c)
		if err != nil {
			t.Fatal(err)
		}
		test(s)
		s.Close()
	})
}

func minutes(n int) {
	time.Sleep(time.Duration(n) * time.Minute)
	synctest.Wait()
}

func TestALineForCloudWatchHasWhatAlarmsNeed(t *testing.T) {
	out := new(screen)
	w := busy()
	g := &gauge{sight: capture.Sight{Behind: 100, Kept: 1 << 30, Room: 2 << 30, Left: 90 * time.Minute}}
	emit(t, out, func(time.Time) status.Work { return w }, func(s *status.Server) {
		minutes(1)
		const golden = "testdata/emf.json"
		got := out.rest()
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		document(t, got)
	}, func(c *status.Config) { c.Gauge = g }, copying(halfway()))
}

func TestTheDocumentListsEveryNumberForCloudWatch(t *testing.T) {
	out := new(screen)
	g := &gauge{sight: capture.Sight{Behind: 1, Kept: 1, Room: 1, Left: 1}}
	got := map[string]string{}
	emit(t, out, func(time.Time) status.Work { return busy() }, func(*status.Server) {
		minutes(1)
		for _, line := range out.take(t) {
			for _, m := range line["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)["Metrics"].([]any) {
				m := m.(map[string]any)
				got[m["Name"].(string)] = m["Unit"].(string)
			}
		}
	}, func(c *status.Config) { c.Gauge = g }, copying(halfway()))
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## CloudWatch\n")
	if !ok {
		t.Fatal("docs/metrics.md has no section on CloudWatch")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	want := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(tailrace_[a-z_]+)` \\| (\\w+) \\|").FindAllStringSubmatch(section, -1) {
		want[m[1]] = m[2]
	}
	if !maps.Equal(got, want) {
		t.Errorf("a line has\n%s\nand docs/metrics.md says\n%s", lines(got), lines(want))
	}
}

func TestNumbersThatAreNotKnownAreNotInALine(t *testing.T) {
	out := new(screen)
	w := following()
	w.Dated, w.Doing.Idle = false, false
	emit(t, out, func(time.Time) status.Work { return w }, func(*status.Server) {
		minutes(1)
		got := slices.Sorted(maps.Keys(out.take(t)[0]))
		want := []string{
			"_aws", "doing", "pipeline", "tailrace_failures", "tailrace_pending_bytes", "tailrace_published_bytes", "tailrace_published_changes",
			"tailrace_ready", "tailrace_retries", "tailrace_save_pending_seconds", "tailrace_sink_silent_seconds", "tailrace_stuck", "version",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestALineSaysWhatWasAddedSinceTheOneBefore(t *testing.T) {
	out := new(screen)
	var now atomic.Pointer[status.Work]
	set := func(published, deadLetters uint64, shards ...status.Shard) {
		w := following()
		w.Published, w.Bytes, w.Retries, w.DeadLetters, w.Shards = published, 10*published, published/10, &deadLetters, shards
		now.Store(&w)
	}
	shard := func(name string, throttled uint64) status.Shard {
		return status.Shard{Shard: name, Rate: 1, Throttled: throttled}
	}
	set(0, 0, shard("a", 0))
	emit(t, out, func(time.Time) status.Work { return *now.Load() }, func(s *status.Server) {
		step := func(name string, want ...float64) {
			t.Helper()
			got := out.take(t)
			if len(got) != 1 {
				t.Fatalf("%s: got %d lines, want one", name, len(got))
			}
			for i, metric := range []string{"published_changes", "published_bytes", "retries", "dead_letters", "throttled_records"} {
				if got := got[0]["tailrace_"+metric]; got != want[i] {
					t.Errorf("%s: %s: got %v, want %v", name, metric, got, want[i])
				}
			}
		}
		set(100, 1, shard("a", 5))
		minutes(1)
		step("since the start", 100, 1000, 10, 1, 5)
		set(150, 3, shard("b", 0), shard("c", 2))
		minutes(1)
		step("a shard was split", 50, 500, 5, 2, 2)
		set(150, 0, shard("b", 0), shard("c", 1))
		minutes(1)
		step("the sink was opened again", 0, 0, 0, 0, 1)
		set(150, 0, shard("d", 0))
		minutes(1)
		step("two shards were merged", 0, 0, 0, 0, 0)
		set(160, 0, shard("d", 0))
		time.Sleep(30 * time.Second)
		s.Close()
		step("the last line", 10, 100, 1, 0, 0)
	})
}

func TestALongReasonIsCut(t *testing.T) {
	out := new(screen)
	w := following()
	w.Doing.Phase, w.Doing.Why = pipeline.Waiting, strings.Repeat("the brokers don't answer, ü ", 1000)
	emit(t, out, func(time.Time) status.Work { return w }, func(*status.Server) {
		minutes(1)
		doing, _ := out.take(t)[0]["doing"].(string)
		if !strings.HasPrefix(doing, "waiting: the brokers don't answer") || !strings.HasSuffix(doing, "…") || len(doing) > 1100 || strings.ContainsRune(doing, '\ufffd') {
			t.Errorf("got %d bytes, %q; want the beginning", len(doing), doing)
		}
	})
}

// A pipe is a stdout that nobody reads, until it is let go of.
type pipe struct {
	screen
	blocked chan struct{} // closed: it is read
}

func (p *pipe) Write(text []byte) (int, error) {
	<-p.blocked
	return p.screen.Write(text)
}

func TestASlowStdoutMissesLinesAndHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &pipe{blocked: make(chan struct{})}
		var looks atomic.Uint64
		s, err := status.Start(status.Config{Version: "v1.2.3", Pipeline: "shop", EMF: out, Work: func(time.Time) status.Work {
			w := following()
			w.Published = 10 * looks.Add(1)
			return w
		}})
		if err != nil {
			t.Fatal(err)
		}
		minutes(5) // the first line is on its way, and four are missed
		if n := looks.Load(); n != 5 {
			t.Errorf("in five minutes: got %d looks, want 5", n)
		}
		close(out.blocked)
		synctest.Wait()
		out.rest() // its time is that of the first minute
		minutes(1)
		if got := out.take(t); len(got) != 1 || got[0]["tailrace_published_changes"] != 50.0 {
			t.Errorf("then: got %v, want a line with what the missed ones would have had", got)
		}
		s.Close()
	})
}

func TestAStdoutThatIsStuckDoesNotKeepCloseWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &pipe{blocked: make(chan struct{})}
		s, err := status.Start(status.Config{Pipeline: "shop", EMF: out, Work: func(time.Time) status.Work { return following() }})
		if err != nil {
			t.Fatal(err)
		}
		minutes(3)
		begin := time.Now()
		s.Close()
		if got := time.Since(begin); got > time.Second {
			t.Errorf("Close took %v, want a second at most", got)
		}
		close(out.blocked)
		synctest.Wait()
	})
}

// A faulty stdout fails as often as it is told to, with a part of the line written.
type faulty struct {
	screen
	errs []error
	part int
}

func (f *faulty) Write(text []byte) (int, error) {
	f.mu.Lock()
	var err error
	if len(f.errs) > 0 {
		err, f.errs = f.errs[0], f.errs[1:]
	}
	f.mu.Unlock()
	if err != nil {
		n, _ := f.screen.Write(text[:f.part])
		return n, err
	}
	return f.screen.Write(text)
}

func TestAClosedStdoutIsToldOnce(t *testing.T) {
	core, seenLines := observer.New(zap.WarnLevel)
	broken := errors.New("write /dev/stdout: broken pipe")
	out := &faulty{errs: []error{broken, broken, broken, io.ErrShortWrite}, part: 7}
	emit(t, out, func(time.Time) status.Work { return following() }, func(*status.Server) {
		minutes(4)
		if got := seenLines.Len(); got != 2 {
			t.Errorf("lines of the log: got %d, want one for each error", got)
		}
		out.rest()
		minutes(1)
		text := out.rest()
		whole, ok := strings.CutPrefix(text, "\n")
		if !ok {
			t.Errorf("after a part of a line: got %q, want that the next one begins a line of its own", text)
		}
		document(t, whole)
	}, func(c *status.Config) { c.Log = zap.New(core) })
}
