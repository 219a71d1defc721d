package mysql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

// filled is a table of rows of 1,000 bytes.
func filled(t *testing.T, d source, rows int) {
	t.Helper()
	d.Exec(t, "CREATE TABLE many (id int PRIMARY KEY, filler varchar(1000) CHARACTER SET latin1)", "INSERT INTO many VALUES (0, REPEAT('x', 990))")
	for n := 1; n < rows; n *= 2 {
		d.Exec(t, fmt.Sprintf("INSERT INTO many SELECT id + %d, filler FROM many WHERE id + %d < %d", n, n, rows))
	}
}

func TestAReadEndsAtItsLimits(t *testing.T) {
	onEach(t, nil, func(t *testing.T, _ *servers.MySQLServer, db *servers.MySQLDatabase) {
		d := newSource(t, db, nil)
		const rows = 8000
		filled(t, d, rows)
		table := d.Name + ".many"
		c := copyOf(t, d)
		for _, k := range []struct {
			name   string
			limits capture.Limits
			part   capture.Part
			want   int
			done   bool
		}{
			{"no limit", capture.Limits{}, capture.Part{}, rows, true},
			{"as many rows as there are", capture.Limits{Rows: rows}, capture.Part{}, rows, false},
			{"more rows than there are", capture.Limits{Rows: rows + 1}, capture.Part{}, rows, true},
			{"one byte is one row", capture.Limits{Bytes: 1}, capture.Part{}, 1, false},
			{"little is left behind the bytes", capture.Limits{Rows: 300, Bytes: 250_000}, capture.Part{}, 251, false},
			{"much is left behind the bytes", capture.Limits{Bytes: 100_000}, capture.Part{}, 101, false},
			{"the rows before the bytes", capture.Limits{Rows: 50, Bytes: 100_000}, capture.Part{}, 50, false},
			{"a condition", capture.Limits{Rows: 10}, capture.Part{Where: "id % 1000 = 7 OR id = 3 -- as it was written"}, 9, true},
			{"a condition behind a key", capture.Limits{}, capture.Part{Where: "id < 5 OR id = 7999", After: capture.Key{"3"}}, 2, true},
			{"a range", capture.Limits{}, capture.Part{After: capture.Key{"100"}, UpTo: capture.Key{"200"}}, 100, true},
			{"all of it and a condition", capture.Limits{}, capture.Part{Whole: true, Where: "id > 7990"}, 9, true},
			{"keys that are not there", capture.Limits{}, capture.Part{Keys: []capture.Key{{"-5"}, {"7"}, {"8000"}}}, 1, true},
			{"no keys", capture.Limits{}, capture.Part{Keys: []capture.Key{}}, 0, true},
		} {
			t.Run(k.name, func(t *testing.T) {
				c := *c
				c.t = t
				chunk := c.open(table, capture.Delivered{}, false)
				d.Exec(t, "UPDATE many SET filler = REVERSE(filler)", "DELETE FROM many WHERE id = 7998") // behind the view
				k.part.Table = table
				got := c.read(&chunk, k.part, k.limits)
				if len(got) != k.want || chunk.Done != k.done {
					t.Errorf("got %d rows, done %v, want %d, %v", len(got), chunk.Done, k.want, k.done)
				}
				if k.want > 0 && !k.part.Whole && k.part.Keys == nil && chunk.Last[0] != got[len(got)-1].Key[0] {
					t.Errorf("the last key is %v, want that of %s", chunk.Last, got[len(got)-1].After)
				}
				// The view is the same one after a statement that was killed.
				if got := c.read(&chunk, capture.Part{Table: table, After: capture.Key{"7990"}}, capture.Limits{}); len(got) != 9 {
					t.Errorf("read again: got %d rows, want 9", len(got))
				}
				c.finish()
				d.Exec(t, "INSERT INTO many VALUES (7998, REPEAT('x', 990))")
			})
		}
	})
}

