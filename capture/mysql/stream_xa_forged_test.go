package mysql_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// onePhase is an XA transaction that inserts a row and is committed by its
// XA_PREPARE_LOG_EVENT.
func (f *forge) onePhase(id uint32) {
	f.query("XA START X'61',X'62',1")
	f.tableMap(7, "t")
	f.rows(7, id)
	f.query("XA END X'61',X'62',1")
	f.event(binlog.XAPrepare, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 'a', 'b')
}

// payload sends events as one compressed transaction's, as they are.
func (f *forge) payload(send func(*forge)) {
	inner := newForge("x.1", 4, f.mariaDB)
	inner.sent = nil
	send(inner)
	var events []byte
	for b := inner.sent; len(b) > 0; {
		n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
		e := bytes.Clone(b[5 : 4+n-4])
		binary.LittleEndian.PutUint32(e[9:], uint32(len(e)))
		events = append(events, e...)
		b = b[4+n:]
	}
	size := binary.LittleEndian.AppendUint16(nil, uint16(len(events)))
	head := []byte{2, 3, 252, 255, 0, 3, 3, 252, size[0], size[1], 1, 3, 252, size[0], size[1], 0}
	f.event(binlog.TransactionPayload, append(head, events...)...)
}

func TestAnXATransactionOfOnePhaseInAPayload(t *testing.T) {
	for _, c := range []struct {
		name string
		send func(*forge)
		want string
		stop string
	}{
		{"counts", func(f *forge) { f.onePhase(5) }, "1 5 2", ""},
		{"ends it", func(f *forge) {
			f.onePhase(5)
			f.tableMap(7, "t")
			f.rows(7, 6)
		}, "1", "goes on behind its end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge("binlog.000003", 4, false)
			f.transaction(1)
			f.number++
			f.event(binlog.GTID, append(make([]byte, 17), byte(f.number), 0, 0, 0, 0, 0, 0, 0)...)
			f.payload(c.send)
			f.transaction(2)
			events, _, _, err := f.read(t, "gtid:", "")
			if got := keys(events); got != c.want {
				t.Errorf("got rows %s, want %s", got, c.want)
			}
			if failure.Retryable(err) != (c.stop == "") || !strings.Contains(fmt.Sprint(err), c.stop) {
				t.Errorf("got %v, want %q", err, c.stop)
			}
		})
	}
}

// lastMemory reads to the end and returns what the last checkpoint keeps.
func lastMemory(t *testing.T, s capture.Stream) (memory string, err error) {
	t.Helper()
	for {
		var u event.Unit
		if err := s.Next(t.Context(), &u); err != nil {
			return memory, err
		}
		if u.Memory != nil {
			memory = string(u.Memory)
		}
	}
}

func TestAPreparedTransactionThatDoesNotComeAgain(t *testing.T) {
	const known = `{"prepared":[{"xid":"X'61',X'62',1","file":"binlog.000003","offset":4,"empty":true}],"selection":"of other tables"}`
	for _, c := range []struct{ name, verb, stop string }{
		{"is forgotten at its ROLLBACK", "ROLLBACK", ""},
		{"stops at its COMMIT, if its rows may be captured since", "COMMIT", "prepared before the start"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge("binlog.000003", 1000, false)
			f.begin()
			f.query("XA " + c.verb + " X'61',X'62',1")
			f.transaction(2)
			memory, err := lastMemory(t, f.open(t, "file:binlog.000003:1000", known))
			if c.stop != "" {
				if failure.Retryable(err) || !strings.Contains(err.Error(), c.stop) {
					t.Errorf("got %v, want a Stop that says %q", err, c.stop)
				}
				return
			}
			if !failure.Retryable(err) || memory == "" || strings.Contains(memory, "xid") {
				t.Errorf("got %s and %v, want a memory without the transaction", memory, err)
			}
		})
	}
}
