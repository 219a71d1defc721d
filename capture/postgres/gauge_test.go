package postgres_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

// Gauge implements capturetest.Measured.
func (d source) Gauge(t testing.TB) capture.Gauge {
	t.Helper()
	cfg := postgres.Config{Name: "test", URL: d.URL(), Slot: d.slot(), Publication: "tailrace_test", Create: true}
	if d.change != nil {
		d.change(&cfg)
	}
	g, err := postgres.NewGauge(cfg)
	if err != nil {
		t.Fatalf("make the gauge: %v", err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func TestGauge(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		capturetest.RunGauge(t, func(t testing.TB) capturetest.Measured {
			return source{servers.Postgres(t, version), nil}
		})
	})
}

// onOwn runs a test on a server of its own of each version, with a small log.
func onOwn(t *testing.T, test func(t *testing.T, server *servers.Server, d source)) {
	eachServer(t, func(t *testing.T, version int) {
		server := servers.NewPostgres(t, version, map[string]string{"checkpoint_timeout": "1h"})
		d := source{server.Database(t), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		test(t, server, d)
	})
}

// idle returns the state of a pipeline that has read what there is, and ended.
func idle(t *testing.T, d source) checkpoint.State {
	t.Helper()
	r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
	d.Exec(t, "INSERT INTO t VALUES (0)")
	r.ToEnd()
	r.Confirm()
	r.Close()
	return r.State
}

// write makes the server write whole files of log, of 16 MiB each.
func write(t *testing.T, d source, files int) {
	t.Helper()
	for range files {
		d.Exec(t, "SELECT pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()")
	}
}

func TestAnIdleSlotHasNothingBehindIt(t *testing.T) {
	onOwn(t, func(t *testing.T, _ *servers.Server, d source) {
		st := idle(t, d)
		got := capturetest.Look(t, d.Gauge(t), st)
		const little = 1 << 20 // the server writes a little by itself
		if got.Lost != "" || got.Behind < 0 || got.Behind > little || got.Kept < 0 || got.Kept > little {
			t.Errorf("got %+v, want nearly nothing behind the place or kept", got)
		}
		if got.Room != capture.Unknown || got.Limit != "" || got.Left != capture.Unknown {
			t.Errorf("got %+v without max_slot_wal_keep_size, want no limit", got)
		}
	})
}

func TestTheRoomOfASlotThatLagsShrinksUntilItIsLost(t *testing.T) {
	onOwn(t, func(t *testing.T, _ *servers.Server, d source) {
		st := idle(t, d)
		g := d.Gauge(t)
		d.Exec(t, "ALTER SYSTEM SET max_slot_wal_keep_size = '128MB'")
		d.Exec(t, "SELECT pg_reload_conf()")
		var first capture.Sight
		eventually.True(t, patience, "the limit holds", func() bool {
			first = capturetest.Look(t, g, st)
			return first.Limit != ""
		})
		if first.Limit != "max_slot_wal_keep_size" || first.Room < 100<<20 || first.Room > 256<<20 {
			t.Errorf("room is %d by %q, want about 128 MiB by max_slot_wal_keep_size", first.Room, first.Limit)
		}
		write(t, d, 3)
		second := capturetest.Look(t, g, st)
		const written = 2 * 16 << 20
		if first.Room-second.Room < written || second.Kept-first.Kept < written || second.Behind-first.Behind < written {
			t.Errorf("got %+v after %+v, want that more than %d bytes are written", second, first, written)
		}
		if at, want := second.Behind, distance(t, d, st); at > want || at < want-1<<20 {
			t.Errorf("behind the place are %d bytes, want %d as the server counts", at, want)
		}
		write(t, d, 12)
		past := capturetest.Look(t, g, st)
		if past.Room != 0 || past.Lost != "" {
			t.Errorf("got %+v past the limit, want no room and no loss before the server's checkpoint", past)
		}
		d.Exec(t, "CHECKPOINT")
		lost := capturetest.Look(t, g, st)
		_, err := capturetest.Open(t, d.Source(t), st, "")
		if err == nil || lost.Lost != err.Error() || !strings.Contains(lost.Lost, "max_slot_wal_keep_size") || !strings.Contains(lost.Lost, "pg_drop_replication_slot") {
			t.Errorf("lost is %q, want %q with the setting and what to do", lost.Lost, err)
		}
		if lost.Kept != 0 || lost.Room != 0 || lost.Behind < past.Behind {
			t.Errorf("got %+v of a lost slot, want nothing kept, no room, and as much behind the place as before", lost)
		}
	})
}

// distance is how many bytes of log the server has behind the place of st.
func distance(t *testing.T, d source, st checkpoint.State) int64 {
	t.Helper()
	text := d.One(t, "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), $1::text::pg_lsn)::bigint", strings.TrimPrefix(string(st.Position), "lsn:"))
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("parse a distance: %v", err)
	}
	return n
}

func TestASlotThatWasDroppedIsLost(t *testing.T) {
	onOwn(t, func(t *testing.T, _ *servers.Server, d source) {
		st := idle(t, d)
		g := d.Gauge(t)
		if got := capturetest.Look(t, g, st).Lost; got != "" {
			t.Fatalf("the place is lost: %s", got)
		}
		d.Exec(t, "SELECT pg_drop_replication_slot($1)", d.slot())
		got := capturetest.Look(t, g, st)
		_, err := capturetest.Open(t, d.Source(t), st, "")
		if err == nil || got.Lost != err.Error() || got.Kept != capture.Unknown || got.Room != capture.Unknown {
			t.Errorf("got %+v, want that it is lost as in %q, and no number of a slot", got, err)
		}
		if none := capturetest.Look(t, g, checkpoint.State{}); none.Lost != "" || none.Oldest != none.Newest {
			t.Errorf("got %+v for a pipeline without a place, want only the log's end", none)
		}
	})
}

// A look comes a moment after the state that it is given was read.
func TestAPlaceThatARunningReaderHasLeftBehindIsNotLost(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		g := d.Gauge(t)
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Exec(t, "INSERT INTO t VALUES (1)")
		r.ToEnd()
		before := r.State
		d.Exec(t, "INSERT INTO t VALUES (2)")
		r.ToEnd()
		r.Confirm()
		d.Forget(t, r.State.Position)
		if got := capturetest.Look(t, g, before); got.Lost != "" || got.Behind < 0 {
			t.Errorf("got %+v while the reader is there, want no loss", got)
		}
		after := r.State
		r.Close()
		eventually.True(t, patience, "without a reader the place before the slot's is lost", func() bool {
			return strings.Contains(capturetest.Look(t, g, before).Lost, "ahead of the checkpoint")
		})
		if got := capturetest.Look(t, g, after).Lost; got != "" {
			t.Errorf("the saved place is lost: %s", got)
		}
	})
}