func TestUnitsAreFilledToTheirCost(t *testing.T) {
	d := newSource(t, servers.MySQL(t, kinds[0].product), nil)
	filled(t, d, 1000)
	c := copyOf(t, d)
	chunk := c.open(d.Name+".many", capture.Delivered{}, false)
	var units []*event.Unit
	err := c.session.Read(t.Context(), &chunk, capture.Part{Table: d.Name + ".many"}, capture.Limits{}, func() (*event.Unit, error) {
		units = append(units, &event.Unit{})
		return units[len(units)-1], nil
	})
	if err != nil || len(units) < 4 {
		t.Fatalf("got %d units, %v", len(units), err)
	}
	rows := uint32(0)
	for i, u := range units {
		cost := 0
		for _, it := range u.Items {
			if it.Row != rows || it.Op != event.Read || it.Table != chunk.Table {
				t.Fatalf("unit %d: got %+v, want row %d", i, it, rows)
			}
			rows++
			cost += int(it.End-it.Start) + chunk.Table.RowCost
		}
		if cost != u.Cost || cost > 256<<10+2000 || i < len(units)-1 && cost < 256<<10 {
			t.Errorf("unit %d has the cost %d, and its rows %d", i, u.Cost, cost)
		}
	}
	c.finish()
}

func TestAReadThatIsNotWantedAnyMoreEnds(t *testing.T) {
	onEach(t, nil, func(t *testing.T, _ *servers.MySQLServer, db *servers.MySQLDatabase) {
		d := newSource(t, db, nil)
		filled(t, d, 4000)
		c := copyOf(t, d)
		table := d.Name + ".many"
		chunk := c.open(table, capture.Delivered{}, false)
		errFull := failure.Retry(errors.New("no room"))
		err := c.session.Read(t.Context(), &chunk, capture.Part{Table: table}, capture.Limits{}, func() (*event.Unit, error) { return nil, errFull })
		if !errors.Is(err, errFull) {
			t.Errorf("got %v, want %v", err, errFull)
		}
		if err := c.session.Finish(t.Context()); err != nil {
			t.Errorf("finish a broken session: %v", err)
		}
		c = copyOf(t, d)
		chunk = c.open(table, capture.Delivered{}, false)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			_, _ = d.Server.Query(t.Context(), "", "SELECT SLEEP(0.3)") // the read has begun by then, or not: it ends
		}()
		err = c.session.Read(ctx, &chunk, capture.Part{Table: table, Where: "SLEEP(100) = 0"}, capture.Limits{}, nil)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a read without an answer: got %v, want that it was canceled", err)
		}
	})
}

