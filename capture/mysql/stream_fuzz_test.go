package mysql_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// recording is events as FuzzStream takes them: type, flags, length, body.
type recording []byte

func (s *recording) add(kind binlog.EventType, body ...byte) {
	*s = binary.LittleEndian.AppendUint16(append(*s, byte(kind), 0), uint16(len(body)))
	*s = append(*s, body...)
}

// play sends the events of a recording, as far as they go.
func (f *forge) play(s recording) {
	for len(s) >= 4 {
		kind, flags, n := binlog.EventType(s[0]), s[1], int(binary.LittleEndian.Uint16(s[2:]))
		s = s[4:]
		n = min(n, len(s))
		if kind != binlog.FormatDescription { // of the wire's fuzz target
			f.flags = uint16(flags)
			f.event(kind, s[:n]...)
		}
		s = s[n:]
	}
}

// recordings are logs that servers could write.
func recordings(tb testing.TB) map[bool][]recording {
	tb.Helper()
	seeds := map[bool][]recording{}
	for _, mariaDB := range []bool{false, true} {
		for _, write := range []func(*forge){
			func(f *forge) { f.transaction(1, 2); f.transaction(3) },
			func(f *forge) {
				f.begin()
				f.tableMap(7, "t")
				f.rows(7, 5)
				f.query("SAVEPOINT a")
				f.rows(7, 6)
				f.query("ROLLBACK TO a")
				f.query("ROLLBACK")
			},
			func(f *forge) {
				f.begin()
				f.query("XA START X'61',X'62',1")
				f.tableMap(7, "t")
				f.rows(7, 5)
				f.query("XA END X'61',X'62',1")
				f.event(binlog.XAPrepare, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 'a', 'b')
				f.begin()
				f.query("XA COMMIT X'61',X'62',1")
			},
			func(f *forge) {
				f.begin()
				f.query("TRUNCATE t")
				f.query("COMMIT")
			},
			func(f *forge) {
				inner := newForge("x.1", 4, mariaDB)
				from := len(inner.sent)
				inner.commit()
				var payload []byte
				for _, e := range [][]byte{inner.sent[from+5 : len(inner.sent)-4]} {
					e = bytes.Clone(e)
					binary.LittleEndian.PutUint32(e[9:], uint32(len(e)))
					payload = append(payload, e...)
				}
				w, err := zstd.NewWriter(nil)
				if err != nil {
					tb.Fatal(err)
				}
				packed := w.EncodeAll(payload, nil)
				f.begin()
				f.event(binlog.TransactionPayload, append([]byte{2, 1, 0, 3, 1, byte(len(payload)), 1, 1, byte(len(packed)), 0}, packed...)...)
			},
		} {
			f := newForge("binlog.000003", 4, mariaDB)
			f.trace = &recording{}
			write(f)
			seeds[mariaDB] = append(seeds[mariaDB], *f.trace)
		}
	}
	return seeds
}

// FuzzStream gives a stream any events in whole frames: it ends with an error of
// a class, its units can be cut, and its places are places that rise.
func FuzzStream(f *testing.F) {
	for mariaDB, all := range recordings(f) {
		for _, s := range all {
			f.Add(mariaDB, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, mariaDB bool, data []byte) {
		log := newForge("binlog.000003", 4, mariaDB)
		log.play(data)
		stream := log.open(t, "gtid:", "")
		var last uint64
		for {
			var u event.Unit
			err := stream.Next(t.Context(), &u)
			if err != nil {
				var stop *failure.StopError
				if !failure.Retryable(err) && !errors.As(err, &stop) {
					t.Errorf("error %v has no class", err)
				}
				return
			}
			for i := range u.Items {
				splits(t, &u, &u.Items[i])
			}
			if u.Position == "" {
				continue
			}
			if _, err := mysql.ParsePosition(u.Position); err != nil {
				t.Errorf("place %s: %v", u.Position, err)
			}
			if u.Bound < last {
				t.Errorf("place %s has the bound %x, and %x was before it", u.Position, u.Bound, last)
			}
			last = u.Bound
		}
	})
}

// splits cuts and encodes an item. An error is a Stop.
func splits(t *testing.T, u *event.Unit, it *event.Item) (changes int) {
	t.Helper()
	if it.Op == event.End {
		return 0
	}
	given := bytes.Clone(u.Raw)
	enc := encode.NewNative("mysql", "test")
	c := &event.Change{Op: it.Op, Table: it.Table, Txn: &u.Txns[it.Txn]}
	c.Ver = event.Ver{Commit: c.Txn.Commit, Event: it.Event, Row: it.Row}
	err := u.Split.Split(u, it, c, func(c *event.Change) error {
		changes++
		if _, err := enc.AppendKey(nil, c); err != nil {
			return err
		}
		_, err := enc.AppendValue(nil, c)
		return err
	})
	var stop *failure.StopError
	if err != nil && !errors.As(err, &stop) {
		t.Errorf("error %v is not a Stop", err)
	}
	if !bytes.Equal(u.Raw, given) {
		t.Error("the unit was changed")
	}
	return changes
}

// FuzzSplit gives any bytes as an item of a table.
func FuzzSplit(f *testing.F) {
	log := newForge("binlog.000003", 4, false)
	log.transaction(1)
	var u event.Unit
	if err := log.open(f, "gtid:", "").Next(f.Context(), &u); err != nil || len(u.Tables) != 1 {
		f.Fatalf("got %d tables, %v", len(u.Tables), err)
	}
	table := u.Tables[0]
	row := []byte{0, 5, 0, 0, 0, 1, 0, 'n'}
	f.Add(byte('c'), append([]byte{0}, row...))
	f.Add(byte('d'), append([]byte{0}, row...))
	f.Add(byte('u'), append(append([]byte{0}, row...), 0, 6, 0, 0, 0, 1, 0, 'm'))
	f.Add(byte('u'), []byte{3, 1, 2, 0, 5, 0, 0, 0, 0, 1, 0, 'm'})
	f.Add(byte('t'), []byte{})
	f.Fuzz(func(t *testing.T, op byte, data []byte) {
		switch event.Op(op) {
		case event.Insert, event.Update, event.Delete, event.Truncate:
		default:
			return
		}
		cut(t, u.Split, table, event.Op(op), data)
	})
}

func cut(t *testing.T, by event.Splitter, table *schema.Table, op event.Op, data []byte) {
	t.Helper()
	u := &event.Unit{Raw: append([]byte("before"), data...), Txns: make([]event.Txn, 1), Split: by}
	changes := splits(t, u, &event.Item{Op: op, Table: table, Start: uint32(len("before")), End: uint32(len(u.Raw))})
	if most := 2*len(data) + 1; changes > most {
		t.Errorf("%d bytes give %d changes, want at most %d", len(data), changes, most)
	}
}
