package binlog_test

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"reflect"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
)

// formats returns a MySQL's and a MariaDB's format, with their oracles.
func formats(t testing.TB) (logs [2]logFile) {
	t.Helper()
	for _, log := range recorded(t) {
		if log.format.MariaDB {
			logs[1] = log
		} else {
			logs[0] = log
		}
	}
	return logs
}

func pick(logs [2]logFile, maria bool) *logFile {
	if maria {
		return &logs[1]
	}
	return &logs[0]
}

// FuzzEvents gives any bytes to every function: none may panic, none may change
// what it was given, and none may find more in a part of an event than is there.
func FuzzEvents(f *testing.F) {
	logs := formats(f)
	f.Fuzz(func(t *testing.T, kind uint8, maria bool, body []byte) {
		log := pick(logs, maria)
		h := binlog.Header{Type: binlog.EventType(kind), Size: uint32(binlog.HeaderLen + len(body))}
		given := bytes.Clone(body)
		if err := parseOther(&log.format, h, body); err != nil && !strings.HasPrefix(err.Error(), h.Type.String()) {
			t.Errorf("the error %q does not name %s", err, h.Type)
		}
		if got, err := binlog.ParseHeader(body); err == nil && got.Size < binlog.HeaderLen {
			t.Errorf("a header says %d bytes", got.Size)
		}
		if p, err := binlog.ParsePayload(body); err == nil && (len(p.Data) > len(body)-p.HeaderLen || uint64(len(p.Data)) > p.Size) {
			t.Errorf("a payload of %d bytes in %d", len(p.Data), len(body))
		}
		if verb, xid, onePhase, ok := binlog.XIDOfQuery(body); ok {
			again := "XA " + verb + " " + xid
			if onePhase {
				again += " ONE PHASE"
			}
			if v, x, o, ok := binlog.XIDOfQuery([]byte(again)); v != verb || x != xid || o != onePhase || !ok {
				t.Errorf("%q is read as %s %s", again, v, x)
			}
		}
		if out, err := binlog.Inflate(nil, body, roomy); err == nil && len(out) > roomy {
			t.Errorf("%d bytes come out, the limit is %d", len(out), roomy)
		}
		_, _, _ = binlog.TableName(&log.format, body)
		_, _ = binlog.TableID(&log.format, body)
		_, _ = binlog.ParseTableMap(&log.format, body)
		_, _ = binlog.ParseRows(&log.format, h, body)
		if !bytes.Equal(body, given) {
			t.Error("the event was changed")
		}
	})
}

// FuzzTableMap holds what is read from any table map against go-mysql. Table
// maps with a type that has no layout are left out, as go-mysql misreads the
// metadata behind MariaDB's compressed columns and refuses others. Names may
// differ in one way: go-mysql takes a length from 251 on for one byte.
func FuzzTableMap(f *testing.F) {
	logs := formats(f)
	f.Fuzz(func(t *testing.T, maria bool, body []byte) {
		log := pick(logs, maria)
		m, err := binlog.ParseTableMap(&log.format, body)
		if err != nil || packedColumns(m) || len(m.Columns) == 0 {
			return
		}
		if _, err := binlog.NewLayout(m.Columns); err != nil {
			return
		}
		e, ok := newOracle(t, log.entries[0]).read(binlog.Header{Type: binlog.TableMapEvent}, body)
		if !ok {
			return
		}
		want := e.(*replication.TableMapEvent)
		if longNames(m, want) {
			return
		}
		if got, want := describe(m), describeOracle(want); got != want {
			t.Errorf("read as\n%s, go-mysql reads\n%s", got, want)
		}
	})
}

func longNames(m *binlog.TableMap, want *replication.TableMapEvent) bool {
	n := 0
	for _, c := range m.Columns {
		n += len(c.Name)
	}
	for _, name := range want.ColumnName {
		n -= len(name)
	}
	return n != 0
}

// FuzzRows holds the rows of any table and event against go-mysql, and Skip
// against Cut.
func FuzzRows(f *testing.F) {
	logs := formats(f)
	f.Fuzz(func(t *testing.T, maria bool, kind uint8, tableMap, body []byte) {
		log := pick(logs, maria)
		m, err := binlog.ParseTableMap(&log.format, tableMap)
		if err != nil || packedColumns(m) {
			return
		}
		h := binlog.Header{Type: binlog.EventType(kind)}
		r, err := binlog.ParseRows(&log.format, h, body)
		if err != nil || r.TableID != m.ID || r.Columns != len(m.Columns) {
			return
		}
		data := r.Data
		if r.Compressed {
			if data, err = binlog.Inflate(nil, data, roomy); err != nil {
				return
			}
		}
		got, err := rowsOf(r, data, m)
		if err != nil {
			if strings.HasPrefix(err.Error(), "cut ") {
				t.Error(err)
			}
			return
		}
		o := newOracle(t, log.entries[0])
		if _, ok := o.read(binlog.Header{Type: binlog.TableMapEvent}, tableMap); !ok {
			return
		}
		e, ok := o.read(h, body)
		if !ok {
			return
		}
		if want := rowsOfOracle(e.(*replication.RowsEvent), m); !reflect.DeepEqual(sameJSON(got, m), sameJSON(want, m)) && len(got)+len(want) > 0 {
			t.Errorf("read as\n%q, go-mysql reads\n%q", got, want)
		}
	})
}

