package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestRowsLargerThanAnyBufferArriveWhole(t *testing.T) {
	const size = 5 << 20
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, v text)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		session := d.Session(t)
		for id := range 5 {
			session.Exec(t, fmt.Sprintf("INSERT INTO t VALUES (%d, repeat('%d', %d))", id, id, 1+(id%2)*size))
		}
		var want []string
		for id := range 5 {
			value := strings.Repeat(fmt.Sprint(id), 1+(id%2)*size)
			want = append(want, fmt.Sprintf(`c public.t {"id":%d} null {"id":%d,"v":"%s"}`, id, id, value))
		}
		got := capturetest.Strings(r.ToEnd())
		if len(got) != len(want) {
			t.Fatalf("got %d events, want %d", len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("event %d is another one: %d bytes, want %d", i, len(got[i]), len(want[i]))
			}
		}
	})
}

func TestARowAboveTheLimitStops(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), func(cfg *postgres.Config) { cfg.MaxRow = 100_000 }}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, v text)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Session(t).Exec(t, "INSERT INTO t VALUES (1, 'x')", "INSERT INTO t VALUES (2, repeat('secret', 20000))")
		err := r.Broken()
		if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !strings.Contains(err.Error(), "--memory") {
			t.Errorf("Next = %v, want a Stop that names --memory", err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error %v holds a value", err)
		}
	})
}

func TestAStartThatMakesNothingLeavesNothing(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		for _, c := range []struct{ name, from string }{
			{"a position of another source", "file:binlog.000001:4"},
			{"a time that is none", "time:yesterday"},
			{"a position without a slot that has it", "lsn:0/1"},
			{"no position at all, without a slot", "lsn:0/0"},
			{"a time in the past without a slot that has it", "time:2020-01-01T00:00:00Z"},
		} {
			t.Run(c.name, func(t *testing.T) {
				d := source{servers.Postgres(t, version), nil}
				d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
				_, err := capturetest.Open(t, d.Source(t), checkpoint.State{}, c.from)
				if err == nil || failure.Retryable(err) {
					t.Errorf("open from %s = %v, want a Stop", c.from, err)
				}
				if n := d.One(t, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", d.slot()); n != "0" {
					t.Error("a slot was made, which keeps the server's log for nobody")
				}
			})
		}
	})
}
