package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// text is the codec of values that are their own text.
type text struct{}

func (text) AppendJSON(dst, raw []byte) ([]byte, error) { return append(dst, raw...), nil }
func (text) AppendText(dst, raw []byte) ([]byte, error) { return append(dst, raw...), nil }
func (text) Equal(a, b []byte) bool                     { return bytes.Equal(a, b) }

func newTable(name string, keyed bool) *schema.Table {
	namespace, table, _ := strings.Cut(name, ".")
	t := schema.Table{Database: "d", Schema: namespace, Name: table}
	for _, c := range []string{"k", "n", "wide"} {
		t.Columns = append(t.Columns, schema.Column{Name: c, Wire: "text", Codec: text{}})
	}
	if keyed {
		t.Key = []int{0}
	}
	made, err := schema.NewTable(t)
	if err != nil {
		panic(err)
	}
	return made
}

// splitter cuts items whose bytes are old key, new key, n, wide with bars between; a
// wide of - is absent.
type splitter struct{}

func (splitter) Split(u *event.Unit, it *event.Item, c *event.Change, emit func(*event.Change) error) error {
	c.Op, c.Before, c.After, c.Moved, c.Pos = it.Op, nil, nil, nil, it.Pos
	if it.Op == event.Truncate {
		return emit(c)
	}
	f := bytes.Split(u.Raw[it.Start:it.End], []byte("|"))
	fill := func(i int, key []byte) event.Row {
		r := c.Scratch(i, 3)
		r[0] = event.Value{Raw: key, State: event.Present}
		if i == 1 {
			r[1] = event.Value{Raw: f[2], State: event.Present}
			if string(f[3]) != "-" {
				r[2] = event.Value{Raw: f[3], State: event.Present}
			}
		}
		return r
	}
	switch it.Op {
	case event.Insert, event.Read:
		c.After = fill(1, f[1])
	case event.Delete:
		c.Before = fill(0, f[0])
	case event.Update:
		c.Before, c.After = fill(0, f[0]), fill(1, f[1])
		return c.EmitUpdate(emit)
	}
	return emit(c)
}

func appendItem(u *event.Unit, op event.Op, t *schema.Table, txn uint32, ev uint64, text string) {
	start := uint32(len(u.Raw))
	u.Raw = append(u.Raw, text...)
	u.Items = append(u.Items, event.Item{Op: op, Table: t, Start: start, End: uint32(len(u.Raw)), Txn: txn, Event: ev})
	u.Cost += len(text) + t.RowCost
}

// A source is the world as one life follows it.
type source struct {
	w      *world
	rng    *rand.Rand
	mu     sync.Mutex // of rng
	tables map[string]*schema.Table

	next uint64 // the stream is at this place
	part int    // and so far in the transaction there
}

func (s *source) random(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.IntN(n)
}

func position(at uint64) event.Position { return event.Position(strconv.FormatUint(at, 10)) }

func placeOf(p event.Position) uint64 {
	at, err := strconv.ParseUint(string(p), 10, 64)
	if err != nil {
		panic(err)
	}
	return at
}

func reached(at, target event.Position) bool { return placeOf(at) >= placeOf(target) }

