package mysql_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
)

// endless is a stream inside of a transaction that goes on for long.
func endless(tb testing.TB, events int) capture.Stream {
	tb.Helper()
	ids := make([]uint32, 400)
	for i := range ids {
		ids[i] = uint32(i)
	}
	f := newForge("binlog.000003", 4, false)
	f.begin()
	f.tableMap(7, "t")
	for range events {
		f.rows(7, ids...)
	}
	return f.open(tb, "gtid:", "")
}

func TestARowBecomesAnEventWithoutAllocating(t *testing.T) {
	stream := endless(t, 1000)
	enc := encode.NewNative("mysql", "shop")
	var u event.Unit
	var c event.Change
	var buf []byte
	rows := 0
	emit := func(c *event.Change) (err error) {
		rows++
		if buf, err = enc.AppendKey(buf[:0], c); err == nil {
			buf, err = enc.AppendValue(buf, c)
		}
		return err
	}
	run := func() {
		u.Reset()
		if err := stream.Next(t.Context(), &u); err != nil {
			t.Fatal(err)
		}
		for i := range u.Items {
			it := &u.Items[i]
			c.Op, c.Table, c.Txn = it.Op, it.Table, &u.Txns[it.Txn]
			c.Ver = event.Ver{Commit: c.Txn.Commit, Event: it.Event, Row: it.Row}
			if err := u.Split.Split(&u, it, &c, emit); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	const units = 50
	rows = 0
	n := testing.AllocsPerRun(units, run)
	if rows < units*300 {
		t.Fatalf("got %d rows in %d units, want hundreds in each", rows, units)
	}
	if n != 0 { // a read of the socket allocates, and is shared by many units
		t.Errorf("a unit of %d rows allocates %v times, want 0", rows/(units+1), n)
	}
}
