package mysql_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

// TestAViewIsNotOlderThanTheTableThatTookTheName swaps tables as tools for online
// changes do, while a view is being opened.
func TestAViewIsNotOlderThanTheTableThatTookTheName(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			d := newSource(t, pool.Server(t, k.product, k.settings).Database(t), nil)
			mayLock(t, d)
			d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, n int)", "CREATE TABLE zg LIKE t", "INSERT INTO t VALUES (1, 0)", "INSERT INTO zg VALUES (1, 0)")
			table := d.Name + ".t"
			c := copyOf(t, d)
			r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
			d.Exec(t, "UPDATE t SET n = 1")
			r.ToEnd()
			locker, swap := d.Conn(t), d.Conn(t)
			run := func(sql string) {
				t.Helper()
				if _, err := locker.Execute(sql); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			wait := func(what, sessions string) {
				t.Helper()
				eventually.True(t, patience, what, func() bool {
					return d.One(t, "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock%'") == sessions
				})
			}
			run("LOCK TABLES t WRITE, zg WRITE")
			type opened struct {
				chunk capture.Chunk
				err   error
			}
			done := make(chan opened, 1)
			ctx := within(t)
			go func() {
				for {
					chunk, err := c.session.Open(ctx, table, capture.Delivered{Position: r.State.Position}, false)
					if !errors.Is(err, capture.ErrAgain) {
						done <- opened{chunk, err}
						return
					}
				}
			}()
			wait("the view waits for the table", "1")
			run("UPDATE zg SET n = 1")
			swapped := make(chan error, 1)
			go func() {
				_, err := swap.Execute("RENAME TABLE t TO zold, zg TO t") // which goes before who only reads
				swapped <- err
			}()
			wait("the swap waits too", "2")
			run("UNLOCK TABLES")
			if err := <-swapped; err != nil {
				t.Fatalf("swap the tables: %v", err)
			}
			o := <-done
			if o.err != nil {
				t.Fatalf("open a view: %v", o.err)
			}
			got := afters(c.read(&o.chunk, capture.Part{Table: table}, capture.Limits{}))
			if want := []string{`{"id":1,"n":1}`}; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v, which was delivered", got, want)
			}
			c.finish()
			d.Exec(t, "DROP TABLE t") // nothing holds it any more
		})
	}
}

func TestATableOfWhichSomeColumnsMayNotBeReadIsNotCopied(t *testing.T) {
	onEach(t, nil, func(t *testing.T, _ *servers.MySQLServer, db *servers.MySQLDatabase) {
		d := newSource(t, db, nil)
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, hidden int)", "CREATE TABLE m (id int PRIMARY KEY, hidden int) ENGINE=MyISAM")
		user, _, _ := strings.Cut(strings.SplitN(d.url, "://", 2)[1], ":")
		d.Exec(t, "REVOKE SELECT ON `"+d.Name+"`.* FROM '"+user+"'@'%'")
		grant(t, d, "SELECT (id) ON `"+d.Name+"`.t")
		grant(t, d, "SELECT (id) ON `"+d.Name+"`.m")
		mayLock(t, d)
		c := copyOf(t, d)
		for _, table := range []string{"t", "m"} {
			for _, exact := range []bool{false, true} {
				_, err := c.session.Open(t.Context(), d.Name+"."+table, capture.Delivered{}, exact)
				var stop *failure.StopError
				if !errors.As(err, &stop) || !strings.Contains(stop.Hint, "GRANT SELECT") {
					t.Errorf("%s, exact %v: got %v, want a Stop with the GRANT", table, exact, err)
				}
			}
		}
		d.Exec(t, "DROP TABLE t, m") // nothing holds them
	})
}