func TestARowAboveTheLimitIsRefused(t *testing.T) {
	onEach(t, map[string]string{"max-allowed-packet": "64M"}, func(t *testing.T, _ *servers.MySQLServer, db *servers.MySQLDatabase) {
		d := newSource(t, db, nil)
		statements := []string{"CREATE TABLE large (id int PRIMARY KEY, v longblob)", "SET sql_log_bin = 0"} // nobody reads the log
		for id, size := range []int{1, 1 << 20, 1<<24 - 20, 1<<24 - 11, 1<<24 - 10, 1<<24 - 9, 1<<24 - 1, 1 << 24, 20 << 20, 30 << 20} {
			statements = append(statements, fmt.Sprintf("INSERT INTO large VALUES (%d, REPEAT('%d', %d))", id, id, size))
		}
		d.Exec(t, statements...)
		table := d.Name + ".large"
		want := d.Rows(t, "SELECT LENGTH(v) FROM large ORDER BY id")
		c := copyOf(t, d)
		chunk := c.open(table, capture.Delivered{}, false)
		for id := range want {
			u := &event.Unit{}
			part := capture.Part{Table: table, Keys: []capture.Key{{fmt.Sprint(id)}}}
			if err := c.session.Read(t.Context(), &chunk, part, capture.Limits{}, func() (*event.Unit, error) { return u, nil }); err != nil {
				t.Fatalf("row %d: %v", id, err)
			}
			change := event.Change{Table: chunk.Table}
			err := u.Split.Split(u, &u.Items[0], &change, func(c *event.Change) error {
				v := c.After[1].Raw
				if digit := []byte{byte('0' + id)}; fmt.Sprint(len(v)) != want[id][0] || bytes.Count(v, digit) != len(v) {
					t.Errorf("row %d has %d bytes, want %s of its own", id, len(v), want[id][0])
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		c.finish()
		for _, max := range []int{1 << 20, 1<<24 + 10} {
			cfg := d.config()
			cfg.MaxRow = max
			c = copyWith(t, d, cfg)
			chunk = c.open(table, capture.Delivered{}, false)
			err := c.session.Read(t.Context(), &chunk, capture.Part{Table: table, Whole: true}, capture.Limits{}, func() (*event.Unit, error) { return &event.Unit{}, nil })
			var stop *failure.StopError
			if !errors.As(err, &stop) || !strings.Contains(err.Error(), fmt.Sprintf("at most %d are read", max)) {
				t.Errorf("a limit of %d bytes: got %v, want a Stop that names it", max, err)
			}
			if err := c.session.Finish(t.Context()); err != nil {
				t.Errorf("finish: %v", err)
			}
		}
	})
}

// TestATableThatChangesUnderAView alters, drops and locks tables.
func TestATableThatChangesUnderAView(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			d := newSource(t, pool.Server(t, k.product, k.settings).Database(t), nil)
			mayLock(t, d)
			d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY, a int, b int)", "INSERT INTO t VALUES (1, 2, 3)", "CREATE TABLE other (id int PRIMARY KEY)")
			table := d.Name + ".t"
			c := copyOf(t, d)
			open := func() error {
				_, err := c.session.Open(t.Context(), table, capture.Delivered{}, false)
				return err
			}

			chunk := c.open(table, capture.Delivered{}, false)
			altered := make(chan error, 1)
			writer := d.Conn(t)
			go func() {
				_, err := writer.Execute("ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a")
				altered <- err
			}()
			eventually.True(t, patience, "the ALTER waits", func() bool {
				return d.One(t, "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock%'") == "1"
			})
			if got := afters(c.read(&chunk, capture.Part{Table: table}, capture.Limits{})); len(got) != 1 || got[0] != `{"id":1,"a":2,"b":3}` {
				t.Errorf("before the ALTER: got %v", got)
			}
			old := chunk.Table
			c.finish()
			if err := <-altered; err != nil {
				t.Fatalf("alter the table: %v", err)
			}
			chunk = c.open(table, capture.Delivered{}, false)
			if got := afters(c.read(&chunk, capture.Part{Table: table}, capture.Limits{})); len(got) != 1 || got[0] != `{"id":1,"b":2,"a":3}` || chunk.Table.Version == old.Version {
				t.Errorf("behind the ALTER: got %v", got)
			}
			c.finish()

			locker := d.Conn(t)
			if _, err := locker.Execute("LOCK TABLES t WRITE"); err != nil {
				t.Fatal(err)
			}
			if err := open(); !errors.Is(err, capture.ErrAgain) {
				t.Errorf("a locked table: got %v, want ErrAgain", err)
			}
			if _, err := locker.Execute("UNLOCK TABLES"); err != nil {
				t.Fatal(err)
			}
			if err := open(); err != nil {
				t.Errorf("behind the lock: got %v", err)
			}
			c.finish()

			d.Exec(t, "DROP TABLE t")
			if err := open(); !errors.Is(err, capture.ErrNoTable) {
				t.Errorf("a table that was dropped: got %v, want ErrNoTable", err)
			}
			table = d.Name + ".other"
			if err := open(); !errors.Is(err, capture.ErrNoTable) {
				t.Errorf("a table that is not captured: got %v, want ErrNoTable", err)
			}
			if _, err := c.session.Split(t.Context(), capture.Part{Table: table}, 1); !errors.Is(err, capture.ErrNoTable) {
				t.Errorf("split it: got %v, want ErrNoTable", err)
			}
		})
	}
}

func TestAViewUnderALockNeedsAPrivilege(t *testing.T) {
	d := newSource(t, pool.Server(t, kinds[1].product, withoutGTIDs).Database(t), nil)
	d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
	c := copyOf(t, d)
	_, err := c.session.Open(t.Context(), d.Name+".t", capture.Delivered{}, false)
	var stop *failure.StopError
	if !errors.As(err, &stop) || !strings.Contains(stop.Hint, "GRANT SELECT, LOCK TABLES ON `"+d.Name+"`.*") || !strings.Contains(stop.Hint, "gtid_mode") {
		t.Fatalf("got %v, want a Stop with the GRANT", err)
	}
	mayLock(t, d)
	c = copyOf(t, d)
	chunk := c.open(d.Name+".t", capture.Delivered{}, false)
	d.Exec(t, "INSERT INTO t VALUES (1)") // the lock was given back
	if rows := c.read(&chunk, capture.Part{Table: d.Name + ".t"}, capture.Limits{}); len(rows) != 0 {
		t.Errorf("got %v, want the table as it was", rows)
	}
	c.finish()
}