// Next implements capture.Stream: some transactions, the last of them maybe in part.
func (s *source) Next(ctx context.Context, u *event.Unit) error {
	u.Split = splitter{}
	for {
		s.w.mu.Lock()
		more := s.w.more
		room := 1 + s.random(8)
		for _, c := range s.w.log {
			if c.at < s.next {
				continue
			}
			if len(u.Items) >= room {
				break
			}
			txn := uint32(len(u.Txns))
			u.Txns = append(u.Txns, event.Txn{Commit: c.at, XID: c.id, Millis: time.Now().UnixMilli()})
			s.next = c.at
			for ; s.part < len(c.acts) && len(u.Items) < room; s.part++ {
				a := c.acts[s.part]
				wide := a.row.wide
				if a.partial {
					wide = "-"
				}
				appendItem(u, event.Op(a.op), s.tables[a.table], txn, uint64(s.part), fmt.Sprintf("%d|%d|%d|%s", a.old, a.key, a.row.n, wide))
			}
			if s.part < len(c.acts) {
				break
			}
			if len(c.acts) > 0 {
				u.Items = append(u.Items, event.Item{Op: event.End, Txn: txn})
			}
			u.Position, u.Bound, u.Millis = position(c.at+1), c.at+1, time.Now().UnixMilli()
			s.next, s.part = c.at+1, 0
		}
		s.w.mu.Unlock()
		if !u.Empty() {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *source) Confirm(event.Position) {}
func (s *source) Close() error           { return nil }

// Tables implements capture.Copier.
func (s *source) Tables(context.Context) ([]capture.Extent, error) {
	var all []capture.Extent
	for _, t := range s.w.tables {
		all = append(all, capture.Extent{Table: t, Whole: !s.w.keyed[t], Rows: capture.Unknown, Bytes: capture.Unknown})
	}
	return all, nil
}

func (s *source) Mark(context.Context) (string, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return strconv.FormatUint(s.w.ids, 10), nil
}

func (s *source) Settled(_ context.Context, mark string) (string, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	last, err := strconv.ParseUint(mark, 10, 64)
	shown := make(map[uint64]bool)
	for _, c := range s.w.log {
		shown[c.id] = c.shown
	}
	for id := uint64(1); id <= last; id++ {
		if !shown[id] {
			return fmt.Sprint("transaction ", id), err
		}
	}
	return "", err
}

func (s *source) Shows(view string) (func(*event.Txn) bool, error) {
	ids := strings.Fields(view)
	return func(t *event.Txn) bool { return slices.Contains(ids, strconv.FormatUint(t.XID, 10)) }, nil
}

func (s *source) KeyOf(_ *schema.Table, r event.Row) (capture.Key, error) {
	return capture.Key{string(r[0].Raw)}, nil
}

func (s *source) Lag(context.Context) (time.Duration, error) { return 0, nil }

func (s *source) Connect(context.Context) (capture.CopySession, error) {
	if s.random(20) == 0 {
		return nil, failure.Retry(errors.New("no connection"))
	}
	return &session{source: s}, nil
}

// A session is a connection with at most one view, which shows whole transactions.
type session struct {
	*source
	view  map[uint64]bool
	table string
	last  capture.Key // of the rows that were read in the view, nil before
}

func (s *session) Open(ctx context.Context, table string, seen capture.Delivered, _ bool) (capture.Chunk, error) {
	for range 50 {
		time.Sleep(time.Duration(s.random(1000)) * time.Microsecond)
		if c, ok := s.look(table, seen); ok {
			return c, ctx.Err()
		}
	}
	return capture.Chunk{}, fmt.Errorf("a transaction is not visible yet: %w", capture.ErrAgain)
}

func (s *session) look(table string, seen capture.Delivered) (capture.Chunk, bool) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.view, s.table, s.last = make(map[uint64]bool), table, nil
	var view strings.Builder
	for _, c := range s.w.log {
		if c.shown {
			s.view[c.id] = true
			fmt.Fprint(&view, c.id, " ")
		}
	}
	for _, id := range seen.Txns {
		if !s.view[id] {
			return capture.Chunk{}, false
		}
	}
	end := s.w.end()
	return capture.Chunk{Table: s.tables[table], End: position(end), View: view.String(), Pos: end}, true
}

func (s *session) Read(ctx context.Context, c *capture.Chunk, p capture.Part, l capture.Limits, next func() (*event.Unit, error)) error {
	if s.last != nil {
		steps.Add(1)
		if !slices.Equal(p.After, s.last) {
			return fmt.Errorf("a step begins behind %v, want %v, the last row of the one before", p.After, s.last)
		}
	}
	defer func() { s.last = c.Last }()
	time.Sleep(time.Duration(s.random(5000)) * time.Microsecond)
	if s.random(30) == 0 {
		return failure.Retry(errors.New("the connection is lost"))
	}
	s.w.mu.Lock()
	rows := s.w.at(s.table, func(c *commit) bool { return s.view[c.id] })
	s.w.mu.Unlock()
	var u *event.Unit
	c.Rows, c.Last, c.Done = 0, nil, true
	for _, k := range keysOf(rows) {
		if !within(k, p) {
			continue
		}
		if l.Rows > 0 && c.Rows == l.Rows {
			c.Done = false
			break
		}
		if u == nil || len(u.Items) == 3 {
			var err error
			if u, err = next(); err != nil {
				return err
			}
			u.Split = splitter{}
		}
		appendItem(u, event.Read, c.Table, 0, 0, fmt.Sprintf("|%d|%d|%s", k, rows[k].n, rows[k].wide))
		u.Items[len(u.Items)-1].Row = uint32(c.Rows)
		c.Rows++
		c.Last = capture.Key{strconv.Itoa(k)}
	}
	return ctx.Err()
}

func within(key int, p capture.Part) bool {
	if p.Keys != nil {
		return slices.ContainsFunc(p.Keys, func(k capture.Key) bool { return k[0] == strconv.Itoa(key) })
	}
	of := func(k capture.Key) int {
		n, err := strconv.Atoi(k[0])
		if err != nil {
			panic(err)
		}
		return n
	}
	return (p.After == nil || key > of(p.After)) && (p.UpTo == nil || key <= of(p.UpTo))
}

func (s *session) Finish(context.Context) error { return nil }

func (s *session) Split(_ context.Context, p capture.Part, rows int) (capture.Key, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for _, k := range keysOf(s.w.at(p.Table, func(c *commit) bool { return c.shown })) {
		if !within(k, p) {
			continue
		}
		if rows == 0 {
			return capture.Key{strconv.Itoa(k)}, nil
		}
		rows--
	}
	return nil, nil
}
