package snapshot_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
	"github.com/tailrace/tailrace/snapshot"
)

var seeds = flag.Int("sim.seeds", 60, "how many made-up histories are tried")

// TestNoOlderValueComesLast tries made-up histories: tables that are written all the
// time are copied, the process is killed again and again, and transactions become
// visible a while after they are in the log.
func TestNoOlderValueComesLast(t *testing.T) {
	for seed := range *seeds {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, uint64(seed)) })
		})
		if t.Failed() {
			return
		}
	}
	if *seeds >= 50 && (beside.Load() == 0 || alone.Load() == 0) {
		t.Errorf("rows had room beside a lively stream %d times, and %d times otherwise: want both", beside.Load(), alone.Load())
	}
	if *seeds >= 50 && steps.Load() == 0 {
		t.Error("no chunk was read in more than one step")
	}
	if *seeds >= 50 && portions.Load() == 0 {
		t.Error("no change came between the rows of one chunk")
	}
}

// How often rows asked for room, beside a lively stream and otherwise.
var beside, alone atomic.Int64

// How many steps were read behind the first one of a chunk.
var steps atomic.Int64

// How often rows came of a place that had rows before the changes in between.
var portions atomic.Int64

// A reader is a consumer that takes events as they come.
type reader struct {
	w      *world
	tables map[string]map[int]row
	bag    map[int]int // how often the keyless table has a row
	seen   map[event.Ver]bool
	moved  row // of the key that changes, from its delete to its insert
	last   event.Ver
	rows   int
	place  uint64 // of the rows that came last
	since  bool   // a change came since then
}

