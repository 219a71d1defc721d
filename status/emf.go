package status

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"go.uber.org/zap"
)

// How often a line is written, and how long Close waits for the last one.
const (
	emitEvery = time.Minute
	lastLine  = time.Second
)

// namespace is where CloudWatch shows the numbers, and dimension what tells the
// pipelines there apart.
const (
	namespace = "Tailrace"
	dimension = "pipeline"
)

// longestWhy bounds the text in a line: Docker cuts lines at 16 KiB, and half a line
// is no line for CloudWatch.
const longestWhy = 1 << 10

// emitted are the numbers of /metrics that are written as they are, by name, with
// CloudWatch's word for their unit.
var emitted = map[string]string{
	"tailrace_ready":                "None",
	"tailrace_stuck":                "None",
	"tailrace_pending_bytes":        "Bytes",
	"tailrace_lag_seconds":          "Seconds",
	"tailrace_sink_silent_seconds":  "Seconds",
	"tailrace_save_pending_seconds": "Seconds",
	"tailrace_log_behind_bytes":     "Bytes",
	"tailrace_log_kept_bytes":       "Bytes",
	"tailrace_log_room_bytes":       "Bytes",
	"tailrace_log_left_seconds":     "Seconds",
	"tailrace_log_lost":             "None",
	"tailrace_snapshot_active":      "None",
	"tailrace_snapshot_waiting":     "None",
}

// An emitter writes lines of CloudWatch's embedded metric format ("Specification:
// Embedded metric format" in its user guide), one a minute and one at the end, which
// says so: a process that is started again and again, and ends before its first
// minute is over, has no other. What counts upwards is written as what was added
// since the line before: an alarm adds that up by itself, and a restart does not
// disturb it.
type emitter struct {
	out               io.Writer
	pipeline, version string
	look              func(time.Time) *view
	failed            func() bool // asked at the end: whether that is an error's
	log               *zap.Logger

	before totals // of the last line that was handed to the writer
}

// run writes until ctx ends. Nothing waits for out but a goroutine of its own, which
// run leaves behind if a Write does not return.
func (e *emitter) run(ctx context.Context) {
	lines, written := make(chan []byte), make(chan struct{})
	go func() {
		defer close(written)
		e.write(lines)
	}()
	tick := time.NewTicker(emitEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-tick.C:
			line, all := e.line(e.look(now), 0)
			select {
			case lines <- line:
				e.before = all
			default: // the last one is still on its way; the next has what this one would have had
			}
		}
	}
	patience, cancel := context.WithTimeout(context.Background(), lastLine)
	defer cancel()
	last, failures := e.look(time.Now()), 0.0
	last.stopped = true
	if e.failed() {
		failures = 1
	}
	line, _ := e.line(last, failures)
	select {
	case lines <- line:
	case <-patience.Done():
	}
	close(lines)
	select {
	case <-written:
	case <-patience.Done():
	}
}

// write writes lines. An error is told once, until it is another one.
func (e *emitter) write(lines <-chan []byte) {
	told, torn := "", false
	for line := range lines {
		if torn {
			line = append([]byte{'\n'}, line...) // or it would be the end of half a line
		}
		n, err := e.out.Write(line)
		if err == nil {
			told, torn = "", false
			continue
		}
		torn = torn && n == 0 || n > 0 && n < len(line)
		if err.Error() != told {
			told = err.Error()
			e.log.Warn("the numbers for CloudWatch can't be written to stdout", zap.Error(err))
		}
	}
}

// The metadata of a line ("Metadata object").
type (
	emfMetadata struct {
		Timestamp         int64 // Unix milliseconds
		CloudWatchMetrics []emfDirective
	}
	emfDirective struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []emfMetric
	}
	emfMetric struct{ Name, Unit string }
)

// line returns the line of a view, and the totals in it. failures is how often the
// process has ended by an error since the line before.
func (e *emitter) line(v *view, failures float64) ([]byte, totals) {
	all := v.totals()
	root := map[string]any{dimension: e.pipeline, "version": e.version, "doing": short(v.doing())}
	directive := emfDirective{Namespace: namespace, Dimensions: [][]string{{dimension}}}
	add := func(name, unit string, value float64) {
		root[name] = value
		directive.Metrics = append(directive.Metrics, emfMetric{name, unit})
	}
	for _, m := range names(e.version) {
		if unit := emitted[m.name]; unit != "" {
			m.give(v, func(value float64, _ ...string) { add(m.name, unit, value) })
		}
	}
	add("tailrace_published_changes", "Count", gained(e.before.published, all.published))
	add("tailrace_published_bytes", "Bytes", gained(e.before.bytes, all.bytes))
	add("tailrace_retries", "Count", gained(e.before.retries, all.retries))
	add("tailrace_failures", "Count", failures)
	if v.DeadLetters != nil {
		add("tailrace_dead_letters", "Count", gained(e.before.deadLetters, all.deadLetters))
	}
	if len(v.Shards) > 0 {
		sum := 0.0
		for shard, n := range all.throttled {
			sum += gained(e.before.throttled[shard], n)
		}
		add("tailrace_throttled_records", "Count", sum)
	}
	root["_aws"] = emfMetadata{v.now.UnixMilli(), []emfDirective{directive}}
	text, err := json.Marshal(root)
	if err != nil {
		panic("status: marshal numbers: " + err.Error())
	}
	return append(text, '\n'), all
}

// totals are what counts upwards.
type totals struct {
	published, bytes, retries, deadLetters uint64
	throttled                              map[string]uint64 // by shard
}

func (v *view) totals() totals {
	t := totals{published: v.Published, bytes: v.Bytes, retries: v.Retries, throttled: make(map[string]uint64)}
	if v.DeadLetters != nil {
		t.deadLetters = *v.DeadLetters
	}
	for _, s := range v.Shards {
		t.throttled[s.Shard] = s.Throttled
	}
	return t
}

// gained is by how much a total grew. One that fell is of a sink that was opened
// again, and began anew.
func gained(before, now uint64) float64 {
	if now < before {
		before = 0
	}
	return float64(now - before)
}

func short(text string) string {
	if len(text) <= longestWhy {
		return text
	}
	return strings.ToValidUTF8(text[:longestWhy], "") + "…"
}