// TestAKeyOfTheCatalogIsThatOfItsOwnTable has names that a collation takes for one.
func TestAKeyOfTheCatalogIsThatOfItsOwnTable(t *testing.T) {
	onEach(t, map[string]string{"binlog-row-metadata": "MINIMAL"}, func(t *testing.T, _ *servers.MySQLServer, db *servers.MySQLDatabase) {
		d := newSource(t, db, nil)
		d.Exec(t, "CREATE TABLE t (id int, é int, e2 int, PRIMARY KEY (é, id))", "CREATE TABLE T (e int, id int, n int, PRIMARY KEY (n))",
			"CREATE TABLE é (id int, n int, PRIMARY KEY (n))", "CREATE TABLE e (id int PRIMARY KEY, n int)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Exec(t, "INSERT INTO t VALUES (1, 2, 3)", "INSERT INTO T VALUES (1, 2, 3)", "INSERT INTO é VALUES (1, 2)", "INSERT INTO e VALUES (1, 2)")
		c := copyOf(t, d)
		want := map[string]string{"t": `{"é":2,"id":1}`, "T": `{"n":3}`, "é": `{"n":2}`, "e": `{"id":1}`}
		events := r.ToEnd()
		for _, e := range events {
			if e.Key != want[e.Source.Table] {
				t.Errorf("%s: the event has the key %s, want %s", e.Source.Table, e.Key, want[e.Source.Table])
			}
			chunk := c.open(d.Name+"."+e.Source.Table, capture.Delivered{}, false)
			rows := c.read(&chunk, capture.Part{Table: d.Name + "." + e.Source.Table}, capture.Limits{})
			c.finish()
			if len(rows) != 1 || chunk.Table.Version != e.TableVersion || fmt.Sprint(rows[0].After) != string(e.After) {
				t.Errorf("%s: read as %v of the version %s, and the event has %s of the version %s", e.Source.Table, rows, chunk.Table.Version, e.After, e.TableVersion)
			}
		}
		if len(events) != len(want) {
			t.Errorf("got %d events, want %d", len(events), len(want))
		}
		extents, err := c.Tables(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range extents {
			if e.Whole {
				t.Errorf("%s counts as a table without a key", e.Table)
			}
		}
	})
}

func TestATableWithSystemVersioningIsNotCopied(t *testing.T) {
	for _, k := range kinds[2:] {
		t.Run(k.name, func(t *testing.T) {
			d := newSource(t, servers.MySQL(t, k.product), nil)
			d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE other (id int PRIMARY KEY) WITH SYSTEM VERSIONING", "CREATE SEQUENCE numbers")
			c := copyOf(t, d)
			extents, err := c.Tables(t.Context())
			if err != nil || len(extents) != 1 {
				t.Errorf("one that is excluded: got %v, %v, want one table", extents, err)
			}
			d.Exec(t, "CREATE TABLE v (id int PRIMARY KEY) WITH SYSTEM VERSIONING")
			_, err = c.Tables(t.Context())
			wantStop(t, err, "SYSTEM VERSIONING", d.Name+".v", "exclude")
		})
	}
}

func TestTheCatalogOfAMariaDBWaitsShortly(t *testing.T) {
	for _, k := range kinds[2:] {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			d := newSource(t, pool.Server(t, k.product, nil).Database(t), nil)
			d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE a (id int PRIMARY KEY)")
			c := copyOf(t, d)
			reader, locker := d.Conn(t), d.Conn(t) // who waits for t holds a alone
			for _, sql := range []string{"BEGIN", "SELECT * FROM t"} {
				if _, err := reader.Execute(sql); err != nil {
					t.Fatal(err)
				}
			}
			done := make(chan error, 1)
			go func() {
				_, err := locker.Execute("RENAME TABLE a TO b, t TO s")
				done <- err
			}()
			eventually.True(t, patience, "the tables are being renamed", func() bool {
				return d.One(t, "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock%'") == "1"
			})
			// What the server leaves out would count as a table without a key.
			if extents, err := c.Tables(t.Context()); !failure.Retryable(err) {
				t.Errorf("got %+v, %v, want a Retry", extents, err)
			}
			if _, err := reader.Execute("COMMIT"); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if extents, err := c.Tables(t.Context()); err != nil || len(extents) != 2 || extents[0].Whole || extents[1].Whole {
				t.Errorf("behind it: got %+v, %v, want both tables with their keys", extents, err)
			}
		})
	}
}

func TestALockThatWaitsLetsWritersPass(t *testing.T) {
	d := newSource(t, pool.Server(t, kinds[1].product, withoutGTIDs).Database(t), nil)
	mayLock(t, d)
	d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
	c := copyOf(t, d)
	first := d.Conn(t)
	for _, sql := range []string{"BEGIN", "INSERT INTO t VALUES (1)"} {
		if _, err := first.Execute(sql); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	ctx := within(t)
	go func() {
		_, err := c.session.Open(ctx, d.Name+".t", capture.Delivered{}, false)
		done <- err
	}()
	eventually.True(t, patience, "the view waits for the lock", func() bool {
		return d.One(t, "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock%'") == "1"
	})
	d.Exec(t, "SET SESSION lock_wait_timeout = 1", "INSERT INTO t VALUES (2)")
	if _, err := first.Execute("COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("open a view behind the writers: %v", err)
	}
	c.finish()
}

func TestADateThatIsNoneIsABound(t *testing.T) {
	onEach(t, nil, func(t *testing.T, _ *servers.MySQLServer, db *servers.MySQLDatabase) {
		d := newSource(t, db, nil)
		d.Exec(t, "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'", "CREATE TABLE t (id date PRIMARY KEY)",
			"INSERT INTO t VALUES ('0000-00-00'), ('2026-02-00'), ('2026-02-30'), ('2026-02-31'), ('2026-03-01')")
		rows, _ := copyOf(t, d).chunks(d.Name+".t", capture.Delivered{}, capture.Limits{Rows: 1}, "")
		if len(rows) != 5 {
			t.Errorf("got %v, want five rows", afters(rows))
		}
	})
}