func TestATableWithoutTransactionsIsLockedWhileItIsRead(t *testing.T) {
	onEach(t, nil, func(t *testing.T, _ *servers.MySQLServer, db *servers.MySQLDatabase) {
		d := newSource(t, db, nil)
		mayLock(t, d)
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY) ENGINE=MyISAM", "INSERT INTO t VALUES (1)")
		c := copyOf(t, d)
		chunk := c.open(d.Name+".t", capture.Delivered{}, false)
		done := make(chan error, 1)
		writer := d.Conn(t)
		go func() {
			_, err := writer.Execute("INSERT INTO t VALUES (2)")
			done <- err
		}()
		eventually.True(t, patience, "the writer waits", func() bool {
			return d.One(t, "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'") == "1"
		})
		if rows := c.read(&chunk, capture.Part{Table: d.Name + ".t"}, capture.Limits{}); len(rows) != 1 {
			t.Errorf("got %v, want one row", afters(rows))
		}
		c.finish()
		if err := <-done; err != nil {
			t.Errorf("the writer: %v", err)
		}
	})
}

func TestABoundThatDoesNotFitIsRefused(t *testing.T) {
	d := newSource(t, servers.MySQL(t, kinds[0].product), nil)
	d.Exec(t, "CREATE TABLE t (a int, b varchar(5), c datetime, d varbinary(5), e int, PRIMARY KEY (a, b, c, d))", "CREATE TABLE nothing (a int)")
	c := copyOf(t, d)
	chunk := c.open(d.Name+".t", capture.Delivered{}, false)
	for _, key := range []capture.Key{
		{"1", "61", "2026-11-21T10:00:00"},
		{"1 OR 1", "61", "2026-11-21T10:00:00", "YQ=="},
		{"", "61", "2026-11-21T10:00:00", "YQ=="},
		{"1", "6' OR '", "2026-11-21T10:00:00", "YQ=="},
		{"1", "61", "2026-11-21' OR '", "YQ=="},
		{"1", "61", "", "YQ=="},
		{"1", "61", "2026-11-21T10:00:00", "' OR '"},
	} {
		for _, p := range []capture.Part{{After: key}, {UpTo: key}, {Keys: []capture.Key{key}}} {
			p.Table = d.Name + ".t"
			err := c.session.Read(t.Context(), &chunk, p, capture.Limits{}, nil)
			if !errors.Is(err, capture.ErrParts) || strings.Contains(err.Error(), "OR") {
				t.Errorf("%q: got %v, want ErrParts without it", key, err)
			}
		}
	}
	c.finish()
}

func TestPartsInErrorsAreNotShown(t *testing.T) {
	d := newSource(t, servers.MySQL(t, kinds[0].product), nil)
	d.Exec(t, "CREATE TABLE t (a varchar(50) PRIMARY KEY)")
	c := copyOf(t, d)
	chunk := c.open(d.Name+".t", capture.Delivered{}, false)
	p := capture.Part{Table: d.Name + ".t", After: capture.Key{"736563726574"}, Where: "is no condition"}
	err := c.session.Read(t.Context(), &chunk, p, capture.Limits{}, nil)
	if err == nil || strings.Contains(err.Error(), "736563726574") || strings.Contains(err.Error(), "condition") {
		t.Errorf("got %v, want an error without the statement", err)
	}
	c.finish()
}

func TestViewsOfAnotherKindAreRefused(t *testing.T) {
	c, err := mysql.NewCopier(mysql.Config{Name: "test", URL: "mysql://user@127.0.0.1:1/db"})
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range []string{"", "771:771:", "file:nothing", "gtid:x"} {
		if _, err := c.Shows(view); err == nil {
			t.Errorf("%q: got no error", view)
		}
	}
}
