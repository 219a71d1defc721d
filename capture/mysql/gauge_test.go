package mysql_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// Gauge implements capturetest.Measured, as the same user.
func (d source) Gauge(t testing.TB) capture.Gauge {
	t.Helper()
	cfg := d.config()
	if d.change != nil {
		d.change(&cfg)
	}
	g, err := mysql.NewGauge(cfg)
	if err != nil {
		t.Fatalf("make the gauge: %v", err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func TestGauge(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := pool.Server(t, kind.product, kind.settings)
			capturetest.RunGauge(t, func(t testing.TB) capturetest.Measured {
				return newSource(t, server.Database(t), nil)
			})
		})
	}
}

// onOwnKind runs a test on a server of its own of MySQL and of MariaDB; where kinds
// differ otherwise, the suite looks at each.
func onOwnKind(t *testing.T, test func(t *testing.T, server *servers.MySQLServer, d source)) {
	t.Helper()
	for _, kind := range []kind{kinds[1], kinds[2]} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := pool.Server(t, kind.product, kind.settings)
			d := newSource(t, server.Database(t), nil)
			d.Exec(t, orders)
			test(t, server, d)
		})
	}
}

// expiry is the statement that sets for how long the server keeps a file.
func expiry(seconds int) string {
	return fmt.Sprintf("SET GLOBAL binlog_expire_logs_seconds = %d", seconds)
}

func TestWhatIsBehindAPlaceIsMeasuredOverFiles(t *testing.T) {
	onOwnKind(t, func(t *testing.T, _ *servers.MySQLServer, d source) {
		st := read(t, d, 3)
		g := d.Gauge(t)
		if got := capturetest.Look(t, g, st); got.Behind != 0 || got.Kept != capture.Unknown {
			t.Errorf("got %+v at the end of the log, want nothing behind it, and no slot", got)
		}
		before := logBytes(t, d)
		for range 3 {
			d.Exec(t, "INSERT INTO orders VALUES (NULL), (NULL)")
			d.Split(t)
		}
		d.Exec(t, "INSERT INTO orders VALUES (NULL)")
		if got, want := capturetest.Look(t, g, st).Behind, logBytes(t, d)-before; got != want {
			t.Errorf("behind the place are %d bytes, want %d as the files say", got, want)
		}
	})
}

// logBytes is the size of all binlogs.
func logBytes(t *testing.T, d source) (n int64) {
	t.Helper()
	for _, row := range d.Rows(t, "SHOW BINARY LOGS") {
		n += int64(number(t, row[1]))
	}
	return n
}

func TestHowLongAPlaceIsKept(t *testing.T) {
	onOwnKind(t, func(t *testing.T, _ *servers.MySQLServer, d source) {
		const keep = 1000 * time.Second
		d.Exec(t, expiry(int(keep/time.Second)))
		st := read(t, d, 1)
		g := d.Gauge(t)
		got := capturetest.Look(t, g, st)
		if got.Left != keep || got.Limit != "binlog_expire_logs_seconds" {
			t.Errorf("in the newest file %v are left by %q, want all %v", got.Left, got.Limit, keep)
		}
		d.Split(t)
		d.Exec(t, "INSERT INTO orders VALUES (NULL)")
		eventually.True(t, patience, "the file's age is seen", func() bool {
			got = capturetest.Look(t, g, st)
			return got.Left < keep-time.Second
		})
		if got.Left < keep-patience {
			t.Errorf("of a file that has just ended %v are left, want nearly %v", got.Left, keep)
		}
		d.Exec(t, expiry(1))
		eventually.True(t, patience, "the file may go at any moment", func() bool { return capturetest.Look(t, g, st).Left == 0 })
		d.Exec(t, expiry(0))
		if got = capturetest.Look(t, g, st); got.Left != capture.Unknown || got.Limit != "" {
			t.Errorf("without a limit %v are left by %q, want that nothing is known of one", got.Left, got.Limit)
		}
		if d.Product.MariaDB() {
			return
		}
		d.Exec(t, expiry(7), "SET GLOBAL binlog_expire_logs_auto_purge = OFF")
		if got = capturetest.Look(t, g, st); got.Left != capture.Unknown {
			t.Errorf("with binlog_expire_logs_auto_purge=OFF %v are left, want that nothing is known of a limit", got.Left)
		}
	})
}

