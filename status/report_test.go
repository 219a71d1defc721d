package status_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/status"
)

func TestTheStatusSaysAllThatIsKnown(t *testing.T) {
	g := &gauge{sight: capture.Sight{
		Oldest: "lsn:0/1", Newest: "lsn:0/9", Behind: 100, Kept: 1 << 30, Room: 2 << 30, Left: 90 * time.Minute, Limit: "max_slot_wal_keep_size",
	}}
	w := busy()
	w.State.Ver = event.Ver{Epoch: 3, Commit: 7}
	w.Doing.WhySave = "no space left on device"
	s := serve(t, w, seen(g), copying(halfway()), func(c *status.Config) {
		c.Describe = func() capture.Description {
			return capture.Description{Server: "db:5432", Version: "PostgreSQL 18.1", Tables: []string{"a.b", "a.c"}}
		}
	})
	g.answered(t, 1)
	got := report(t, s)
	if got.UptimeSeconds <= 0 || got.UptimeSeconds > patience.Seconds() || got.MemoryBytes < 1<<20 || got.Log == nil || got.Log.Asked == nil || got.Since.IsZero() {
		t.Fatalf("got %+v, want an uptime, memory, and when the phase began and the server was asked", got)
	}
	if got := time.Since(*got.Log.Asked); got < 0 || got > patience {
		t.Errorf("the server was asked: got %v ago", got)
	}
	behind, kept, room, lag, left := int64(100), int64(1<<30), int64(2<<30), int64(750), 5400.0
	toCopy := 90.0
	shards, throttled := 2, 1
	want := status.Report{
		Version: "v1.2.3", Pipeline: "shop", Live: true, Ready: true, Doing: "copying tables, 3 of 10 done, waits for the replica, which is 12s behind", Phase: "following", Since: got.Since,
		Source:     status.Source{Server: "db:5432", Version: "PostgreSQL 18.1", Tables: 2},
		Sink:       status.Sink{URL: "stdout:", SilentSeconds: 2.5, DeadLetters: w.DeadLetters, Shards: &shards, ThrottledShards: &throttled},
		Checkpoint: status.Checkpoint{Place: "shop.json", Position: "lsn:0/2", Epoch: 3, Ver: w.State.Ver.String(), Saves: 9, FailedSaves: 10, PendingSeconds: 1.5, Error: "no space left on device"},
		Changes:    status.Changes{Received: 15, Published: 12, Bytes: 1200, Retries: 8, HeldBytes: 11, LimitBytes: 1 << 20, LagMillis: &lag},
		Snapshot: &status.Snapshot{
			Active: true, Tables: 10, TablesDone: 3, Rows: 500, RowsEstimate: 2000, RowsPerSecond: 16.5, LeftSeconds: &toCopy,
			WaitsFor: "the replica, which is 12s behind",
		},
		Log: &status.Log{
			Asked: got.Log.Asked, Oldest: "lsn:0/1", Newest: "lsn:0/9", BehindBytes: &behind, KeptBytes: &kept, RoomBytes: &room,
			LeftSeconds: &left, Limit: "max_slot_wal_keep_size",
		},
		Warnings: []string{}, UptimeSeconds: got.UptimeSeconds, MemoryBytes: got.MemoryBytes,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	g.mu.Lock()
	asked := g.state.Position
	g.mu.Unlock()
	if asked != w.State.Position {
		t.Errorf("the server was asked about %q, want the saved place %q", asked, w.State.Position)
	}
}

func TestWarningsSayWhatRunsOut(t *testing.T) {
	const wal, age = "max_slot_wal_keep_size", "binlog_expire_logs_seconds"
	for _, c := range []struct {
		name  string
		sight func(*capture.Sight)
		err   error
		lag   time.Duration
		want  []string
	}{
		{"the server has no limit", func(s *capture.Sight) { s.Kept = 10 << 30 }, nil, 0, nil},
		{
			"the server has no limit, and keeps very much", func(s *capture.Sight) { s.Kept, s.Limit = 12<<30, wal },
			nil, 0,
			[]string{"the server holds 12 GiB of log for this pipeline, and no limit keeps its disk from filling (max_slot_wal_keep_size): see what holds the pipeline up"},
		},
		{"a fifth of the room is left", func(s *capture.Sight) { s.Kept, s.Room, s.Limit = 4<<30, 1<<30, wal }, nil, 0, nil},
		{
			"less than a fifth of the room is left", func(s *capture.Sight) { s.Kept, s.Room, s.Limit = 4<<30, 1<<29, wal },
			nil, 0,
			[]string{"after 512 MiB more the server gives up the log that this pipeline needs (max_slot_wal_keep_size): raise it, or see what holds the pipeline up"},
		},
		{
			"all of a small room is left", func(s *capture.Sight) { s.Kept, s.Room, s.Limit = 0, 63<<20, wal },
			nil, 0,
			[]string{"after 63 MiB more the server gives up the log that this pipeline needs (max_slot_wal_keep_size): raise it, or see what holds the pipeline up"},
		},
		{"the log stays for an hour", func(s *capture.Sight) { s.Left, s.Limit = time.Hour, age }, nil, 30 * time.Minute, nil},
		{
			"the log stays for less than an hour", func(s *capture.Sight) { s.Left, s.Limit = 59*time.Minute+12*time.Second, age },
			nil, 0,
			[]string{"the server may delete the log that this pipeline reads in 59m12s (binlog_expire_logs_seconds): raise it, or see what holds the pipeline up"},
		},
		{
			"the log stays for less than two lags", func(s *capture.Sight) { s.Left, s.Limit = 24*time.Hour, age },
			nil, 13 * time.Hour,
			[]string{"the server may delete the log that this pipeline reads in 24h (binlog_expire_logs_seconds): raise it, or see what holds the pipeline up"},
		},
		{
			"the log may go now", func(s *capture.Sight) { s.Left, s.Limit = 0, age },
			nil, 0,
			[]string{"the server may delete the log that this pipeline reads at any moment (binlog_expire_logs_seconds): raise it, or see what holds the pipeline up"},
		},
		{"the place is gone", func(s *capture.Sight) { s.Lost, s.Room = "slot x is lost; copy the tables again", 0 }, nil, 0, []string{"slot x is lost; copy the tables again"}},
		{"the server is away, of which the pipeline tells itself", nil, failure.Retry(errors.New("connection refused")), 0, nil},
		{
			"a right is missing", nil, failure.Stop("run: GRANT x", "the role may not look"),
			0,
			[]string{"the server does not tell about its log: the role may not look; run: GRANT x"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &gauge{sight: unknown(), err: c.err}
			if c.sight != nil {
				c.sight(&g.sight)
			}
			w := following()
			w.Doing.Lag, w.Doing.Idle = c.lag, c.lag == 0
			s := serve(t, w, seen(g))
			waitForLog(t, s)
			if got := report(t, s).Warnings; !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestSizesAndSpansAreForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 256 << 20: "256 MiB", 5 << 40: "5 TiB", 1<<63 - 1: "8192 PiB"} {
		if got := status.Size(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", 12345 * time.Microsecond: "12ms", 59*time.Second + 600*time.Millisecond: "1m", 61 * time.Second: "1m1s",
		10 * time.Second: "10s", 70 * time.Second: "1m10s", 90 * time.Second: "1m30s", 4*time.Minute + 30*time.Second: "4m30s", 10 * time.Minute: "10m",
		time.Hour: "1h", 90 * time.Minute: "1h30m", 70 * time.Minute: "1h10m", 10 * time.Hour: "10h", 3*time.Hour + 12*time.Minute + 5*time.Second: "3h12m", 72 * time.Hour: "72h",
	} {
		if got := status.Span(d); got != want {
			t.Errorf("%d: got %q, want %q", d, got, want)
		}
	}
}
