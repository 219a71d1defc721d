package mysql_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

// fillLog writes transactions of several kinds, with a rotation between.
func fillLog(t *testing.T, d *servers.MySQLDatabase) {
	t.Helper()
	d.Exec(t, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(2000))",
		"INSERT INTO t (v) VALUES ('a'), ('b')", "BEGIN", "UPDATE t SET v = REPEAT('x', 2000)", "DELETE FROM t WHERE id = 1", "COMMIT",
		"FLUSH BINARY LOGS")
	rotated(t, d)
	d.Exec(t, "INSERT INTO t (v) VALUES ('c')", "ALTER TABLE t ADD w INT", "INSERT INTO t (v, w) VALUES ('d', 1)")
}

// rotated waits for what MariaDB writes into a new file in its own time: that
// no file before it is needed any more.
func rotated(t *testing.T, d *servers.MySQLDatabase) {
	t.Helper()
	if !d.Product.MariaDB() {
		return
	}
	file, _ := logEnd(t, d)
	eventually.True(t, patience, "the new file is its own checkpoint", func() bool {
		return slices.ContainsFunc(d.Rows(t, "SHOW BINLOG EVENTS IN '"+file+"'"), func(row []string) bool {
			return row[2] == "Binlog_checkpoint" && row[5] == file
		})
	})
}

// listed returns what the server says is in its logs, one line per event.
func listed(t *testing.T, d *servers.MySQLDatabase) (files, lines []string) {
	t.Helper()
	for _, file := range d.Rows(t, "SHOW BINARY LOGS") {
		files = append(files, file[0])
		for _, row := range d.Rows(t, "SHOW BINLOG EVENTS IN '"+file[0]+"'") {
			end := row[4]
			if end == "0" { // MariaDB 11.4, within transactions
				end = "-"
			}
			lines = append(lines, fmt.Sprintf("%s %s %s", row[0], plainType(row[2]), end))
		}
	}
	return files, lines
}

// plainType makes one name out of the ways in which types are written.
func plainType(name string) string {
	name = strings.ToLower(name)
	name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_event"), "_log"), "_event_v1")
	name = strings.TrimSuffix(name, "_v1")
	switch name {
	case "format_description":
		return "format_desc"
	case "previous_gtids_log":
		return "previous_gtids"
	}
	return name
}

