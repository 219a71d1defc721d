package mysql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// patience is how long a test waits for a server.
const patience = 30 * time.Second

// pool has the servers of all tests that want one for themselves and can give it
// back as it was.
var pool servers.MySQLPool

// onEach runs a test on a server of its own of each product.
func onEach(t *testing.T, settings map[string]string, test func(*testing.T, *servers.MySQLServer, *servers.MySQLDatabase)) {
	t.Helper()
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			server := pool.Server(t, product, settings)
			test(t, server, server.Database(t))
		})
	}
}

// replicaOf returns a replica with a server_id of its own.
func replicaOf(t *testing.T, url string) mysql.Replica {
	t.Helper()
	return replicaAs(t, url, 3_000_000_000+rand.Uint32N(1_000_000_000), 32<<20)
}

func replicaAs(t *testing.T, url string, id uint32, max int) mysql.Replica {
	t.Helper()
	r, err := mysql.NewReplica(url, fmt.Sprintf("test-%d", id), id, max)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// dumpFrom asks for the log behind a position, until the test ends.
func dumpFrom(t *testing.T, r mysql.Replica, at string) mysql.Wire {
	t.Helper()
	w, err := r.Dump(within(t), event.Position(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// nextFrame returns the next event of a dump.
func nextFrame(ctx context.Context, w mysql.Wire) (mysql.Frame, error) {
	for {
		f, ok, err := w.Next()
		if ok || err != nil {
			f.Body = bytes.Clone(f.Body)
			return f, err
		}
		if err := w.Fill(ctx); err != nil {
			return f, err
		}
	}
}

// untilType returns the events of a dump that stand in the log, up to the nth of
// a type.
func untilType(t *testing.T, w mysql.Wire, last binlog.EventType, n int) []mysql.Frame {
	t.Helper()
	ctx := within(t)
	var all []mysql.Frame
	for {
		f, err := nextFrame(ctx, w)
		if err != nil {
			t.Fatalf("after %d events: %v", len(all), err)
		}
		if mysql.Artificial(f.Header) {
			continue
		}
		all = append(all, f)
		if f.Header.Type == last {
			if n--; n == 0 {
				return all
			}
		}
	}
}

// logEnd returns the file that the server writes, and where it ends.
func logEnd(t testing.TB, d *servers.MySQLDatabase) (file, offset string) {
	t.Helper()
	statement := "SHOW BINARY LOG STATUS"
	if d.Product.MariaDB() {
		statement = "SHOW BINLOG STATUS"
	}
	row := d.Rows(t, statement)[0]
	return row[0], row[1]
}

// A relay stands between client and server and may alter what the server says.
type relay struct {
	net.Listener
	taken atomic.Int64 // bytes that the server has said
}

// relayTo listens for clients. alter is called with each piece that the server
// says and where it begins in all that it said on that connection; an error ends
// the connection behind what it returns.
func relayTo(t *testing.T, address string, alter func(piece []byte, at int64) ([]byte, error)) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r := &relay{Listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.carry(c, address, alter)
		}
	}()
	return r
}

func (r *relay) carry(c net.Conn, address string, alter func([]byte, int64) ([]byte, error)) {
	defer c.Close()
	s, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer s.Close()
	go func() {
		_, _ = copyAll(s, c)
		_ = s.Close()
	}()
	buf := make([]byte, 64<<10)
	for at := int64(0); ; {
		n, err := s.Read(buf)
		piece, broken := alter(buf[:n], at)
		at += int64(n)
		r.taken.Add(int64(n))
		if _, failed := c.Write(piece); failed != nil || err != nil || broken != nil {
			return
		}
	}
}

func copyAll(dst, src net.Conn) (int64, error) {
	buf := make([]byte, 16<<10)
	for n := int64(0); ; {
		k, err := src.Read(buf)
		if k > 0 {
			if _, err := dst.Write(buf[:k]); err != nil {
				return n, err
			}
			n += int64(k)
		}
		if err != nil {
			return n, err
		}
	}
}

var errCut = errors.New("cut")
