package status

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/snapshot"
)

// A metric is one name of docs/metrics.md. A number that is not known is not
// given.
type metric struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	give       func(v *view, one func(value float64, labels ...string))
}

// always is the give of a number that is always known.
func always(value func(*view) float64) func(*view, func(float64, ...string)) {
	return func(v *view, one func(float64, ...string)) { one(value(v)) }
}

// ofLog is the give of a number that the server may not know.
func ofLog(value func(*capture.Sight) int64) func(*view, func(float64, ...string)) {
	return func(v *view, one func(float64, ...string)) {
		if s, known := v.sight(); known && value(&s) != capture.Unknown {
			one(float64(value(&s)))
		}
	}
}

func flag(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// names returns all of them. version is the program's.
func names(version string) []metric {
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return []metric{
		{
			"tailrace_build_info", "Version of Tailrace and of Go; always 1.", gauge,
			[]string{"version", "go_version"},
			func(_ *view, one func(float64, ...string)) { one(1, version, runtime.Version()) },
		},
		{
			"tailrace_ready", "1 while the log is followed, the server has the saved place, and sink and checkpoint answer: what /readyz says.", gauge, nil,
			always(func(v *view) float64 { return flag(v.unready() == "") }),
		},
		{
			"tailrace_stuck", "1 when only a restart helps: what /livez answers 503 for.", gauge, nil,
			always(func(v *view) float64 { return flag(v.stuck() != "") }),
		},
		{"tailrace_phase", "1 for the phase that the pipeline is in, 0 for the others.", gauge, []string{"phase"}, givePhases},
		{
			"tailrace_received_changes_total", "Changes read from the log, by table and operation.", counter,
			[]string{"table", "op"},
			changes(func(c *pipeline.TableCount) uint64 { return c.Received }),
		},
		{
			"tailrace_published_changes_total", "Changes that the sink holds durably, by table and operation.", counter,
			[]string{"table", "op"},
			changes(func(c *pipeline.TableCount) uint64 { return c.Published }),
		},
		{
			"tailrace_published_bytes_total", "Bytes of the keys and values of published events.", counter, nil,
			always(func(v *view) float64 { return float64(v.Bytes) }),
		},
		{
			"tailrace_retries_total", "Times that the pipeline began again at the saved place, after an error that time may mend.", counter, nil,
			always(func(v *view) float64 { return float64(v.Retries) }),
		},
		{
			"tailrace_saves_total", "Times that the checkpoint was saved.", counter, nil,
			always(func(v *view) float64 { return float64(v.Saves) }),
		},
		{
			"tailrace_failed_saves_total", "Times that the checkpoint could not be saved and was tried again.", counter, nil,
			always(func(v *view) float64 { return float64(v.FailedSaves) }),
		},
		{
			"tailrace_pending_bytes", "Bytes read and not yet published.", gauge, nil,
			always(func(v *view) float64 { return float64(v.Held) }),
		},
		{
			"tailrace_pending_limit_bytes", "Limit of tailrace_pending_bytes, at which reading waits (limits.memory).", gauge, nil,
			always(func(v *view) float64 { return float64(v.limit) }),
		},
		{
			"tailrace_lag_seconds", "Age of the last published change, from its commit on; 0 when there is nothing more to publish; absent while there is, and nothing was published yet.", gauge, nil,
			func(v *view, one func(float64, ...string)) {
				if lag, known := v.lag(); known {
					one(lag.Seconds())
				}
			},
		},
		{
			"tailrace_sink_silent_seconds", "For how long the sink has given no answer although it owes one; 0 if it owes none.", gauge, nil,
			always(func(v *view) float64 { return v.Doing.Sink.Seconds() }),
		},
		{
			"tailrace_save_pending_seconds", "For how long the checkpoint has not been saved although there is something to save.", gauge, nil,
			always(func(v *view) float64 { return v.Doing.Save.Seconds() }),
		},
		{
			"tailrace_log_behind_bytes", "Bytes of the server's log behind the saved place.", gauge, nil,
			ofLog(func(s *capture.Sight) int64 { return s.Behind }),
		},
		{
			"tailrace_log_kept_bytes", "Bytes of log that the server keeps for this pipeline only (Postgres: its slot).", gauge, nil,
			ofLog(func(s *capture.Sight) int64 { return s.Kept }),
		},
		{
			"tailrace_log_room_bytes", "Bytes that the server may still write before it gives up the log that the pipeline needs (Postgres: safe_wal_size; MariaDB: max_binlog_total_size; Percona: binlog_space_limit).", gauge, nil,
			ofLog(func(s *capture.Sight) int64 { return s.Room }),
		},
		{
			"tailrace_log_left_seconds", "For how long the server will keep the log at the saved place (MySQL, MariaDB: binlog_expire_logs_seconds; RDS, Aurora: binlog retention hours).", gauge, nil,
			func(v *view, one func(float64, ...string)) {
				if s, known := v.sight(); known && s.Left != capture.Unknown {
					one(s.Left.Seconds())
				}
			},
		},
		{
			"tailrace_log_lost", "1 when the server no longer has the saved place.", gauge, nil,
			func(v *view, one func(float64, ...string)) {
				if s, known := v.sight(); known {
					one(flag(s.Lost != ""))
				}
			},
		},
		{
			"tailrace_log_failed_questions_total", "Questions about its log that the server did not answer.", counter, nil,
			always(func(v *view) float64 { return float64(v.log.failed) }),
		},
		{
			"tailrace_snapshot_active", "1 while there are tables to copy.", gauge, nil,
			ofCopies(func(p *snapshot.Progress) float64 { return flag(p.Active) }),
		},
		{
			"tailrace_snapshot_tables", "Tables that were to be copied since there were none.", gauge, nil,
			ofCopies(func(p *snapshot.Progress) float64 { return float64(p.Tables) }),
		},
		{
			"tailrace_snapshot_tables_done", "Of tailrace_snapshot_tables, those that are copied.", gauge, nil,
			ofCopies(func(p *snapshot.Progress) float64 { return float64(p.Done) }),
		},
		{
			"tailrace_snapshot_rows", "Rows of tailrace_snapshot_tables that were copied.", gauge, nil,
			ofCopies(func(p *snapshot.Progress) float64 { return float64(p.Rows) }),
		},
		{
			"tailrace_snapshot_rows_estimate", "Rows of tailrace_snapshot_tables, by the server's statistics.", gauge, nil,
			ofCopies(func(p *snapshot.Progress) float64 { return float64(p.Estimate) }),
		},
		{
			"tailrace_snapshot_waiting", "1 while there are tables to copy and nothing is read; /status says why.", gauge, nil,
			ofCopies(func(p *snapshot.Progress) float64 { return flag(p.Active && p.Waits != "") }),
		},
		{
			"tailrace_snapshot_rows_total", "Rows read by copies that the sink holds durably.", counter, nil,
			func(v *view, one func(float64, ...string)) {
				if v.copies != nil {
					one(float64(v.copied()))
				}
			},
		},
		{
			"tailrace_dead_letters_total", "Events that were too large for a record and went to the dead letter topic or stream.", counter, nil,
			func(v *view, one func(float64, ...string)) {
				if v.DeadLetters != nil {
					one(float64(*v.DeadLetters))
				}
			},
		},
		{
			"tailrace_kinesis_lane_queued_events", "Events in a lane that are not stored.", gauge,
			[]string{"lane", "shard"},
			func(v *view, one func(float64, ...string)) {
				for _, l := range v.Lanes {
					one(float64(l.Queued), strconv.Itoa(l.Lane), l.Shard)
				}
			},
		},
		{
			"tailrace_kinesis_lane_events_total", "Events of a lane that are stored.", counter,
			[]string{"lane"},
			ofLanes(func(l *Lane) uint64 { return l.Events }),
		},
		{
			"tailrace_kinesis_lane_bytes_total", "Bytes of a lane's stored records, as Kinesis counts them.", counter,
			[]string{"lane"},
			ofLanes(func(l *Lane) uint64 { return l.Bytes }),
		},
		{
			"tailrace_kinesis_lane_records_total", "Records of a lane that are stored.", counter,
			[]string{"lane"},
			ofLanes(func(l *Lane) uint64 { return l.Records }),
		},
		{
			"tailrace_kinesis_lane_repeats_total", "Times that a record of a lane was sent again.", counter,
			[]string{"lane"},
			ofLanes(func(l *Lane) uint64 { return l.Repeats }),
		},
		{
			"tailrace_kinesis_shard_rate", "What is sent to a shard at most, of what a shard takes: less than 1 while it refuses more.", gauge,
			[]string{"shard"},
			func(v *view, one func(float64, ...string)) {
				for _, s := range v.Shards {
					one(s.Rate, s.Shard)
				}
			},
		},
		{
			"tailrace_kinesis_shard_throttled_total", "Records that a shard refused because it was busy.", counter,
			[]string{"shard"},
			func(v *view, one func(float64, ...string)) {
				for _, s := range v.Shards {
					one(float64(s.Throttled), s.Shard)
				}
			},
		},
	}
}

// ofCopies is the give of a number of copies, for a pipeline that makes any.
func ofCopies(value func(*snapshot.Progress) float64) func(*view, func(float64, ...string)) {
	return func(v *view, one func(float64, ...string)) {
		if v.copies != nil {
			one(value(v.copies))
		}
	}
}

// copied counts the published rows that copies have read.
func (v *view) copied() (rows uint64) {
	for i := range v.Tables {
		if v.Tables[i].Op == event.Read {
			rows += v.Tables[i].Published
		}
	}
	return rows
}

// ofLanes gives one number of every lane.
func ofLanes(count func(*Lane) uint64) func(*view, func(float64, ...string)) {
	return func(v *view, one func(float64, ...string)) {
		for i := range v.Lanes {
			l := &v.Lanes[i]
			one(float64(count(l)), strconv.Itoa(l.Lane))
		}
	}
}

func givePhases(v *view, one func(float64, ...string)) {
	for _, p := range []pipeline.Phase{pipeline.Starting, pipeline.Following, pipeline.Waiting, pipeline.Draining} {
		one(flag(v.Doing.Phase == p), string(p))
	}
}

var opWords = map[event.Op]string{
	event.Insert: "insert", event.Update: "update", event.Delete: "delete", event.Truncate: "truncate", event.Read: "read",
}

// changes gives one number of every table. Those that are not counted one by one
// share a name that no table has, since tables have a dot.
func changes(count func(*pipeline.TableCount) uint64) func(*view, func(float64, ...string)) {
	return func(v *view, one func(float64, ...string)) {
		for i := range v.Tables {
			c := &v.Tables[i]
			table := c.Table
			if table == "" {
				table = "other"
			}
			one(float64(count(c)), table, opWords[c.Op])
		}
	}
}

// A collector answers Prometheus out of one view.
type collector struct {
	look    func(time.Time) *view
	metrics []metric
	descs   []*prometheus.Desc
}

var _ prometheus.Collector = (*collector)(nil)

// newRegistry returns what /metrics shows: ours, Go's and the process's.
func newRegistry(version string, look func(time.Time) *view) *prometheus.Registry {
	c := &collector{look: look, metrics: names(version)}
	for _, m := range c.metrics {
		c.descs = append(c.descs, prometheus.NewDesc(m.name, m.help, m.labels, nil))
	}
	r := prometheus.NewRegistry()
	r.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector. Several requests may run it at once.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	v := c.look(time.Now())
	for i, m := range c.metrics {
		m.give(v, func(value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(c.descs[i], m.kind, value, labels...)
		})
	}
}
