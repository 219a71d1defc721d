package postgres_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestEveryChangeHasAVerOfItsOwn(t *testing.T) {
	const table = "CREATE TABLE t (id int PRIMARY KEY, v text); "
	for _, c := range []struct {
		name, setup string
		changes     []string
		events      int
		sharedLSN   bool // some of them have the same place in the log
	}{
		{
			name:      "COPY writes many rows at one place",
			changes:   []string{"COPY t FROM PROGRAM 'seq -f \"%.0f\tx\" 1 500'"},
			events:    500,
			sharedLSN: true,
		},
		{
			name:    "an insert of many rows",
			changes: []string{"INSERT INTO t SELECT i, 'x' FROM generate_series(1, 500) i"},
			events:  500,
		},
		{
			name:      "a truncate of several tables is at one place",
			setup:     "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)",
			changes:   []string{"TRUNCATE t, a CASCADE"},
			events:    3,
			sharedLSN: true,
		},
		{
			name:      "a key change is two events at one place",
			changes:   []string{"INSERT INTO t VALUES (1, 'x'), (2, 'y')", "UPDATE t SET id = id + 10"},
			events:    6,
			sharedLSN: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachServer(t, func(t *testing.T, version int) {
				d := source{servers.Postgres(t, version), nil}
				d.Exec(t, table+c.setup)
				r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
				start := r.State
				d.Session(t).Exec(t, c.changes...)
				events := r.ToEnd()
				if len(events) != c.events {
					t.Errorf("got %d events, want %d", len(events), c.events)
				}
				shared := false
				for i := 1; i < len(events); i++ {
					a, b := events[i-1], events[i]
					if a.Ver >= b.Ver {
						t.Errorf("ver %s is followed by %s: they must rise", a.Ver, b.Ver)
					}
					shared = shared || a.Source.LSN == b.Source.LSN
				}
				if shared != c.sharedLSN {
					t.Errorf("events share an LSN: %t, want %t", shared, c.sharedLSN)
				}
				r.Close()
				again := capturetest.Start(t, d.Source(t), start, "")
				capturetest.Equal(t, capturetest.Texts(again.ToEnd()), capturetest.Texts(events))
			})
		})
	}
}

func TestTheTwoHalvesOfAKeyChangeAreNeighbours(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Exec(t, "UPDATE t SET id = 2")
		events := r.ToEnd()
		if len(events) != 2 {
			t.Fatalf("got %d events, want 2", len(events))
		}
		del, ins := events[0], events[1]
		if del.Transaction.ID != ins.Transaction.ID {
			t.Errorf("they are of the transactions %s and %s", del.Transaction.ID, ins.Transaction.ID)
		}
		place, row := del.Ver[:len(del.Ver)-1], del.Ver[len(del.Ver)-1:]
		if row != "0" || ins.Ver != place+"1" {
			t.Errorf("the vers are %s and %s, want the last digits 0 and 1", del.Ver, ins.Ver)
		}
	})
}

func TestTheSourceBlockSaysWhatTheServerSays(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		before := d.Clock(t).UnixMilli()
		d.Exec(t, "INSERT INTO t VALUES (1)")
		xid := d.One(t, "SELECT xmin FROM t")
		after := d.Clock(t).UnixMilli()
		events := r.ToEnd()
		if len(events) != 1 {
			t.Fatalf("got %d events, want 1", len(events))
		}
		e := events[0]
		if !strings.HasPrefix(e.Transaction.ID, xid+":") {
			t.Errorf("the transaction is %s, want xid %s", e.Transaction.ID, xid)
		}
		if ms := e.Source.Millis; ms < before || ms > after {
			t.Errorf("ts_ms is %d, want a time from %d to %d", ms, before, after)
		}
		if !strings.Contains(e.Text, `"db":"`+d.Name+`","schema":"public","table":"t","txId":`+xid+`,`) {
			t.Errorf("the source block of %s does not name the database, table and transaction", e.Text)
		}
	})
}
