package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestWhatAViewShows(t *testing.T) {
	c, err := postgres.NewCopier(postgres.Config{URL: "postgres://nowhere/db"})
	if err != nil {
		t.Fatal(err)
	}
	const wrap = 1 << 32
	for _, test := range []struct {
		name, view string
		xid        uint64
		want       bool
	}{
		{"one before all that run", "10:20:10,14", 9, true},
		{"the oldest that runs", "10:20:10,14", 10, false},
		{"one that has ended between two that run", "10:20:10,14", 12, true},
		{"another that runs", "10:20:10,14", 14, false},
		{"the last that has begun", "10:20:10,14", 19, true},
		{"the next to begin", "10:20:10,14", 20, false},
		{"nothing runs", "10:10:", 9, true},
		{"nothing runs, and it has not begun", "10:10:", 10, false},
		{"the ids have wrapped, and it is behind", fmt.Sprintf("%d:%d:", wrap+10, wrap+10), 9, true},
		{"the ids have wrapped, and it is ahead", fmt.Sprintf("%d:%d:", wrap+10, wrap+10), 11, false},
		{"it was before the wrap", fmt.Sprintf("%d:%d:", wrap+10, wrap+10), math.MaxUint32, true},
		{"it runs since before the wrap", fmt.Sprintf("%d:%d:%d", wrap-1, wrap+10, wrap-1), math.MaxUint32, false},
		{"it comes behind the wrap", fmt.Sprintf("%d:%d:", wrap-5, wrap-5), 3, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			shows, err := c.Shows(test.view)
			if err != nil {
				t.Fatalf("read the view: %v", err)
			}
			if got := shows(&event.Txn{XID: test.xid}); got != test.want {
				t.Errorf("%s shows %d: got %t, want %t", test.view, test.xid, got, test.want)
			}
		})
	}
	for _, text := range []string{"", "10", "10:20", "x:20:", "10:x:", "10:20:x", "10:20:,", "20:10:", "-1:10:"} {
		if _, err := c.Shows(text); err == nil || failure.Retryable(err) {
			t.Errorf("the view %q: got %v, want a stop", text, err)
		}
	}
}

// A commit that waits for a standby is in the log, and delivered, before anybody sees
// it (C5.2).
func TestAViewWaitsForWhatIsDeliveredAndNotVisible(t *testing.T) {
	for _, version := range serverVersions {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) {
			d := servers.NewPostgres(t, version, nil).Database(t)
			d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
			d.Exec(t, fmt.Sprintf(publish, "t"))
			c := connectCopy(t, d, nil)
			app := d.Conn(t)
			if _, err := app.Exec(t.Context(), "BEGIN; INSERT INTO t VALUES (2)"); err != nil {
				t.Fatal(err)
			}
			var xid uint64
			if err := app.QueryRow(t.Context(), "SELECT pg_current_xact_id()::text::int8").Scan(&xid); err != nil {
				t.Fatal(err)
			}
			d.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
			d.Exec(t, "SELECT pg_reload_conf()")
			eventually.True(t, 10*time.Second, "commits wait for a standby", func() bool {
				return d.One(t, "SHOW synchronous_standby_names") == "nobody"
			})
			committed := make(chan error, 1)
			go func() {
				_, err := app.Exec(context.Background(), "COMMIT")
				committed <- err
			}()
			eventually.True(t, 10*time.Second, "the commit waits", func() bool {
				return d.One(t, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "1"
			})
			seen := capture.Delivered{Txns: []uint64{xid & math.MaxUint32}}
			_, err := c.session.Open(t.Context(), "public.t", seen, false)
			if !errors.Is(err, capture.ErrAgain) || !strings.Contains(err.Error(), fmt.Sprint(xid)) {
				t.Fatalf("got %v, want that transaction %d is not visible yet", err, xid)
			}
			mark, err := c.Mark(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if who, err := c.Settled(t.Context(), mark); err != nil || !strings.Contains(who, fmt.Sprint("pid ", app.PgConn().PID())) {
				t.Errorf("who is waited for: got %q, %v, want pid %d", who, err, app.PgConn().PID())
			}
			// Without it a view is there at once, and says so.
			if shows, err := c.Shows(c.open(t, "public.t").View); err != nil || shows(&event.Txn{XID: xid}) {
				t.Errorf("the view shows transaction %d, %v", xid, err)
			}
			c.finish(t)

			opened := make(chan error, 1)
			var chunk capture.Chunk
			go func() {
				var err error
				chunk, err = c.session.Open(t.Context(), "public.t", seen, false)
				opened <- err
			}()
			d.Exec(t, "ALTER SYSTEM RESET synchronous_standby_names")
			d.Exec(t, "SELECT pg_reload_conf()")
			if err := <-committed; err != nil {
				t.Fatalf("commit: %v", err)
			}
			if err := <-opened; err != nil {
				t.Fatalf("open a view of what is committed by now: %v", err)
			}
			equalRows(t, c.readOpen(t, &chunk, capture.Part{Table: "public.t"}, capture.Limits{}), []string{"1", "2"})
			if who, err := c.Settled(t.Context(), mark); err != nil || who != "" {
				t.Errorf("who is waited for: got %q, %v, want nobody", who, err)
			}
		})
	}
}

func TestWhoIsWaitedFor(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		c := startCopy(t, version, "CREATE TABLE t (id int PRIMARY KEY)", "t")
		app := c.db.Conn(t)
		if _, err := app.Exec(t.Context(), "SET application_name = 'shop'; BEGIN; INSERT INTO t VALUES (2)"); err != nil {
			t.Fatal(err)
		}
		mark, err := c.Mark(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		later := c.db.Conn(t)
		if _, err := later.Exec(t.Context(), "BEGIN; INSERT INTO t VALUES (3)"); err != nil {
			t.Fatal(err)
		}
		// Other tests use the server too: when theirs have ended, ours is the oldest.
		want := regexp.MustCompile(fmt.Sprintf(`^transaction \d+ of pid %d \(shop\), open since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$`, app.PgConn().PID()))
		eventually.NoError(t, 30*time.Second, "the oldest transaction is ours", func() error {
			if who, err := c.Settled(t.Context(), mark); err != nil || !want.MatchString(who) {
				return fmt.Errorf("got %q, %v, want %s", who, err, want)
			}
			return nil
		})
		if _, err := app.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		eventually.NoError(t, 30*time.Second, "nobody is waited for", func() error {
			if who, err := c.Settled(t.Context(), mark); err != nil || who != "" {
				return fmt.Errorf("got %q, %v", who, err)
			}
			return nil
		})
		if _, err := c.Settled(t.Context(), "nonsense"); err == nil || failure.Retryable(err) {
			t.Errorf("a mark that is none: got %v, want a stop", err)
		}
	})
}
