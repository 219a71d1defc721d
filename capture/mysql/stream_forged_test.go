package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// keys returns the ids of inserted rows.
func keys(texts []string) string {
	var ids []string
	for _, text := range texts {
		_, rest, _ := strings.Cut(text, `"after":{"id":`)
		id, _, _ := strings.Cut(rest, ",")
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

func TestEventsThatAreNoRows(t *testing.T) {
	for _, c := range []struct {
		name string
		send func(*forge)
		want string // keys of the rows
		stop string // in what ends it; "" for the end of the connection
	}{
		{"a whole transaction arrives", func(f *forge) {}, "1 2", ""},
		{"an unknown event stops", func(f *forge) { f.event(200, 1) }, "1", "event type 200 at file:binlog.000003:"},
		{"an unknown event that may be ignored is passed over", func(f *forge) {
			f.flags = binlog.FlagIgnorable
			f.event(200, 1)
			f.flags = 0
		}, "1 2", ""},
		{"an INCIDENT stops", func(f *forge) { f.event(binlog.Incident, 1, 0, 0) }, "1", "lost events"},
		{"rows of a kind that is not decoded stop", func(f *forge) {
			f.begin()
			f.tableMap(7, "t")
			f.event(binlog.PartialUpdateRows, rowsBody(7, 5)...)
		}, "1", "PARTIAL_UPDATE_ROWS_EVENT"},
		{"rows of a kind that is not decoded, of another table, are passed over", func(f *forge) {
			f.begin()
			f.tableMap(7, "other")
			f.event(binlog.PartialUpdateRows, rowsBody(7, 5)...)
			f.commit()
		}, "1 2", ""},
		{"a transaction that ends in ROLLBACK leaves nothing", func(f *forge) {
			f.begin()
			f.tableMap(7, "t")
			f.rows(7, 5)
			f.query("ROLLBACK")
		}, "1 2", ""},
		{"a savepoint takes back what came since", func(f *forge) {
			f.begin()
			f.tableMap(7, "t")
			f.rows(7, 5)
			f.query("SAVEPOINT `a`")
			f.rows(7, 6)
			f.query("SAVEPOINT `b`")
			f.rows(7, 7)
			f.query("ROLLBACK TO `a`")
			f.rows(7, 8)
			f.commit()
		}, "1 5 8 2", ""},
		{"a savepoint that was not set stops", func(f *forge) {
			f.begin()
			f.tableMap(7, "t")
			f.rows(7, 5)
			f.query("ROLLBACK TO `a`")
		}, "1 5", "can't be read"},
		{"a transaction that a crash cut leaves nothing, and its GTID comes again", func(f *forge) {
			f.begin()
			f.tableMap(7, "t")
			f.rows(7, 5)
			f.number--
			f.rotate("binlog.000004", 4)
			f.format()
		}, "1 2", ""},
		{"rows without a table map stop", func(f *forge) {
			f.begin()
			f.rows(9, 5)
		}, "1", "can't be read"},
		{"rows outside of a transaction stop", func(f *forge) { f.rows(7, 5) }, "1", "can't be read"},
		{"a transaction inside another stops", func(f *forge) {
			f.begin()
			f.begin()
		}, "1", "can't be read"},
		{"an end without a beginning stops", func(f *forge) { f.commit() }, "1", "can't be read"},
		{"a statement stops", func(f *forge) {
			f.begin()
			f.query("INSERT INTO t VALUES ('secret')")
		}, "1", "a statement (INSERT)"},
		{"TRUNCATE of a name that can't be read stops", func(f *forge) { f.begin(); f.query("TRUNCATE gr\xf6\xdfe") }, "1", "another character set"},
		{"an XA COMMIT that was not prepared stops", func(f *forge) {
			f.begin()
			f.query("XA COMMIT X'61',X'',1")
		}, "1", "prepared before the start"},
		{"an XA statement that is not understood stops", func(f *forge) {
			f.begin()
			f.query("XA COMMIT 'a'")
		}, "1", "a statement (XA)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge("binlog.000003", 4, false)
			f.transaction(1)
			c.send(f)
			if c.stop == "" {
				f.transaction(2)
			}
			events, at, _, err := f.read(t, "gtid:", "")
			if got := keys(events); got != c.want {
				t.Errorf("got rows %s, want %s", got, c.want)
			}
			switch {
			case c.stop == "" && !failure.Retryable(err):
				t.Errorf("got %v, want the end of the connection", err)
			case c.stop != "" && (failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !strings.Contains(err.Error(), c.stop)):
				t.Errorf("got %v, want a Stop that says %q", err, c.stop)
			}
			if strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("got %v, which has a value", err)
			}
			if want := fmt.Sprintf("gtid:%s:1-%d@", forgedID, f.number); c.stop == "" && !strings.HasPrefix(string(at), want) {
				t.Errorf("got the place %s, want %s", at, want)
			}
		})
	}
}