func TestAFileThatTheServerDeletesByAgeIsLost(t *testing.T) {
	onOwnKind(t, func(t *testing.T, _ *servers.MySQLServer, d source) {
		if d.Product == local.MariaDB114 {
			d.Exec(t, "SET GLOBAL slave_connections_needed_for_purge = 0")
		}
		st := read(t, d, 1)
		d.Exec(t, "INSERT INTO orders VALUES (NULL)")
		d.Exec(t, expiry(1))
		g := d.Gauge(t)
		var got capture.Sight
		eventually.True(t, patience, "the server has deleted the place's file", func() bool {
			d.Split(t)
			got = capturetest.Look(t, g, st)
			return got.Lost != ""
		})
		_, err := locate(t, d, st, "")
		wantLost(t, err, "has purged")
		if got.Behind != capture.Unknown || !strings.Contains(got.Lost, "has purged") || !strings.Contains(got.Lost, "position set now") {
			t.Errorf("got %+v, want that it is lost and what to do", got)
		}
	})
}

func TestMariaDBsLimitOfAllFilesIsRoom(t *testing.T) {
	d := newSource(t, pool.Server(t, local.MariaDB114, nil).Database(t), nil)
	d.Exec(t, orders, "SET GLOBAL max_binlog_total_size = 1000000000")
	st := read(t, d, 1)
	d.Split(t)
	d.Exec(t, "INSERT INTO orders VALUES (NULL)")
	got := capturetest.Look(t, d.Gauge(t), st)
	total := logBytes(t, d)
	if first := int64(number(t, d.Rows(t, "SHOW BINARY LOGS")[0][1])); mysql.FileOf(st.Position) != d.Rows(t, "SHOW BINARY LOGS")[0][0] {
		total -= first
	}
	if want := 1_000_000_000 - total; got.Room != want || !strings.Contains(got.Limit, "max_binlog_total_size") {
		t.Errorf("room is %d by %q, want %d", got.Room, got.Limit, want)
	}
}

func TestALogThatWasBegunAnewIsSeenByAGaugeThatKnewTheOldOne(t *testing.T) {
	onOwnKind(t, func(t *testing.T, _ *servers.MySQLServer, d source) {
		d.Split(t)
		st := read(t, d, 3)
		g := d.Gauge(t)
		if got := capturetest.Look(t, g, st).Lost; got != "" {
			t.Fatalf("the place is lost: %s", got)
		}
		reset(t, d)
		_, err := locate(t, d, st, "")
		wantLost(t, err, "begun anew")
		for range 2 { // once as something new, once as something known
			if got := capturetest.Look(t, g, st).Lost; got != err.Error() {
				t.Errorf("lost is %q, want %q", got, err)
			}
		}
		for range 200 { // now the new log is longer than the old one was
			d.Exec(t, "INSERT INTO orders VALUES (NULL), (NULL), (NULL)")
		}
		_, err = locate(t, d, st, "")
		wantLost(t, err)
		if got := capturetest.Look(t, g, st).Lost; got != err.Error() {
			t.Errorf("in a longer log: lost is %q, want %q", got, err)
		}
	})
}

func TestAGaugeLooksAgainAfterARestart(t *testing.T) {
	onOwnKind(t, func(t *testing.T, server *servers.MySQLServer, d source) {
		st := read(t, d, 1)
		g := d.Gauge(t)
		before := capturetest.Look(t, g, st)
		server.Stop(t)
		if sight, err := g.Look(within(t), st); !failure.Retryable(err) {
			t.Errorf("a look at a server that is down says %+v, %v; want a Retry", sight, err)
		}
		server.Start(t)
		after := capturetest.Look(t, g, st)
		if after.Lost != "" || after.Oldest != before.Oldest || after.Newest == before.Newest {
			t.Errorf("got %+v after %+v, want the same log with one file more", after, before)
		}
	})
}

