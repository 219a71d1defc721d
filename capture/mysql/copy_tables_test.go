package mysql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestTheTablesOfACopy(t *testing.T) {
	onEach(t, nil, func(t *testing.T, _ *servers.MySQLServer, db *servers.MySQLDatabase) {
		d := newSource(t, db, nil)
		d.Exec(t,
			"CREATE TABLE a_key (id int PRIMARY KEY, v varchar(100))",
			"INSERT INTO a_key WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 500) SELECT n, REPEAT('x', 100) FROM s",
			"CREATE TABLE b_composite (a int, b varchar(10) CHARACTER SET latin1, c binary(16), PRIMARY KEY (c, b, a))",
			"CREATE TABLE c_none (a int, KEY (a))",
			"CREATE TABLE d_unique (a int NOT NULL, UNIQUE (a))",
			"CREATE TABLE e_nullable (a int, UNIQUE (a))",
			"CREATE TABLE f_prefix (a text, PRIMARY KEY (a(10)))",
			"CREATE TABLE g_enum (a int, b enum('x', 'y'), PRIMARY KEY (a, b))",
			"CREATE TABLE h_float (a double PRIMARY KEY)",
			"CREATE TABLE i_two (a float NOT NULL, b int NOT NULL, UNIQUE z (a), UNIQUE a (b))",
			"CREATE TABLE other (a int PRIMARY KEY)",
			"CREATE VIEW view AS SELECT * FROM a_key", "ANALYZE TABLE a_key")
		c := copyOf(t, d)
		all, err := c.Tables(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range all {
			if e.Rows == capture.Unknown || e.Bytes == capture.Unknown {
				t.Errorf("%s has no statistics", e.Table)
			}
			got = append(got, fmt.Sprintf("%s %v", strings.TrimPrefix(e.Table, d.Name+"."), e.Whole))
		}
		want := []string{"a_key false", "b_composite false", "c_none true", "d_unique false", "e_nullable true", "f_prefix true", "g_enum true", "h_float true", "i_two true"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if e := all[0]; e.Rows < 100 || e.Rows > 2500 || e.Bytes < 16<<10 {
			t.Errorf("a table of 500 rows has the statistics %+v", e)
		}
		// What is whole is what can't be read in parts.
		for _, e := range all {
			chunk := c.open(e.Table, capture.Delivered{}, false)
			rows := c.read(&chunk, capture.Part{Table: e.Table, Whole: e.Whole}, capture.Limits{})
			if c.finish(); e.Table == all[0].Table != (len(rows) == 500) {
				t.Errorf("%s: got %d rows", e.Table, len(rows))
			}
		}
		if mark, err := c.Mark(t.Context()); mark != "" || err != nil {
			t.Errorf("the mark: got %q, %v", mark, err)
		}
		if waits, err := c.Settled(t.Context(), ""); waits != "" || err != nil {
			t.Errorf("settled: got %q, %v", waits, err)
		}
		if lag, err := c.Lag(t.Context()); lag != 0 || err != nil {
			t.Errorf("the lag of who has no source: got %v, %v", lag, err)
		}
	})
}

func TestTheLagOfAReplicaIsBehindItsSource(t *testing.T) {
	for _, k := range []kind{kinds[0], kinds[3]} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			primary, replica := pool.Server(t, k.product, nil), servers.NewMySQL(t, k.product, nil)
			d, r := primary.Database(t), replica.Database(t)
			d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
			follow(t, replica, primary)
			caughtUp(t, &servers.MySQLDatabase{Server: r.Server}, d.Name+".t", 0)
			follower := newSource(t, r, nil)
			c := copyOf(t, follower)
			if k.product.MariaDB() {
				if lag, err := c.Lag(t.Context()); lag != 0 || err != nil {
					t.Errorf("who may not ask: got %v, %v", lag, err)
				}
				grant(t, follower, "REPLICA MONITOR ON *.*")
				c = copyOf(t, follower)
			}
			locker := r.Conn(t)
			if _, err := locker.Execute("LOCK TABLES " + d.Name + ".t WRITE"); err != nil {
				t.Fatal(err)
			}
			d.Exec(t, "INSERT INTO t VALUES (1)")
			eventually.True(t, patience, "the replica is behind", func() bool {
				lag, err := c.Lag(t.Context())
				return err == nil && lag >= 2*time.Second
			})
			if _, err := locker.Execute("UNLOCK TABLES"); err != nil {
				t.Fatal(err)
			}
		})
	}
}
