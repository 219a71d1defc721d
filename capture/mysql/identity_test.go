package mysql_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestAMariaDBThatWasGivenAnotherServerID(t *testing.T) {
	d := newSource(t, servers.NewMySQL(t, local.MariaDB114, nil).Database(t), func(cfg *mysql.Config) { cfg.Positions = mysql.FilePositions })
	d.Exec(t, orders)
	st := read(t, d, 3)
	before := d.One(t, "SELECT @@server_id")
	if want := "server_id " + before; st.Source.System != want {
		t.Errorf("the checkpoint's server is %q, want %q", st.Source.System, want)
	}
	d.Exec(t, "SET GLOBAL server_id = 77")
	for _, from := range []string{"", event.Now} {
		t.Run("is known by its log, from "+from, func(t *testing.T) {
			next, err := locate(t, d, st, from)
			if err != nil || next.Source.System != "server_id 77" || next.Epoch != st.Epoch+1 || from == "" && next.Position != st.Position {
				t.Fatalf("got %+v, %v; want server_id 77 at %s in a new epoch", next, err, st.Position)
			}
			if from != "" {
				return
			}
			d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			r := capturetest.Start(t, d.Source(t), next, "")
			capturetest.Equal(t, capturetest.Strings(r.ToEnd()), []string{`c orders {"id":4} null {"id":4}`})
			r.Close()
		})
	}
	t.Run("is not known by a place that says nothing of its log", func(t *testing.T) {
		bare, text, _ := strings.Cut(string(st.Position), "~")
		created, _, _ := strings.Cut(text, ".")
		for _, at := range []string{bare, bare + "~" + created + ".0.0", bare + "~" + created + ".4.1"} {
			other := st
			other.Position = event.Position(at)
			for _, from := range []string{"", event.Now} {
				_, err := locate(t, d, other, from)
				wantStop(t, err, "belongs to another server", "server_id "+before, "server_id 77")
			}
		}
	})
}

// A start that a person asks for takes the same epoch in the same log only.
func TestAStartInALogThatWasBegunAnewIsInANewEpoch(t *testing.T) {
	for _, kind := range kinds {
		server := pool.Server(t, kind.product, kind.settings)
		for _, c := range []struct {
			name   string
			happen func(t *testing.T, d source)
			epoch  uint32 // more than before
		}{
			{"the same log", func(*testing.T, source) {}, 0},
			{"the same log without the place's file", func(t *testing.T, d source) {
				d.Split(t)
				file, _ := logEnd(t, d.MySQLDatabase)
				d.Forget(t, event.Position("file:"+file+":4"))
			}, 0},
			{"a log that is shorter", reset, 1},
			{"a log that is longer by now", func(t *testing.T, d source) {
				reset(t, d)
				for range 200 {
					d.Exec(t, "INSERT INTO orders VALUES (NULL), (NULL), (NULL)")
				}
			}, 1},
			{"a log that has more files by now", func(t *testing.T, d source) {
				reset(t, d)
				for range 5 {
					d.Exec(t, "INSERT INTO orders VALUES (NULL)")
					d.Split(t)
				}
			}, 1},
		} {
			t.Run(kind.name+": "+c.name, func(t *testing.T) {
				d := newSource(t, server.Database(t), nil)
				reset(t, d) // so that the log is short
				d.Exec(t, orders)
				st := read(t, d, 3)
				c.happen(t, d)
				for _, from := range []string{event.Now, event.Earliest} {
					got, err := locate(t, d, st, from)
					if err != nil || got.Epoch != st.Epoch+c.epoch {
						t.Errorf("--from %s is in epoch %d, %v; want %d", from, got.Epoch, err, st.Epoch+c.epoch)
					}
				}
			})
		}
	}
}
