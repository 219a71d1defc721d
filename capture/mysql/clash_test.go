package mysql_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A server that was started again counts its connections from the beginning.
func TestARivalWithTheNumberOfOurLastConnectionIsLeftAlone(t *testing.T) {
	for _, product := range []local.Product{local.MySQL97, local.MariaDB114} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			server := pool.Server(t, product, nil)
			d := newSource(t, server.Database(t), func(cfg *mysql.Config) { cfg.SlotWait = 300 * time.Millisecond })
			d.Exec(t, orders)
			for range 50 { // far from what it takes to start a server
				_ = d.Conn(t).Close()
			}
			lock := fmt.Sprintf("'tailrace server_id %d'", d.replicaID())
			src := d.Source(t)
			r := capturetest.Start(t, src, checkpoint.State{}, event.Now)
			ours := number(t, d.One(t, "SELECT IS_USED_LOCK("+lock+")"))
			server.Restart(t)
			if err := r.Broken(); !failure.Retryable(err) {
				t.Fatalf("the stream ends with %v, want a Retry", err)
			}
			rival := numbered(t, d, ours)
			application{rival}.Exec(t, "DO GET_LOCK("+lock+", 0)")
			r.Close()
			if _, err := src.Locate(within(t), r.State, ""); failure.ExitCode(err) != failure.ExitFenced {
				t.Errorf("locate: %v, want exit %d", err, failure.ExitFenced)
			}
			if _, err := src.Open(within(t), r.State); !failure.Retryable(err) {
				t.Errorf("open: %v, want a Retry", err)
			}
			application{rival}.Exec(t, "DO 1")
		})
	}
}

// A predecessor that is frozen keeps its connection for as long as the server
// lets it.
func TestWhoeverHasLostTheClaimIsEnded(t *testing.T) {
	for _, product := range []local.Product{local.MySQL97, local.MariaDB114} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d := newSource(t, servers.MySQL(t, product), func(cfg *mysql.Config) {
				cfg.SlotWait, cfg.Claim = 300*time.Millisecond, func() string { return "the pipeline" }
			})
			d.Exec(t, orders)
			former := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
			next := capturetest.Start(t, d.Source(t), former.State, "")
			if err := former.Broken(); !failure.Retryable(err) {
				t.Errorf("the stream of the former one ends with %v, want a Retry", err)
			}
			former.Close() // does not end the connection that is no longer its own
			d.Exec(t, "INSERT INTO orders (id) VALUES (1)")
			if got := next.ToEnd(); len(got) != 1 {
				t.Errorf("the next one reads %d changes, want 1", len(got))
			}
			next.Close()
		})
	}
}

// numbered returns the connection to which the server gives a number.
func numbered(t *testing.T, d source, n uint64) *client.Conn {
	t.Helper()
	for {
		c := d.Conn(t)
		switch got := uint64(c.GetConnectionID()); {
		case got == n:
			return c
		case got > n:
			t.Fatalf("connection %d comes before one with the number %d", got, n)
		}
		_ = c.Close()
	}
}