// FuzzLayout cuts any bytes by any bitmap: no panic, Skip agrees with Cut, every
// value lies in the image, and a shorter piece is refused.
func FuzzLayout(f *testing.F) {
	logs := formats(f)
	var tables []*binlog.TableMap
	for _, log := range logs {
		for _, e := range log.entries {
			if e.header.Type == binlog.TableMapEvent {
				if m, err := binlog.ParseTableMap(&log.format, e.body); err == nil {
					tables = append(tables, m)
				}
			}
		}
	}
	f.Add(uint8(0), false, []byte{}, make([]byte, 80))
	f.Add(uint8(1), true, []byte{0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff}, bytes.Repeat([]byte{0, 1}, 40))
	f.Fuzz(func(t *testing.T, which uint8, some bool, present, data []byte) {
		m := tables[int(which)%len(tables)]
		l, err := binlog.NewLayout(m.Columns)
		if err != nil {
			t.Fatal(err)
		}
		if !some || len(present) < (len(m.Columns)+7)/8 {
			present = nil
		}
		row := make(event.Row, len(m.Columns))
		n, err := l.Cut(present, data, row)
		if skipped, skipErr := l.Skip(present, data); skipped != n || (err == nil) != (skipErr == nil) {
			t.Fatalf("cut %d, %v; skipped %d, %v", n, err, skipped, skipErr)
		}
		if err != nil {
			return
		}
		sum := 0
		for _, v := range row {
			sum += len(v.Raw)
			if cap(v.Raw) != len(v.Raw) {
				t.Error("a value reaches into what is behind it")
			}
		}
		if n > len(data) || sum > n {
			t.Errorf("%d bytes of values in an image of %d in %d", sum, n, len(data))
		}
		if n > 0 {
			if short, err := l.Skip(present, data[:n-1]); err == nil {
				t.Errorf("an image of %d bytes is found to have %d in one byte less", n, short)
			}
		}
	})
}

// FuzzTaggedGTID writes tagged GTIDs as the server does and holds them against
// go-mysql, which misreads integers of 57 bits and more.
func FuzzTaggedGTID(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), "night_batch", uint64(1), uint64(1795255200123456), uint64(0), uint64(90700))
	f.Add(bytes.Repeat([]byte{0xff}, 16), "", uint64(1)<<54, uint64(1)<<50, uint64(1), uint64(0))
	log := formats(f)[0]
	f.Fuzz(func(t *testing.T, uuid []byte, tag string, number, immediate, original, version uint64) {
		const limit = 1 << 54
		if len(uuid) != 16 || len(tag) > 32 || number == 0 || max(number, immediate, original, version) >= limit {
			return
		}
		body := taggedGTID([16]byte(uuid), tag, number, immediate, original, version)
		h := binlog.Header{Type: binlog.GTIDTagged}
		e, ok := newOracle(t, log.entries[0]).read(h, body)
		if !ok {
			t.Fatal("go-mysql refuses it")
		}
		g, err := binlog.ParseGTID(h, body)
		want := e.(*replication.GtidTaggedLogEvent)
		if err != nil || !bytes.Equal(g.UUID[:], want.SID) || int64(g.Number) != want.GNO ||
			string(g.Tag) != tag || g.OriginalMicros != want.OriginalCommitTimestamp {
			t.Errorf("read as %+v, %v, go-mysql reads %+v", g, err, want)
		}
	})
}

// taggedGTID is the body of a GTID_TAGGED_LOG_EVENT. An original commit time of
// 0 is left out.
func taggedGTID(uuid [16]byte, tag string, number, immediate, original, version uint64) []byte {
	b := varint(nil, 1)
	b = varint(varint(b, 0), 0) // the size is for readers of a part
	b = varint(varint(b, 0), 1)
	b = varint(b, 1)
	for _, v := range uuid {
		b = varint(b, uint64(v))
	}
	b = varint(varint(b, 2), number<<1)
	b = append(varint(varint(b, 3), uint64(len(tag))), tag...)
	b = varint(varint(varint(varint(b, 4), 0), 5), 2)
	b = varint(varint(b, 6), immediate)
	if original != 0 {
		b = varint(varint(b, 7), original)
	}
	b = varint(varint(b, 8), 300)
	return varint(varint(b, 9), version)
}

// varint appends an integer of 1 to 9 bytes: the number of one bits at the low
// end of the first is that of the bytes behind it.
func varint(b []byte, v uint64) []byte {
	n := max(1, (bits.Len64(v)+6)/7)
	if n > 8 {
		return binary.LittleEndian.AppendUint64(append(b, 0xff), v)
	}
	word := binary.LittleEndian.AppendUint64(nil, v<<n|(1<<(n-1)-1))
	return append(b, word[:n]...)
}
