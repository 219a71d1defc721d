package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/status"
)

// sum adds up the samples of a metric on a daemon's page.
func (p *process) sum(t *testing.T, name string) (total float64, samples int) {
	t.Helper()
	_, text, err := p.page(t, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^`+name+`(?:\{.*\})? (\S+)$`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		total += n
		samples++
	}
	return total, samples
}

func TestADaemonTellsOfLanesShardsAndDeadLetters(t *testing.T) {
	t.Parallel()
	k := newPostgresStream(t)
	large := k.kinesis.Stream(t, 1)
	k.kinesis.Grow(t, large, 10240)
	k.config, k.env["DEAD_LETTER"] = "kinesis-dead-letter.yaml", large
	p := k.follow(t, append(onFree, fromNow...)...)
	p.following(t)
	k.change(t, 1, 10)
	k.exec(t, "INSERT INTO orders VALUES (11, repeat('x', 1100000))")
	p.answers(t, "/metrics", 200, "\ntailrace_dead_letters_total 1\n")
	eventually.True(t, patience, "the events are there", func() bool { return k.count(t) == 40 })

	// The dead letter is not among them, but in the count of what was published.
	p.answers(t, "/metrics", 200, `tailrace_published_changes_total{op="insert",table="public.orders"} 11`)
	lanes := len(k.events(t))
	for name, want := range map[string]float64{"events_total": 40, "queued_events": 0, "repeats_total": 0} {
		if got, n := p.sum(t, "tailrace_kinesis_lane_"+name); got != want || n != lanes {
			t.Errorf("tailrace_kinesis_lane_%s: got %v in %d lanes, want %v in %d", name, got, n, want, lanes)
		}
	}
	records := k.kinesis.Consume(t, k.stream)
	bytes := 0
	for _, r := range records {
		bytes += len(r.Data) + len(r.PartitionKey)
	}
	if got, _ := p.sum(t, "tailrace_kinesis_lane_records_total"); got != float64(len(records)) {
		t.Errorf("records: got %v, want %d, as there are in the stream", got, len(records))
	}
	if got, _ := p.sum(t, "tailrace_kinesis_lane_bytes_total"); got != float64(bytes) {
		t.Errorf("bytes: got %v, want %d, as there are in the stream", got, bytes)
	}
	for name, want := range map[string]float64{"rate": 2, "throttled_total": 0} {
		if got, n := p.sum(t, "tailrace_kinesis_shard_"+name); got != want || n != 2 {
			t.Errorf("tailrace_kinesis_shard_%s: got %v of %d shards, want %v of 2", name, got, n, want)
		}
	}

	sink := p.report(t).Sink
	if sink.Shards == nil || *sink.Shards != 2 || sink.ThrottledShards == nil || *sink.ThrottledShards != 0 || sink.DeadLetters == nil || *sink.DeadLetters != 1 {
		t.Errorf("/status: got %+v, want two shards, none throttled, and a dead letter", sink)
	}
	asked := k.status(t, p.admin(t))
	asked.exits(t, 0)
	if got, want := asked.stdout.String(), fmt.Sprintf("%s, 2 shards, 1 dead letter\n", sink.URL); !strings.Contains(got, want) {
		t.Errorf("tailrace status: got\n%swant it to say %q", got, want)
	}
	p.stop(t)
}

func TestTheStatusSaysHowManyShardsAreThrottled(t *testing.T) {
	t.Parallel()
	shards, throttled, deadLetters := 8, 2, uint64(0)
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(status.Report{
			Pipeline: "shop", Live: true, Ready: true, Phase: "following",
			Sink: status.Sink{URL: "kinesis://shop-events", DeadLetters: &deadLetters, Shards: &shards, ThrottledShards: &throttled},
		}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(daemon.Close)
	asked := (&site{}).status(t, strings.TrimPrefix(daemon.URL, "http://"))
	asked.exits(t, 0)
	if got, want := asked.stdout.String(), " kinesis://shop-events, 8 shards, 2 throttled now\n"; !strings.Contains(got, want) {
		t.Errorf("tailrace status: got\n%swant it to say %q", got, want)
	}
}

func TestADaemonTellsOfDeadLettersOfKafka(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	newKafkaSite(t, s, s.source(), "public", nil)
	p := s.follow(t, append(onFree, fromNow...)...)
	p.answers(t, "/readyz", 200, "ready")
	p.answers(t, "/metrics", 200, "\ntailrace_dead_letters_total 0\n")
	if _, text, err := p.page(t, "/metrics"); err != nil || strings.Contains(text, "tailrace_kinesis_") {
		t.Errorf("got %v, and numbers of lanes of Kafka", err)
	}
	p.stop(t)
}
