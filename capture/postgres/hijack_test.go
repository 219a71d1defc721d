package postgres_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
)

// A slowConn lets one write take so long that the answer to it has been read
// and the next read has begun before it returns: what happens on a machine that
// has too much to do. pgconn reads in the background then.
type slowConn struct {
	net.Conn
	mu    sync.Mutex
	slow  bool // the write has begun
	reads int  // begun since
	again chan struct{}
}

func (c *slowConn) Write(p []byte) (int, error) {
	slow := bytes.Contains(p, []byte("IDENTIFY_SYSTEM"))
	if slow {
		c.mu.Lock()
		c.slow = true
		c.mu.Unlock()
	}
	n, err := c.Conn.Write(p)
	if slow && err == nil {
		<-c.again
	}
	return n, err
}

func (c *slowConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if c.slow {
		if c.reads++; c.reads == 2 {
			close(c.again)
		}
	}
	c.mu.Unlock()
	return c.Conn.Read(p)
}

func TestAReadThatPgconnHasBegunTakesNothingFromTheStream(t *testing.T) {
	d := source{servers.Postgres(t, 15), nil}
	d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
	r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
	d.Exec(t, "INSERT INTO t VALUES (1), (2)")
	r.Close()

	src := d.Source(t)
	src.(*postgres.Source).SetDial(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &slowConn{Conn: conn, again: make(chan struct{})}, err
	})
	events := capturetest.Start(t, src, r.State, "").ToEnd()
	equalLines(t, events, []string{`c public.t {"id":1} null {"id":1}`, `c public.t {"id":2} null {"id":2}`})
}
