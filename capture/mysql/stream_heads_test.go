package mysql_test

import (
	"encoding/binary"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// head sends what the server writes at a file's start about the files before it.
func (f *forge) head() {
	if f.mariaDB {
		f.event(binlog.MariaGTIDList, 0, 0, 0, 0)
		f.event(binlog.BinlogCheckpoint, append([]byte{13, 0, 0, 0}, "binlog.000003"...)...)
		return
	}
	f.event(binlog.PreviousGTIDs, make([]byte, 8)...)
}

func TestTheStartOfAFileIsAPlaceOnlyWhereThePositionLiesThere(t *testing.T) {
	for _, c := range []struct {
		name    string
		mariaDB bool
		from    event.Position
		want    string // what the position begins with, "" for none
	}{
		{"a file", false, "file:binlog.000002:4", "file:binlog.000003:"},
		{"a set and its place", false, "gtid:" + forgedID + ":1-24@binlog.000002:1542", "gtid:" + forgedID + ":1-24@binlog.000003:"},
		{"a set alone", false, "gtid:" + forgedID + ":1-24", ""},
		{"a list and its place", true, "gtid:0-1-24@binlog.000002:1542", "gtid:0-1-24@binlog.000003:"},
		{"a list alone", true, "gtid:0-1-24", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge("binlog.000003", 4, c.mariaDB)
			f.head()
			stream := f.open(t, c.from, "")
			var u event.Unit
			switch err := stream.Next(t.Context(), &u); {
			case c.want == "":
				if !failure.Retryable(err) || u.Position != "" {
					t.Errorf("got the place %s, %v; want none", u.Position, err)
				}
			case err != nil || !strings.HasPrefix(string(u.Position), c.want) || u.Millis != 1_795_255_200_000:
				t.Errorf("got %s at %d, %v; want %s… at the time of the file", u.Position, u.Millis, err, c.want)
			}
		})
	}
}

func TestAfterTheFirstTransactionTheFileIsKnown(t *testing.T) {
	for _, mariaDB := range []bool{false, true} {
		f := newForge("binlog.000003", 4, mariaDB)
		f.head()
		f.number = 24
		f.transaction(1)
		from, want := event.Position("gtid:"+forgedID+":1-24"), "gtid:"+forgedID+":1-25@binlog.000003:"
		if mariaDB {
			from, want = "gtid:0-1-24", "gtid:0-1-25@binlog.000003:"
		}
		events, at, bound, _ := f.read(t, from, "")
		if got := keys(events); got != "1" || !strings.HasPrefix(string(at), want) || event.BinlogOffset(bound) != f.pos {
			t.Errorf("got rows %s, the place %s and the bound %d; want 1, %s… and %d", got, at, event.BinlogOffset(bound), want, f.pos)
		}
	}
}

// What is held back must say where it is held back to.
func TestAPreparedTransactionBehindAListAloneIsHeldBackWithItsPlace(t *testing.T) {
	f := newForge("binlog.000003", 4, true)
	f.head()
	body := append(binary.LittleEndian.AppendUint64(nil, 25), 0, 0, 0, 0, binlog.Transactional|binlog.PreparedXA)
	f.event(binlog.MariaGTID, append(body, 1, 0, 0, 0, 1, 0, 'a')...)
	f.tableMap(7, "t")
	f.rows(7, 1)
	f.event(binlog.XAPrepare, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 'a')
	f.number = 25
	f.transaction(2)
	events, at, _, err := f.read(t, "gtid:0-1-24", "")
	if got := keys(events); got != "2" || !failure.Retryable(err) {
		t.Errorf("got rows %s, %v; want 2", got, err)
	}
	if got, want := string(at), "gtid:0-1-24@binlog.000003:"; !strings.HasPrefix(got, want) || !strings.Contains(got, "!") {
		t.Errorf("got the place %s, want %s… and up to where was read", got, want)
	}
}

// beginAt opens a transaction that was committed at a time, in microseconds.
func (f *forge) beginAt(micros uint64) {
	f.number++
	body := append(make([]byte, 17), binary.LittleEndian.AppendUint64(nil, f.number)...)
	body = append(append(body, 2), make([]byte, 16)...)
	f.event(binlog.GTID, append(body, binary.LittleEndian.AppendUint64(nil, micros)[:7]...)...)
	f.query("BEGIN")
}

func TestWhatIsBeforeAStartAtATimeIsNotDecoded(t *testing.T) {
	f := newForge("binlog.000003", 4, false)
	f.beginAt(1_000_000_000)
	body := append([]byte{7, 0, 0, 0, 0, 0, 1, 0, 4}, "shop\x00\x01t\x00"...)
	f.event(binlog.TableMapEvent, append(body, 1, 99, 0, 0)...) // a type that nobody knows
	f.rows(7, 1)
	f.event(binlog.ExecuteLoadQuery, make([]byte, 40)...)
	f.commit()
	f.beginAt(2_000_000_000)
	f.tableMap(7, "t")
	f.rows(7, 2)
	f.commit()
	events, _, _, err := f.read(t, "file:binlog.000003:4", `{"since":1500000}`)
	if got := keys(events); got != "2" || !failure.Retryable(err) {
		t.Errorf("got rows %s, %v; want 2 and the end of the connection", got, err)
	}
}

func TestAStopSaysHowToGoOnBehindIt(t *testing.T) {
	for _, c := range []struct {
		name    string
		mariaDB bool
		from    event.Position
		send    func(*forge)
		want    string
	}{
		{"by a set", false, "gtid:", func(f *forge) { f.begin(); f.query("INSERT INTO t VALUES (1)") }, "--from gtid:" + forgedID + ":1-2"},
		{"by a list", true, "gtid:", func(f *forge) { f.begin(); f.query("INSERT INTO t VALUES (1)") }, "--from gtid:0-1-2"},
		{"by a file, inside of a transaction", false, "file:binlog.000003:4", func(f *forge) {
			f.begin()
			f.query("INSERT INTO t VALUES (1)")
		}, "--from file:binlog.000003: and the End_log_pos of the Xid, COMMIT or ROLLBACK that comes first in SHOW BINLOG EVENTS IN 'binlog.000003' FROM 361"},
		{"by a file, where a statement is all of it", false, "file:binlog.000003:4", func(f *forge) { f.query("TRUNCATE gr\xf6\xdfe") }, "--from file:binlog.000003:HERE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge("binlog.000003", 4, c.mariaDB)
			f.transaction(1)
			c.send(f)
			_, _, _, err := f.read(t, c.from, "")
			want := strings.Replace(c.want, "HERE", strconv.FormatUint(f.pos, 10), 1)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q in it", err, want)
			}
		})
	}
}
