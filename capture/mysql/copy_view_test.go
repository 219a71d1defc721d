package mysql_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
)

// late are settings with which a MariaDB sends a transaction two seconds before its
// engine commits; a MySQL has a plugin for it.
var late = map[string]string{
	"rpl-semi-sync-master-enabled": "ON", "rpl-semi-sync-master-timeout": "2000", "rpl-semi-sync-master-wait-point": "AFTER_SYNC",
}

// lateServer starts a server that sends what nobody can see yet, for one
// transaction.
func lateServer(t *testing.T, k kind) *servers.MySQLServer {
	t.Helper()
	if k.product.MariaDB() {
		return pool.Server(t, k.product, late)
	}
	server := pool.Server(t, k.product, k.settings)
	server.Database(t).Exec(t, "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'",
		"SET GLOBAL rpl_semi_sync_source_timeout = 2000, GLOBAL rpl_semi_sync_source_wait_point = 'AFTER_SYNC'")
	return server
}

// TestAViewShowsWhatWasSentBeforeItsEngineHasCommitted holds the engine's commit back
// while the stream already has the transaction.
func TestAViewShowsWhatWasSentBeforeItsEngineHasCommitted(t *testing.T) {
	for _, k := range kinds {
		for _, exact := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, exact %v", k.name, exact), func(t *testing.T) {
				t.Parallel()
				d := newSource(t, lateServer(t, k).Database(t), nil)
				mayLock(t, d)
				enable := "DO 0"
				if !k.product.MariaDB() {
					enable = "SET GLOBAL rpl_semi_sync_source_enabled = ON"
				} else {
					d.Exec(t, "SET GLOBAL rpl_semi_sync_master_enabled = OFF")
					enable = "SET GLOBAL rpl_semi_sync_master_enabled = ON"
				}
				d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
				c := copyOf(t, d)
				r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
				d.Exec(t, "INSERT INTO t VALUES (2)", enable)
				r.ToEnd()
				done := make(chan error, 1)
				writer := d.Conn(t)
				go func() {
					_, err := writer.Execute("INSERT INTO t VALUES (3)")
					done <- err
				}()
				waitFor(t, r, 3)
				if got := d.One(t, "SELECT COUNT(*) FROM t"); got != "2" {
					t.Fatalf("the transaction was to be hidden for two seconds, and %s rows show", got)
				}
				chunk := c.open(d.Name+".t", capture.Delivered{Position: r.State.Position}, exact)
				rows := c.read(&chunk, capture.Part{Table: d.Name + ".t"}, capture.Limits{})
				c.finish()
				if len(rows) != 3 {
					t.Errorf("the view shows %v, want three rows", afters(rows))
				}
				if err := <-done; err != nil {
					t.Errorf("the writer: %v", err)
				}
			})
		}
	}
}

// waitFor reads until a row with an id has come.
func waitFor(t *testing.T, r *capturetest.Reader, id int) {
	t.Helper()
	ctx := within(t)
	for {
		u, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("read on: %v", err)
		}
		for _, e := range u.Events {
			if string(e.After) == fmt.Sprintf(`{"id":%d}`, id) {
				return
			}
		}
	}
}

// mayLock gives the source's user what a view under a lock needs.
func mayLock(t *testing.T, d source) {
	t.Helper()
	grant(t, d, "LOCK TABLES ON `"+d.Name+"`.*")
}

// grant gives the source's user another privilege.
func grant(t *testing.T, d source, privilege string) {
	t.Helper()
	user, _, _ := strings.Cut(strings.SplitN(d.url, "://", 2)[1], ":")
	d.Exec(t, "GRANT "+privilege+" TO '"+user+"'@'%'")
}

// A counted is a row of a table whose rows are counted up.
type counted struct {
	ID int `json:"id"`
	N  int `json:"n"`
}

// TestAViewIsWhereItSaysInTheLog opens views while rows are written all the time,
// and holds what they show against the stream.
func TestAViewIsWhereItSaysInTheLog(t *testing.T) {
	for _, k := range kinds {
		for _, exact := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, exact %v", k.name, exact), func(t *testing.T) {
				t.Parallel()
				d := newSource(t, pool.Server(t, k.product, k.settings).Database(t), nil)
				mayLock(t, d)
				const rows, writers, views, most = 8, 4, 15, 100
				d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, n int)")
				for id := range rows {
					d.Exec(t, fmt.Sprintf("INSERT INTO t VALUES (%d, 0)", id))
				}
				c := copyOf(t, d)
				r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
				stop, failed := make(chan struct{}), make(chan error, writers)
				ahead := make(chan struct{}, most) // of the reader, who may be slower
				for w := range writers {
					conn := d.Conn(t)
					go func() {
						for i := 0; ; i++ {
							select {
							case <-stop:
								failed <- nil
								return
							case ahead <- struct{}{}:
							}
							if _, err := conn.Execute(fmt.Sprintf("UPDATE t SET n = n + 1 WHERE id = %d", (i*writers+w)%rows)); err != nil {
								failed <- err
								return
							}
						}
					}()
				}
				o := &overseer{t: t, d: d, c: c, r: r, exact: exact || k.product.MariaDB() || k.settings != nil, ahead: ahead, delivered: make(map[int]int)}
				for range views {
					o.next()
					o.look(exact)
				}
				close(stop)
				for range writers {
					if err := <-failed; err != nil {
						t.Errorf("a writer: %v", err)
					}
				}
				if o.shown == 0 {
					t.Error("no transaction was shown that was delivered later: the test shows nothing")
				}
			})
		}
	}
}

