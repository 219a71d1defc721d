package mysql_test

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A signpost is an address that leads to one server, and then to another one.
// Connections that are there stay where they are.
type signpost struct {
	net.Listener
	to atomic.Value
}

func newSignpost(t *testing.T, to string) *signpost {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &signpost{Listener: l}
	s.to.Store(to)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go (&relay{}).carry(c, s.to.Load().(string), func(piece []byte, _ int64) ([]byte, error) { return piece, nil })
		}
	}()
	return s
}

func TestAnAddressThatLeadsToAnotherServer(t *testing.T) {
	for _, product := range []local.Product{local.MySQL97, local.MariaDB114} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			settings := map[string]string{}
			if product.MariaDB() {
				settings["log-slave-updates"] = "ON"
			}
			primary, replica := pool.Server(t, product, settings), servers.NewMySQL(t, product, settings)
			d := newSource(t, primary.Database(t), nil)
			d.Exec(t, orders)
			follow(t, replica, primary)
			post := newSignpost(t, primary.HostPort())
			d.url = strings.Replace(d.url, primary.HostPort(), post.Addr().String(), 1)
			src := d.Source(t)
			r := capturetest.Start(t, src, checkpoint.State{}, event.Now)
			d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			if got := len(r.ToEnd()); got != 1 {
				t.Fatalf("read %d events, want 1", got)
			}
			standby := *d.MySQLDatabase
			standby.Server, standby.Host, standby.Port = replica.MySQLAddress, replica.Host, replica.Port
			caughtUp(t, &standby, d.Name+".orders", 1)
			r.Close()

			post.to.Store(replica.HostPort())
			next, err := src.Locate(within(t), r.State, "")
			if err != nil || next.Epoch != r.State.Epoch+1 || next.Source.System == r.State.Source.System || mysql.FileOf(next.Position) != "" {
				t.Fatalf("locate: epoch %d, system %s, position %s, %v; want the other server in a new epoch", next.Epoch, next.Source.System, next.Position, err)
			}
			t.Run("between locating and opening", func(t *testing.T) {
				post.to.Store(primary.HostPort())
				_, err := src.Open(within(t), next)
				if !failure.Retryable(err) || !strings.Contains(err.Error(), "another server") {
					t.Fatalf("open: %v, want a Retry that names the reason", err)
				}
				next, err = src.Locate(within(t), r.State, "")
				if err != nil || next.Position != r.State.Position || next.Epoch != r.State.Epoch {
					t.Errorf("locate again: %s, epoch %d, %v; want the place itself, %s", next.Position, next.Epoch, err, r.State.Position)
				}
			})
			t.Run("while a question is asked", func(t *testing.T) {
				post.to.Store(replica.HostPort())
				for _, session := range d.Rows(t, "SELECT id FROM information_schema.processlist WHERE user = '"+userOf(t, d.url)+"'") {
					d.Exec(t, "KILL "+session[0])
				}
				_, _, err := src.Range(within(t))
				if !failure.Retryable(err) || !strings.Contains(err.Error(), "another server") {
					t.Errorf("ask: %v, want a Retry that names the reason", err)
				}
			})
		})
	}
}

func userOf(t *testing.T, url string) string {
	t.Helper()
	u, err := mysql.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return u.User
}