func simulate(t *testing.T, seed uint64) {
	if seed%2 == 0 {
		snapshot.SetRows(25, 20, 30) // tables are cut
	} else {
		snapshot.SetRows(2000, 50, 1<<20)
	}
	// In most of them the stream counts as a quiet one: more is under way at once then.
	snapshot.SetGentle([]time.Duration{0, 0, 0, time.Second}[seed/2%4], []int{2, 8, 64}[seed%3], 5, 2<<10)
	rng := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(rng, 40)
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for i := range 3 {
		own := rand.New(rand.NewPCG(seed, uint64(i)+2))
		writers.Go(func() {
			for ctx.Err() == nil {
				w.write(own)
				time.Sleep(time.Duration(own.IntN(4000)) * time.Microsecond)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	r := &reader{w: w, tables: map[string]map[int]row{"s.a": {}, "s.b": {}}, bag: make(map[int]int), seen: make(map[event.Ver]bool)}
	w.mu.Lock()
	st := checkpoint.State{Position: position(w.end()), Bound: w.end()}
	w.mu.Unlock()
	former := checkpoint.State{}
	kills := rng.IntN(5)
	for life := 0; ; life++ {
		var err error
		if st, err = r.live(t, rng, former, st, life < kills); err != nil {
			t.Fatal(err)
		}
		former = st
		if life >= kills && len(st.Snapshot.Copies) == 0 {
			break
		}
		if life > 100 {
			t.Fatal("the copies do not end")
		}
	}
	cancel()
	writers.Wait()
	// What was written since the last life.
	if _, err := r.live(t, rng, st, st, false); err != nil {
		t.Fatal(err)
	}
	r.compare(t)
}

// live runs one life and returns what it has saved. Without kill it ends once all is
// copied and the log has come to its end.
func (r *reader) live(t *testing.T, rng *rand.Rand, former, st checkpoint.State, kill bool) (checkpoint.State, error) {
	src := &source{w: r.w, rng: rand.New(rand.NewPCG(rng.Uint64(), 0)), tables: make(map[string]*schema.Table), next: placeOf(st.Position)}
	for _, name := range r.w.tables {
		src.tables[name] = newTable(name, r.w.keyed[name])
	}
	copies := snapshot.New(snapshot.Config{
		Copier: src, Mode: snapshot.Initial, Connections: 1 + rng.IntN(3), Chunk: []time.Duration{time.Millisecond, 20 * time.Millisecond}[rng.IntN(2)],
		Memory: []int64{1 << 20, 32 << 10}[rng.IntN(2)], // of the smaller one the keys need more at times
	})
	st, err := copies.Begin(t.Context(), former, st, true)
	if err != nil {
		return st, err
	}
	busy := rng.IntN(3) // of a sink that has no room at times
	past := event.Position("")
	if former.Position != "" {
		r.w.mu.Lock()
		past = position(r.w.end())
		r.w.mu.Unlock()
	}
	j, err := copies.Join(st, past, src, reached, func(sparing bool) bool {
		if sparing {
			beside.Add(1)
		} else {
			alone.Add(1)
		}
		return busy == 0 || src.random(busy+1) == 0
	})
	if err != nil {
		return st, err
	}
	defer j.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if kill {
		time.AfterFunc(time.Duration(rng.IntN(150))*time.Millisecond, cancel)
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	workers.Go(func() { j.Pump(ctx) })
	workers.Go(func() { j.Tend(ctx) })
	for range copies.Connections() {
		workers.Go(func() { j.Work(ctx) })
	}
	if busy > 0 {
		workers.Go(func() {
			for ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
				j.Look()
			}
		})
	}
	if !kill {
		workers.Go(func() {
			for ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
				if !j.Active() {
					cancel()
				}
			}
		})
	}
	pending := st // published and not saved
	defer func() { _ = pending }()
	for {
		var u event.Unit
		snap, err := j.Next(ctx, &u)
		if errors.Is(err, context.Canceled) {
			break
		}
		if err != nil {
			return st, err
		}
		if err := r.take(&u, st.Epoch); err != nil {
			return st, fmt.Errorf("life %d: %w", st.Snapshot.Life, err)
		}
		pending = pending.With(checkpoint.Mark{Position: u.Position, Bound: u.Bound, Ver: r.last, Snapshot: snap})
		if rng.IntN(4) == 0 {
			st = pending
			j.Saved(st)
		}
	}
	if !kill {
		st = pending
	}
	return st, nil
}

// take applies a unit as a consumer does, the last event wins.
func (r *reader) take(u *event.Unit, epoch uint32) error {
	var c event.Change
	for i := range u.Items {
		it := &u.Items[i]
		txn := &u.Txns[it.Txn]
		if it.Op == event.End {
			continue
		}
		c.Op, c.Table, c.Txn = it.Op, it.Table, txn
		c.Ver = event.Ver{Epoch: epoch, Commit: txn.Commit, Event: it.Event, Row: it.Row}
		if err := u.Split.Split(u, it, &c, r.apply); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) apply(c *event.Change) error {
	table := c.Table.String()
	defer func() { r.last = c.Ver }()
	if c.Op == event.Read {
		if c.Ver.Compare(r.last) <= 0 && r.last.Commit <= c.Ver.Commit {
			return fmt.Errorf("the row read at %s comes behind %s", c.Ver, r.last)
		}
		if r.rows++; r.since && r.place == c.Pos {
			portions.Add(1)
		}
		r.place, r.since = c.Pos, false
		if err := r.right(c); err != nil {
			return err
		}
	}
	r.since = r.since || c.Op != event.Read
	if len(c.Table.Key) == 0 {
		return r.keyless(c)
	}
	rows := r.tables[table]
	switch c.Op {
	case event.Truncate:
		clear(rows)
	case event.Delete:
		k := intOf(c.Before[0])
		if c.Moved != nil {
			r.moved = rows[k]
		}
		delete(rows, k)
	default:
		k := intOf(c.After[0])
		now := row{n: intOf(c.After[1]), wide: string(c.After[2].Raw)}
		if c.After[2].State == event.Absent {
			now.wide = rows[k].wide
			if c.Moved != nil && r.moved.wide != "" { // else it is sent again, and was moved before
				now.wide = r.moved.wide
			}
		}
		rows[k] = now
	}
	return nil
}

// right reports whether a row that was read is the one that the log makes up to its
// place.
func (r *reader) right(c *event.Change) error {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	if len(c.Table.Key) == 0 {
		return nil // it is of a later place, and what lies between is left out
	}
	k := intOf(c.After[0])
	want, there := r.w.at(c.Table.String(), func(o *commit) bool { return o.at <= c.Ver.Commit })[k]
	if got := (row{intOf(c.After[1]), string(c.After[2].Raw)}); !there || got != want {
		return fmt.Errorf("the row %s/%d read at %s is %v, want %v (there: %t)", c.Table, k, c.Ver, got, want, there)
	}
	return nil
}

// keyless counts rows, as one without keys must: it knows events that come again by
// their ver.
func (r *reader) keyless(c *event.Change) error {
	if r.seen[c.Ver] {
		return nil
	}
	r.seen[c.Ver] = true
	if c.Op == event.Truncate {
		clear(r.bag)
	}
	if c.Before != nil {
		r.bag[intOf(c.Before[0])]--
	}
	if c.After != nil {
		r.bag[intOf(c.After[0])]++
	}
	return nil
}

func intOf(v event.Value) int {
	n, err := strconv.Atoi(string(v.Raw))
	if err != nil {
		panic(err)
	}
	return n
}

// compare holds what the reader has against the database.
func (r *reader) compare(t *testing.T) {
	t.Helper()
	for table, got := range r.tables {
		if want := r.w.now[table]; !maps.Equal(got, want) {
			for k := range want {
				if got[k] != want[k] {
					t.Errorf("%s/%d: got %v, want %v", table, k, got[k], want[k])
				}
			}
			for k := range got {
				if _, there := want[k]; !there {
					t.Errorf("%s/%d: got %v, want no row", table, k, got[k])
				}
			}
		}
	}
	for k := range 3 * 40 {
		want := 0
		if _, there := r.w.now["s.keyless"][k]; there {
			want = 1
		}
		if got := r.bag[k]; got != want {
			t.Errorf("s.keyless: got the row %d %d times, want %d", k, got, want)
		}
	}
	if r.rows == 0 {
		t.Error("nothing was copied")
	}
}
