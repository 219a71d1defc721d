package status_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/status"
)

// wantSamples fails unless /metrics gives name exactly these values, each behind
// its labels.
func wantSamples(t *testing.T, s *status.Server, name string, want ...string) {
	t.Helper()
	got := samples(t, s, name)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

// busy is the work of a pipeline that has a number for everything.
func busy() status.Work {
	w := following()
	w.Doing = pipeline.Doing{
		Phase: pipeline.Following, Since: time.Now(),
		Sink: 2500 * time.Millisecond, Save: 1500 * time.Millisecond, Lag: 750 * time.Millisecond,
	}
	w.Tables = []pipeline.TableCount{
		{Table: "", Op: event.Insert, Received: 7, Published: 6},
		{Table: "public.orders", Op: event.Insert, Received: 5, Published: 4},
		{Table: "public.orders", Op: event.Truncate, Received: 3, Published: 2},
		{Table: "public.orders", Op: event.Read, Received: 30, Published: 29},
	}
	w.Received, w.Published, w.Bytes, w.Retries, w.Saves, w.FailedSaves, w.Held = 15, 12, 1200, 8, 9, 10, 11
	deadLetters := uint64(16)
	w.DeadLetters = &deadLetters
	w.Lanes = []status.Lane{
		{Lane: 0, Shard: "shardId-000000000000", Queued: 17, Events: 18, Bytes: 19, Records: 20, Repeats: 21},
		{Lane: 1023, Shard: "shardId-000000000001", Queued: 22, Events: 23, Bytes: 24, Records: 25, Repeats: 26},
	}
	w.Shards = []status.Shard{{Shard: "shardId-000000000000", Rate: 1}, {Shard: "shardId-000000000001", Rate: 0.7, Throttled: 27}}
	return w
}

func TestMetricsSayWhatThePipelineHasDone(t *testing.T) {
	g := &gauge{sight: capture.Sight{Behind: 100, Kept: 1 << 30, Room: 2 << 30, Left: 90 * time.Minute}}
	s := serve(t, busy(), seen(g), copying(halfway()))
	g.answered(t, 1)
	for name, want := range map[string][]string{
		"tailrace_build_info":         {fmt.Sprintf(`{go_version="%s",version="v1.2.3"} 1`, runtime.Version())},
		"tailrace_ready":              {"1"},
		"tailrace_stuck":              {"0"},
		"tailrace_phase":              {`{phase="starting"} 0`, `{phase="following"} 1`, `{phase="waiting"} 0`, `{phase="draining"} 0`},
		"tailrace_retries_total":      {"8"},
		"tailrace_saves_total":        {"9"},
		"tailrace_failed_saves_total": {"10"},
		"tailrace_pending_bytes":      {"11"},
		"tailrace_received_changes_total": {
			`{op="insert",table="other"} 7`, `{op="insert",table="public.orders"} 5`, `{op="truncate",table="public.orders"} 3`, `{op="read",table="public.orders"} 30`,
		},
		"tailrace_published_changes_total": {
			`{op="insert",table="other"} 6`, `{op="insert",table="public.orders"} 4`, `{op="truncate",table="public.orders"} 2`, `{op="read",table="public.orders"} 29`,
		},
		"tailrace_published_bytes_total":      {"1200"},
		"tailrace_pending_limit_bytes":        {"1.048576e+06"},
		"tailrace_lag_seconds":                {"0.75"},
		"tailrace_sink_silent_seconds":        {"2.5"},
		"tailrace_save_pending_seconds":       {"1.5"},
		"tailrace_log_behind_bytes":           {"100"},
		"tailrace_log_kept_bytes":             {"1.073741824e+09"},
		"tailrace_log_room_bytes":             {"2.147483648e+09"},
		"tailrace_log_left_seconds":           {"5400"},
		"tailrace_log_lost":                   {"0"},
		"tailrace_log_failed_questions_total": {"0"},
		"tailrace_snapshot_active":            {"1"},
		"tailrace_snapshot_tables":            {"10"},
		"tailrace_snapshot_tables_done":       {"3"},
		"tailrace_snapshot_rows":              {"500"},
		"tailrace_snapshot_rows_estimate":     {"2000"},
		"tailrace_snapshot_waiting":           {"1"},
		"tailrace_snapshot_rows_total":        {"29"},
		"tailrace_dead_letters_total":         {"16"},
		"tailrace_kinesis_lane_queued_events": {
			`{lane="0",shard="shardId-000000000000"} 17`, `{lane="1023",shard="shardId-000000000001"} 22`,
		},
		"tailrace_kinesis_lane_events_total":     {`{lane="0"} 18`, `{lane="1023"} 23`},
		"tailrace_kinesis_lane_bytes_total":      {`{lane="0"} 19`, `{lane="1023"} 24`},
		"tailrace_kinesis_lane_records_total":    {`{lane="0"} 20`, `{lane="1023"} 25`},
		"tailrace_kinesis_lane_repeats_total":    {`{lane="0"} 21`, `{lane="1023"} 26`},
		"tailrace_kinesis_shard_rate":            {`{shard="shardId-000000000000"} 1`, `{shard="shardId-000000000001"} 0.7`},
		"tailrace_kinesis_shard_throttled_total": {`{shard="shardId-000000000000"} 0`, `{shard="shardId-000000000001"} 27`},
	} {
		wantSamples(t, s, name, want...)
	}
}

func TestNumbersThatAreNotKnownAreAbsent(t *testing.T) {
	ofLog := []string{
		"tailrace_log_behind_bytes", "tailrace_log_kept_bytes", "tailrace_log_room_bytes", "tailrace_log_left_seconds", "tailrace_log_lost",
	}
	t.Run("the server was not asked", func(t *testing.T) {
		s := serve(t, following())
		for _, name := range ofLog {
			wantSamples(t, s, name)
		}
	})
	t.Run("the server does not know", func(t *testing.T) {
		g := &gauge{sight: unknown()}
		s := serve(t, following(), seen(g))
		g.answered(t, 1)
		for _, name := range ofLog[:4] {
			wantSamples(t, s, name)
		}
		wantSamples(t, s, "tailrace_log_lost", "0")
	})
	t.Run("the server does not answer", func(t *testing.T) {
		g := &gauge{err: failure.Retry(errors.New("connection refused"))}
		s := serve(t, following(), seen(g))
		g.answered(t, 2)
		for _, name := range ofLog {
			wantSamples(t, s, name)
		}
		if got := samples(t, s, "tailrace_log_failed_questions_total"); len(got) != 1 || got[0] == "0" {
			t.Errorf("failed questions: got %q, want some", got)
		}
	})
	t.Run("nothing was published yet, and there is something to publish", func(t *testing.T) {
		w := following()
		w.Dated, w.Doing.Idle = false, false
		wantSamples(t, serve(t, w), "tailrace_lag_seconds")
	})
	t.Run("the sink has neither lanes nor dead letters", func(t *testing.T) {
		s := serve(t, following())
		if _, page := get(t, s, "/metrics"); strings.Contains(page, "tailrace_kinesis_") || strings.Contains(page, "tailrace_dead_letters_") {
			t.Errorf("got numbers of such a sink:\n%s", page)
		}
	})
	t.Run("the pipeline makes no copies", func(t *testing.T) {
		s := serve(t, following())
		if _, page := get(t, s, "/metrics"); strings.Contains(page, "tailrace_snapshot_") {
			t.Errorf("got numbers of copies:\n%s", page)
		}
		if got := report(t, s).Snapshot; got != nil {
			t.Errorf("the status has copies: got %+v, want none", got)
		}
	})
	t.Run("there is nothing to publish", func(t *testing.T) {
		w := following()
		w.Dated = false
		wantSamples(t, serve(t, w), "tailrace_lag_seconds", "0")
	})
}

// A client library may add names with a new version; those of ours are a promise.
func TestTheDocumentListsEveryMetric(t *testing.T) {
	g := &gauge{sight: capture.Sight{Behind: 1, Kept: 1, Room: 1, Left: 1}}
	s := serve(t, busy(), seen(g), copying(halfway()))
	g.answered(t, 1)
	_, page := get(t, s, "/metrics")
	got := map[string]string{} // name to type and labels
	types := map[string]string{}
	for line := range strings.Lines(page) {
		if fields := strings.Fields(line); fields[0] == "#" && fields[1] == "TYPE" {
			types[fields[2]] = fields[3]
		}
	}
	sample := regexp.MustCompile(`^(tailrace_\w+)(?:\{(.*)\})? `)
	label := regexp.MustCompile(`(\w+)="[^"]*"`)
	for line := range strings.Lines(page) {
		if m := sample.FindStringSubmatch(line); m != nil {
			var labels []string
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				labels = append(labels, l[1])
			}
			slices.Sort(labels)
			got[m[1]] = types[m[1]] + " " + strings.Join(labels, ",")
		}
	}
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 6 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`tailrace_") {
			continue
		}
		labels := strings.FieldsFunc(cells[3], func(r rune) bool { return strings.ContainsRune(" `,–", r) })
		slices.Sort(labels)
		want[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2]) + " " + strings.Join(labels, ",")
	}
	if !maps.Equal(got, want) {
		t.Errorf("the registry gives\n%s\nand docs/metrics.md says\n%s", lines(got), lines(want))
	}
	for _, other := range []string{"go_goroutines", "process_start_time_seconds"} {
		if types[other] == "" {
			t.Errorf("%s of the client library is missing", other)
		}
	}
}

func lines(m map[string]string) string {
	var all []string
	for name, what := range m {
		all = append(all, "  "+name+" "+what)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
