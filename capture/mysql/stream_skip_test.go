package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// sparseMap describes a table as tableMap does, without names.
func (f *forge) sparseMap(id byte, name string) {
	body := []byte{id, 0, 0, 0, 0, 0, 1, 0, 4}
	body = append(body, "shop\x00"...)
	body = append(append(append(body, byte(len(name))), name...), 0)
	f.event(binlog.TableMapEvent, append(body, 2, 3, 15, 2, 0x90, 1, 2)...)
}

// loadData sends a LOAD DATA in statement form, and that it changed a database.
func (f *forge) loadData(database string) {
	status := append([]byte{12, 1}, database+"\x00"...)
	body := make([]byte, 26)
	body[8], body[11] = byte(len("shop")), byte(len(status))
	f.event(binlog.ExecuteLoadQuery, append(append(body, status...), "shop\x00LOAD DATA"...)...)
}

// What lies before the start is followed, and nothing in it stops the stream.
func TestWhatLiesBeforeTheStart(t *testing.T) {
	for name, send := range map[string]func(*forge){
		"an INCIDENT passes": func(f *forge) { f.event(binlog.Incident, 1, 0, 0) },
		"an INCIDENT with a GTID passes": func(f *forge) {
			f.number++
			f.event(binlog.GTID, append(make([]byte, 17), byte(f.number), 0, 0, 0, 0, 0, 0, 0)...)
			f.event(binlog.Incident, 1, 0, 0)
		},
		"a statement passes": func(f *forge) {
			f.begin()
			f.query("INSERT INTO t VALUES (1)")
			f.commit()
		},
		"LOAD DATA passes": func(f *forge) {
			f.begin()
			f.loadData("shop")
			f.commit()
		},
		"rows of a kind that is not decoded pass": func(f *forge) {
			f.begin()
			f.tableMap(7, "t")
			f.event(binlog.PartialUpdateRows, rowsBody(7, 5)...)
			f.commit()
		},
		"a table whose columns nobody names passes": func(f *forge) {
			f.begin()
			f.sparseMap(7, "t")
			f.rows(7, 5)
			f.commit()
		},
		"a prepared transaction whose columns nobody names passes": func(f *forge) {
			f.begin()
			f.query("XA START X'61',X'62',1")
			f.sparseMap(7, "t")
			f.rows(7, 5)
			f.query("XA END X'61',X'62',1")
			f.event(binlog.XAPrepare, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 'a', 'b')
			f.begin()
			f.query("XA ROLLBACK X'61',X'62',1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForge("binlog.000003", 4, false)
			f.transaction(1)
			send(f)
			start, _ := event.BinlogPlace(3, f.pos)
			f.transaction(2)
			events, _, _, err := f.read(t, event.Position(fmt.Sprintf("file:binlog.000003:4!%x", start)), "")
			if got, want := keys(events), "2"; got != want || !failure.Retryable(err) {
				t.Errorf("got rows %q and %v, want %s and the end of the connection", got, err, want)
			}
		})
	}
}

func TestLoadDataStopsOnlyForWhatIsCaptured(t *testing.T) {
	for _, c := range []struct{ database, rows, stop string }{{"elsewhere", "1 2", ""}, {"shop", "1", "a statement (LOAD DATA)"}} {
		f := newForge("binlog.000003", 4, false)
		f.transaction(1)
		f.begin()
		f.loadData(c.database)
		f.commit()
		f.transaction(2)
		events, _, _, err := f.read(t, "gtid:", "")
		if got := keys(events); got != c.rows || failure.Retryable(err) != (c.stop == "") || !strings.Contains(err.Error(), c.stop) {
			t.Errorf("%s: got rows %s and %v, want %s and %q", c.database, got, err, c.rows, c.stop)
		}
	}
}