const giga = 1 << 30

func TestPlacesBehind4GiB(t *testing.T) {
	for _, c := range []struct {
		name  string
		from  event.Position
		known string // what the checkpoint remembers
		send  func(*forge)
		want  string
	}{
		{"an offset goes on behind 4 GiB", "file:binlog.000003:4", "", func(f *forge) {
			f.transaction(1)
			f.pos = 3 * giga
			f.transaction(2)
			f.pos = 4*giga - 20
			f.transaction(3)
			f.pos = 7 * giga
			f.transaction(4)
			f.pos = 9 * giga
			f.transaction(5)
		}, "1 2 3 4 5"},
		{"a place behind 4 GiB is reached from the file's start", "file:binlog.000003:4294968000", "", func(f *forge) {
			f.transaction(1)
			f.pos = 3 * giga
			f.transaction(2)
			f.pos = 4_294_968_000
			f.transaction(3)
		}, "3"},
		{"a place by GTID behind 4 GiB is not taken for one before", "gtid:" + forgedID + ":1@binlog.000003:8589934700", "", func(f *forge) {
			f.pos = 8_589_934_700
			f.transaction(3)
		}, "3"},
		{"a place by GTID before 4 GiB does not hide a hole", "gtid:" + forgedID + ":1@binlog.000003:100000", "", func(f *forge) {
			f.pos = 50_000
			f.transaction(2)
			f.pos = 100_000
			f.transaction(3)
		}, "2 3"},
		{
			"a prepared transaction that comes again is before it, and what follows is not", "gtid:" + forgedID + ":1@binlog.000003:9000000000",
			`{"prepared":[{"xid":"X'61',X'',1","file":"binlog.000003","offset":50000}]}`,
			func(f *forge) {
				f.pos = 50_000
				f.begin()
				f.query("XA START X'61',X'',1")
				f.tableMap(7, "t")
				f.rows(7, 2)
				f.query("XA END X'61',X'',1")
				f.event(binlog.XAPrepare, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 'a')
				f.pos = 9_000_000_000
				f.transaction(3)
			}, "3",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge("binlog.000003", 4, false)
			c.send(f)
			events, at, bound, err := f.read(t, c.from, c.known)
			if !failure.Retryable(err) {
				t.Fatalf("got %v, want the end of the connection", err)
			}
			if got := keys(events); got != c.want {
				t.Errorf("got rows %s, want %s", got, c.want)
			}
			p, err := mysql.ParsePosition(at)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := p.Offset, f.pos; got != want || event.BinlogOffset(bound) != want {
				t.Errorf("got the place %s and the bound %d, want the offset %d", at, event.BinlogOffset(bound), want)
			}
		})
	}
}

func TestAPlaceInsideAnEventIsRefused(t *testing.T) {
	f := newForge("binlog.000003", 4, false)
	f.pos = 4*giga + 100
	f.transaction(1)
	_, _, _, err := f.read(t, "file:binlog.000003:4294967410", "")
	if failure.Retryable(err) || failure.ExitCode(err) != failure.ExitStop {
		t.Errorf("got %v, want a Stop", err)
	}
}

func TestEventsOfMariaDBThatSayNoPlace(t *testing.T) {
	f := newForge("binlog.000003", 4, true)
	for id := range uint32(3) {
		f.begin()
		f.mute = true
		f.tableMap(7, "t")
		f.rows(7, id)
		f.mute = false
		f.commit()
	}
	events, at, _, _ := f.read(t, "gtid:", "")
	if got, want := keys(events), "0 1 2"; got != want {
		t.Errorf("got rows %s, want %s", got, want)
	}
	if got, want := string(at), fmt.Sprintf("gtid:0-1-3@binlog.000003:%d~", f.pos); !strings.HasPrefix(got, want) {
		t.Errorf("got the place %s, want %s", got, want)
	}
	if !strings.Contains(events[2], `"pos":`+fmt.Sprint(f.pos-31-uint64(19+len(rowsBody(7, 2))+4))+",") {
		t.Errorf("got %s, want the place of the row's event before %d", events[2], f.pos)
	}
}