func TestADumpGivesEveryEventOfTheLog(t *testing.T) {
	onEach(t, nil, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		fillLog(t, d)
		files, want := listed(t, d)
		r := replicaOf(t, d.Server.URL(""))

		var got []string
		file := ""
		err := r.Probe(within(t), files[0], 4, func(f mysql.Frame, end uint64) (bool, error) {
			if mysql.Artificial(f.Header) {
				if f.Header.Type == binlog.Rotate {
					var err error
					file, _, err = binlog.ParseRotate(f.Body)
					return true, err
				}
				return true, nil
			}
			if f.Header.NextPos != 0 && uint64(f.Header.NextPos) != end {
				t.Errorf("%s ends at %d, and was counted to end at %d", f.Header.Type, f.Header.NextPos, end)
			}
			said := "-"
			if f.Header.NextPos != 0 {
				said = strconv.FormatUint(end, 10)
			}
			got = append(got, fmt.Sprintf("%s %s %s", file, plainType(f.Header.Type.String()), said))
			return true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("probe: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}

		for _, at := range []string{"file:" + files[0] + ":4", "gtid:"} {
			// By GTID a MariaDB begins behind the events that every file has at its
			// start.
			groups := at == "gtid:" && d.Product.MariaDB()
			var got, types []string
			for _, line := range want {
				types = append(types, strings.Fields(line)[1])
			}
			w := dumpFrom(t, r, at)
			for _, f := range untilType(t, w, binlog.XID, 4) {
				got = append(got, plainType(f.Header.Type.String()))
			}
			if groups {
				got, types = slices.DeleteFunc(got, startsFile), slices.DeleteFunc(types, startsFile)
			}
			if !slices.Equal(got, types) {
				t.Errorf("%s: got\n%s\nwant\n%s", at, got, types)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func startsFile(eventType string) bool {
	return slices.Contains([]string{"format_desc", "gtid_list", "binlog_checkpoint"}, eventType)
}

// untilEvents returns the first n events of a dump that stand in the log.
func untilEvents(t *testing.T, w mysql.Wire, n int) []mysql.Frame {
	t.Helper()
	ctx := within(t)
	var all []mysql.Frame
	for len(all) < n {
		f, err := nextFrame(ctx, w)
		if err != nil {
			t.Fatalf("after %d of %d events: %v", len(all), n, err)
		}
		if !mysql.Artificial(f.Header) {
			all = append(all, f)
		}
	}
	return all
}

func TestADumpBeginsBehindItsPosition(t *testing.T) {
	onEach(t, nil, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		fillLog(t, d)
		file, offset := logEnd(t, d)
		set := "gtid:" + d.One(t, "SELECT @@GLOBAL."+map[bool]string{true: "gtid_binlog_pos", false: "gtid_executed"}[d.Product.MariaDB()])
		d.Exec(t, "INSERT INTO t (v) VALUES ('only this')")
		r := replicaOf(t, d.Server.URL(""))
		for _, at := range []string{"file:" + file + ":" + offset, set} {
			rows := 0
			w := dumpFrom(t, r, at)
			for _, f := range untilType(t, w, binlog.XID, 1) {
				if _, ok := f.Header.Type.RowsOp(); ok {
					rows++
					if !strings.Contains(string(f.Body), "only this") {
						t.Errorf("%s: got another row", at)
					}
				}
			}
			if rows != 1 {
				t.Errorf("%s: got %d rows events, want 1", at, rows)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestALogWithoutChecksumsIsRead(t *testing.T) {
	onEach(t, map[string]string{"binlog-checksum": "NONE"}, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		fillLog(t, d)
		files, want := listed(t, d)
		w := dumpFrom(t, replicaOf(t, d.Server.URL("")), "file:"+files[0]+":4")
		got := untilEvents(t, w, len(want))
		if w.Format().Checksum {
			t.Error("the log has checksums")
		}
		last := got[len(got)-1].Header
		if _, offset := logEnd(t, d); last.Type != binlog.XID || strconv.Itoa(int(last.NextPos)) != offset {
			t.Errorf("got %s that ends at %d at last, want XID_EVENT at %s", last.Type, last.NextPos, offset)
		}
		if len(got[0].Body) == 0 || got[1].CRC == 0 {
			t.Error("an event has no sum of ours")
		}
	})
}

func TestALogWhoseChecksumsBeginLaterIsRead(t *testing.T) {
	onEach(t, map[string]string{"binlog-checksum": "NONE"}, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		fillLog(t, d)
		d.Exec(t, "SET GLOBAL binlog_checksum = CRC32", "INSERT INTO t (v) VALUES ('e')",
			"SET GLOBAL binlog_checksum = NONE", "INSERT INTO t (v) VALUES ('f')")
		files, want := listed(t, d)
		untilEvents(t, dumpFrom(t, replicaOf(t, d.Server.URL("")), "file:"+files[0]+":4"), len(want))
	})
}

func TestAPlaceThatTheServerDoesNotHaveIsLost(t *testing.T) {
	onEach(t, nil, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		fillLog(t, d)
		file, _ := logEnd(t, d)
		d.Exec(t, "PURGE BINARY LOGS TO '"+file+"'")
		r := replicaOf(t, d.Server.URL(""))
		unknown := "gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"
		if d.Product.MariaDB() {
			unknown = "gtid:0-77-999999"
		}
		base := strings.TrimRight(file, "0123456789")
		for _, at := range []string{"file:" + base + "000001:4", "file:" + base + "000999:4", "file:" + file + ":99999999", "gtid:", unknown} {
			w := dumpFrom(t, r, at)
			_, err := nextReal(t, w)
			wantError(t, err, failure.ExitStop, "the place is lost")
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// nextReal returns the first event that is not the connection's own.
func nextReal(t *testing.T, w mysql.Wire) (mysql.Frame, error) {
	t.Helper()
	ctx := within(t)
	for {
		f, err := nextFrame(ctx, w)
		if err != nil || !mysql.Artificial(f.Header) {
			return f, err
		}
	}
}

func TestAProbeReadsOneEventAtAPlace(t *testing.T) {
	onEach(t, nil, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		fillLog(t, d)
		file, before := logEnd(t, d)
		d.Exec(t, "INSERT INTO t (v) VALUES ('e')")
		_, after := logEnd(t, d)
		place, _ := strconv.ParseUint(before, 10, 64)

		// One that reads the log is not disturbed by it.
		r := replicaOf(t, d.Server.URL(""))
		w := dumpFrom(t, r, "file:"+file+":"+before)
		untilType(t, w, binlog.XID, 1)

		var first, last mysql.Frame
		var format binlog.Header
		var end uint64
		err := r.Probe(within(t), file, place, func(f mysql.Frame, at uint64) (bool, error) {
			if f.Header.Type == binlog.FormatDescription {
				format = f.Header
			}
			if mysql.Artificial(f.Header) {
				if at != place {
					t.Errorf("%s: the place is %d, want %d", f.Header.Type, at, place)
				}
				return true, nil
			}
			if first.Header.Type == 0 {
				first = f
			}
			last, end = f, at
			return f.Header.Type != binlog.XID, nil
		})
		if err != nil || last.Header.Type != binlog.XID || strconv.FormatUint(end, 10) != after || last.CRC == 0 {
			t.Errorf("got %+v that ends at %d, %v, want an XID_EVENT that ends at %s", last.Header, end, err, after)
		}
		if first.Header.Type != binlog.GTID && first.Header.Type != binlog.MariaGTID {
			t.Errorf("got %s first, want a GTID", first.Header.Type)
		}
		if age := time.Since(time.Unix(int64(format.Timestamp), 0)); age < -time.Minute || age > time.Hour {
			t.Errorf("the file was made %s ago", age)
		}

		d.Exec(t, "INSERT INTO t (v) VALUES ('f')")
		untilType(t, w, binlog.XID, 1)
	})
}

func TestASecondReplicaWithOurServerID(t *testing.T) {
	onEach(t, nil, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		file, offset := logEnd(t, d)
		at := "file:" + file + ":" + offset
		ours := replicaAs(t, d.Server.URL(""), 77, 1<<20)
		w := dumpFrom(t, ours, at)
		d.Exec(t, "CREATE TABLE t (id INT PRIMARY KEY)")
		untilType(t, w, binlog.Query, 1)

		// Another Tailrace meets the lock and leaves us alone.
		_, err := replicaAs(t, d.Server.URL(""), 77, 1<<20).Dump(within(t), event.Position(at))
		wantRetry(t, err, "another connection reads the log with our server_id 77")
		d.Exec(t, "CREATE TABLE u (id INT PRIMARY KEY)")
		untilType(t, w, binlog.Query, 1)

		// Others do not know the lock: the server drops the older one.
		other := ours.Unlocked()
		dumpFrom(t, other, at)
		_, err = nextReal(t, w)
		wantError(t, err, failure.ExitFenced, "another replica with our server_id")
	})
}

func TestAFrozenServerIsNoticed(t *testing.T) {
	onEach(t, nil, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		file, offset := logEnd(t, d)
		r := replicaOf(t, d.Server.URL(""))
		r.Silence(100*time.Millisecond, 2*time.Second)
		w := dumpFrom(t, r, "file:"+file+":"+offset)
		ctx := within(t)
		for beats := 0; beats < 30; {
			f, err := nextFrame(ctx, w)
			if err != nil {
				t.Fatalf("after %d heartbeats: %v", beats, err)
			}
			if f.Header.Type == binlog.Heartbeat {
				beats++
			}
		}
		server.Freeze(t)
		defer server.Thaw(t)
		for {
			if _, err := nextFrame(ctx, w); err != nil {
				wantRetry(t, err, "said nothing for 2s")
				return
			}
		}
	})
}

func TestAnEndedServerIsALossOfTheConnection(t *testing.T) {
	onEach(t, nil, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		file, offset := logEnd(t, d)
		r := replicaOf(t, d.Server.URL(""))
		for _, end := range []func(testing.TB){server.Kill, server.Stop} {
			w := dumpFrom(t, r, "file:"+file+":"+offset)
			if _, err := nextFrame(within(t), w); err != nil {
				t.Fatal(err)
			}
			end(t)
			var err error
			for err == nil {
				_, err = nextFrame(within(t), w)
			}
			if !failure.Retryable(err) {
				t.Errorf("got %v, want a Retry", err)
			}
			server.Start(t)
		}
	})
}