// An overseer knows what the stream has delivered.
type overseer struct {
	t         *testing.T
	d         source
	c         *copying
	r         *capturetest.Reader
	exact     bool            // nothing shows but what a view says
	ahead     <-chan struct{} // holds one for each change that was not delivered
	delivered map[int]int
	shown     int // transactions that were delivered behind a view which shows them
}

// next takes a few units of the stream.
func (o *overseer) next() (events []capturetest.Event) {
	o.t.Helper()
	ctx := within(o.t)
	for range 3 {
		u, err := o.r.Next(ctx)
		if err != nil {
			o.t.Fatalf("read on: %v", err)
		}
		o.take(u.Events)
		events = append(events, u.Events...)
	}
	return events
}

func (o *overseer) take(events []capturetest.Event) {
	for _, e := range events {
		row := parseCounted(o.t, e.After)
		o.delivered[row.ID] = row.N
		<-o.ahead
	}
}

func parseCounted(t *testing.T, text []byte) (row counted) {
	t.Helper()
	if err := json.Unmarshal(text, &row); err != nil {
		t.Fatalf("parse a row: %v", err)
	}
	return row
}

// look opens a view, reads it later, and follows the stream to where it is.
func (o *overseer) look(exact bool) {
	o.t.Helper()
	table := o.d.Name + ".t"
	chunk := o.c.open(table, capture.Delivered{Position: o.r.State.Position}, exact)
	shows, err := o.c.Shows(chunk.View)
	if err != nil {
		o.t.Fatal(err)
	}
	between := o.next() // the log goes on before the read
	view := make(map[int]int)
	for _, row := range o.c.read(&chunk, capture.Part{Table: table}, capture.Limits{}) {
		parsed := parseCounted(o.t, []byte(row.After))
		view[parsed.ID] = parsed.N
	}
	o.c.finish()
	before := maps.Clone(o.delivered)
	for _, e := range between {
		row := parseCounted(o.t, e.Before)
		before[row.ID] = min(before[row.ID], row.N)
	}
	for id, n := range before {
		if view[id] < n {
			o.t.Errorf("row %d was delivered with %d before the view, which shows %d", id, n, view[id])
		}
	}
	var behind []capturetest.Event
	for !o.r.Source.Reached(o.r.State.Position, chunk.End) {
		behind = append(behind, o.next()...)
	}
	for id, n := range view {
		if o.delivered[id] < n {
			o.t.Errorf("at the view's end row %d is at %d, and the view shows %d", id, o.delivered[id], n)
		}
	}
	for _, e := range append(between, behind...) {
		row := parseCounted(o.t, e.After)
		said, is := shows(transactionOf(o.t, e)), view[row.ID] >= row.N
		if said && !is || o.exact && is && !said {
			o.t.Errorf("the change of row %d to %d shows: %v, and the view says %v", row.ID, row.N, is, said)
		}
		if said {
			o.shown++
		}
	}
	if age := time.Since(time.UnixMilli(chunk.Txn.Millis)).Abs(); age > time.Minute || chunk.Txn.File == "" || chunk.Txn.Server == 0 || chunk.Pos == 0 {
		o.t.Errorf("the rows were read at %+v, %d", chunk.Txn, chunk.Pos)
	}
}

// transactionOf is the transaction of an event as its stream has it.
func transactionOf(t *testing.T, e capturetest.Event) *event.Txn {
	t.Helper()
	v, err := event.ParseVer(e.Ver)
	if err != nil {
		t.Fatal(err)
	}
	txn := &event.Txn{Commit: v.Commit}
	id := e.Transaction.ID
	if end := strings.LastIndexAny(id, ":-"); !strings.HasPrefix(id, "binlog.") {
		txn.GTID = event.GTID{Prefix: id[:end+1], Number: number(t, id[end+1:])}
	}
	return txn
}

// TestAStreamThatIsIdleReachesTheEndOfAView has nothing but heartbeats to tell where
// the log is.
func TestAStreamThatIsIdleReachesTheEndOfAView(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			d := newSource(t, pool.Server(t, k.product, k.settings).Database(t), nil)
			mayLock(t, d)
			d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
			c := copyOf(t, d)
			r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
			ctx := within(t)
			for i := range 2 {
				chunk := c.open(d.Name+".t", capture.Delivered{Position: r.State.Position}, i == 1)
				c.finish()
				reach(ctx, t, r, chunk.End)
			}
		})
	}
}

func reach(ctx context.Context, t *testing.T, r *capturetest.Reader, end event.Position) {
	t.Helper()
	for !r.Source.Reached(r.State.Position, end) {
		if _, err := r.Next(ctx); err != nil {
			t.Fatalf("at %s, and the view ends at %s: %v", r.State.Position, end, err)
		}
	}
}
