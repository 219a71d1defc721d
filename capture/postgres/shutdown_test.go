package postgres_test

import (
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

// TestAnOpenStreamDoesNotKeepTheServerFromStopping has a reader whose sink is
// stuck: what was sent is never confirmed (C3.5).
func TestAnOpenStreamDoesNotKeepTheServerFromStopping(t *testing.T) {
	const soon = 15 * time.Second
	eachServer(t, func(t *testing.T, version int) {
		server := servers.NewPostgres(t, version, nil)
		d := source{server.Database(t), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		start := r.State
		d.Exec(t, "INSERT INTO t VALUES (1)")
		r.ToEnd()
		begin := time.Now()
		server.Stop(t)
		if got := time.Since(begin); got > soon {
			t.Errorf("the server took %v to stop, want at most %v", got, soon)
		}
		if err := r.Broken(); !failure.Retryable(err) {
			t.Errorf("Next = %v, want an error of the class Retry", err)
		}
		r.Close()
		server.Start(t)
		r = capturetest.Start(t, d.Source(t), start, "")
		equalLines(t, r.ToEnd(), []string{`c public.t {"id":1} null {"id":1}`})
	})
}

func TestAServerThatCrashedGoesOnWhereItWas(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		server := servers.NewPostgres(t, version, nil)
		d := source{server.Database(t), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Exec(t, "INSERT INTO t VALUES (1)")
		equalLines(t, r.ToEnd(), []string{`c public.t {"id":1} null {"id":1}`})
		saved := r.State
		d.Exec(t, "INSERT INTO t VALUES (2)")
		server.Kill(t)
		if err := r.Broken(); !failure.Retryable(err) {
			t.Errorf("Next = %v, want an error of the class Retry", err)
		}
		r.Close()
		server.Start(t)
		d.Exec(t, "INSERT INTO t VALUES (3)")
		r = capturetest.Start(t, d.Source(t), saved, "")
		equalLines(t, r.ToEnd(), []string{`c public.t {"id":2} null {"id":2}`, `c public.t {"id":3} null {"id":3}`})
	})
}

// A predecessor that can't reach its checkpoint never hears that it has lost it.
func TestWhoeverHasLostTheClaimIsEnded(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), func(cfg *postgres.Config) {
			cfg.SlotWait, cfg.Claim = 5*time.Second, func() string { return "the pipeline" }
		}}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		former := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		next := capturetest.Start(t, d.Source(t), former.State, "")
		if err := former.Broken(); !failure.Retryable(err) {
			t.Errorf("the stream of the former one ends with %v, want a Retry", err)
		}
		d.Exec(t, "INSERT INTO t VALUES (1)")
		equalLines(t, next.ToEnd(), []string{`c public.t {"id":1} null {"id":1}`})
	})
}