func TestAGaugeNamesThePrivilegeThatIsMissing(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		d := servers.MySQL(t, product)
		d.Exec(t, orders)
		st := read(t, newSource(t, d, nil), 1)
		d.Exec(t, "FLUSH BINARY LOGS")
		for _, c := range []struct {
			name   string
			grants []string
			want   []string
		}{
			{"no REPLICATION CLIENT", []string{"REPLICATION SLAVE ON *.*", "SELECT ON {db}.*"}, []string{"GRANT REPLICATION CLIENT ON *.* TO '"}},
			{"no REPLICATION SLAVE", []string{"REPLICATION CLIENT ON *.*", "SELECT ON {db}.*"}, []string{"GRANT REPLICATION SLAVE ON *.* TO '"}},
		} {
			t.Run(string(product)+": "+c.name, func(t *testing.T) {
				s := source{d, d.URLAs(d.User(t, "secret", c.grants...), "secret"), nil}
				_, err := s.Gauge(t).Look(within(t), st)
				wantStop(t, err, c.want...)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("the password is in %q", err)
				}
			})
		}
	}
}

func TestWhatLiesAheadIsTold(t *testing.T) {
	onOwnKind(t, func(t *testing.T, _ *servers.MySQLServer, d source) {
		st := read(t, d, 1)
		g := d.Gauge(t).(*mysql.Gauge)
		got, err := g.Ahead(within(t), st.Position)
		if err != nil || !got.First.IsZero() {
			t.Errorf("got %+v, %v at the end of the log, want no first transaction", got, err)
		}
		begin := d.Clock(t).Truncate(time.Second)
		d.Exec(t, "INSERT INTO orders VALUES (NULL)")
		end := d.Clock(t)
		d.Split(t)
		d.Exec(t, "INSERT INTO orders VALUES (NULL)")
		if got, err = g.Ahead(within(t), st.Position); err != nil {
			t.Fatalf("look ahead: %v", err)
		}
		if got.First.Before(begin) || got.First.After(end) {
			t.Errorf("the first transaction was committed at %v, want between %v and %v", got.First, begin, end)
		}
		files, bytes := d.Rows(t, "SHOW BINARY LOGS"), int64(0)
		files = files[len(files)-2:]
		for i, f := range got.Files {
			bytes += f.Bytes
			if i >= len(files) || f.Name != files[i][0] || f.Size != int64(number(t, files[i][1])) {
				t.Errorf("file %d is %+v, want one of %v", i, f, files)
			}
		}
		if want := capturetest.Look(t, g, st).Behind; len(got.Files) != 2 || bytes != want {
			t.Errorf("%d files have %d bytes, want 2 with %d", len(got.Files), bytes, want)
		}
	})
}

func TestAPlaceOfGTIDsAloneIsFoundInTheFiles(t *testing.T) {
	for _, product := range []local.Product{local.MySQL97, local.MariaDB1011, local.MariaDB114} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d := newSource(t, pool.Server(t, product, nil).Database(t), nil)
			const keep = 1000 * time.Second
			d.Exec(t, orders, expiry(int(keep/time.Second)))
			st := read(t, d, 3)
			alone, _, _ := strings.Cut(string(st.Position), "@")
			st.Position = event.Position(alone)
			g := d.Gauge(t).(*mysql.Gauge)
			if got := capturetest.Look(t, g, st); got.Behind != 0 || got.Left != keep {
				t.Errorf("got %+v, want nothing behind a place that has every transaction, and all of the time", got)
			}
			before := logBytes(t, d)
			d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			for range 2 { // found, and known
				if got, want := capturetest.Look(t, g, st), logBytes(t, d)-before; got.Behind != want || got.Left != keep {
					t.Errorf("got %+v, want %d bytes behind the place", got, want)
				}
				d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			}
			d.Split(t)
			d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			var got capture.Sight
			eventually.True(t, patience, "the age of the place's file is seen", func() bool {
				got = capturetest.Look(t, g, st)
				return got.Left < keep
			})
			if want := logBytes(t, d) - before; got.Behind != want {
				t.Errorf("over two files %d bytes are behind the place, want %d", got.Behind, want)
			}
			ahead, err := g.Ahead(within(t), st.Position)
			if err != nil || len(ahead.Files) != 2 || ahead.First.IsZero() {
				t.Errorf("got %+v, %v; want two files and when the first transaction was committed", ahead, err)
			}
			d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			if _, err := g.Look(within(t), checkpoint.State{Source: st.Source, Position: "lsn:0/1"}); failure.ExitCode(err) != failure.ExitStop {
				t.Errorf("a look at a place of Postgres: %v, want a Stop", err)
			}
		})
	}
}