func TestAGaugeLooksAgainAfterARestart(t *testing.T) {
	onOwn(t, func(t *testing.T, server *servers.Server, d source) {
		st := idle(t, d)
		g := d.Gauge(t)
		capturetest.Look(t, g, st)
		server.Stop(t)
		if sight, err := g.Look(t.Context(), st); !failure.Retryable(err) {
			t.Errorf("a look at a server that is down says %+v, %v; want a Retry", sight, err)
		}
		server.Start(t)
		if got := capturetest.Look(t, g, st); got.Lost != "" || got.Behind < 0 {
			t.Errorf("got %+v, want the place as before", got)
		}
	})
}

func TestTheLeastRoleMayLook(t *testing.T) {
	onOwn(t, func(t *testing.T, _ *servers.Server, d source) {
		st := idle(t, d)
		const password = "canary-password"
		role := d.Role(t, password, "REPLICATION")
		d.change = func(cfg *postgres.Config) { cfg.URL = d.URLAs(role, password) }
		foreign := st
		foreign.Source.System += "0"
		for _, c := range []struct {
			name    string
			change  string
			foreign string // what is said of a place of another server
		}{
			{"as README grants it", "SELECT", "system identifier"},
			{"where the server does not tell its identifier", "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", ""},
		} {
			t.Run(c.name, func(t *testing.T) {
				d.Exec(t, c.change)
				g := d.Gauge(t)
				if got := capturetest.Look(t, g, st); got.Lost != "" || got.Behind < 0 || got.Kept < 0 {
					t.Errorf("got %+v, want all numbers", got)
				}
				if got := capturetest.Look(t, g, foreign).Lost; !strings.Contains(got, c.foreign) || (got == "") != (c.foreign == "") {
					t.Errorf("of another server's place: got %q, want %q in it", got, c.foreign)
				}
			})
		}
		t.Run("with a wrong password", func(t *testing.T) {
			d.change = func(cfg *postgres.Config) { cfg.URL = d.URLAs(role, "wr0ng") }
			_, err := d.Gauge(t).Look(t.Context(), st)
			if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || strings.Contains(err.Error(), "wr0ng") {
				t.Errorf("look: %v, want a Stop without the password", err)
			}
		})
	})
}

func TestAPlaceAheadOfTheLogIsLost(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		st := idle(t, d)
		st.Position = event.Position(fmt.Sprintf("lsn:%X/0", 1<<31))
		got := capturetest.Look(t, d.Gauge(t), st)
		if !strings.Contains(got.Lost, "restored from a copy") || got.Behind != capture.Unknown {
			t.Errorf("got %+v, want that it is lost and nothing is behind it", got)
		}
	})
}

// patience is how long a test waits for a server.
const patience = 30 * time.Second
