package pipeline_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/murmur2"
	"github.com/tailrace/tailrace/schema"
)

// A simLog is a database's log: what the pipeline must carry, and the answers
// that the checks compare with.
type simLog struct {
	tables  []*schema.Table // every version of every table
	entries []simEntry
	rows    []simRow
	byVer   map[string]int // index in rows
}

// A simEntry is one transaction, or a keepalive, which has no rows and no
// commit. The place after entry i is position i+1.
type simEntry struct {
	txn         event.Txn
	keepalive   bool
	marked      bool // its end is an item although it has no rows
	first, last int  // rows[first:last]
	bound       uint64
}

type simRow struct {
	entry   int
	ver     event.Ver
	table   int  // index in tables
	starts  bool // an item of the log begins here
	payload string
	value   string // the event's bytes
	part    string
	nth     int // place among the rows of its partition
}

const partitions = 2 // of each topic

// newLog makes a log: some transactions empty, some larger than the memory
// limit, tables and table versions first seen in the middle.
func newLog(r *rand.Rand, memory int64) *simLog {
	l := &simLog{byVer: make(map[string]int)}
	for i := range 6 {
		name := "t" + strconv.Itoa(i%4)
		columns := []schema.Column{{Name: "id", Wire: "20", KeyFlag: true}, {Name: "v" + strconv.Itoa(i/4), Wire: "25"}}
		t, err := schema.NewTable(schema.Table{Database: "db", Schema: "public", Name: name, Columns: columns, Key: []int{0}})
		if err != nil {
			panic(err)
		}
		l.tables = append(l.tables, t)
	}
	nth := make(map[string]int)
	commit := uint64(100)
	n := 5 + r.IntN(30)
	for i := range n {
		e := simEntry{first: len(l.rows), last: len(l.rows)}
		if r.IntN(8) == 0 {
			e.keepalive, e.bound = true, commit+1
			l.entries = append(l.entries, e)
			continue
		}
		commit += 3 + uint64(r.IntN(5))
		e.bound = commit + 1
		e.txn = event.Txn{Commit: commit, Millis: int64(1_000_000 + i), XID: uint64(700 + i)}
		e.marked = r.IntN(2) == 0
		size := int64(0)
		switch r.IntN(12) {
		case 0, 1:
		case 2:
			size = memory + r.Int64N(2*memory)
		default:
			size = 1 + r.Int64N(1200)
		}
		l.fill(r, &e, i, size, float64(i)/float64(n), nth)
		l.entries = append(l.entries, e)
	}
	return l
}

// fill appends rows to e until they have the given size.
func (l *simLog) fill(r *rand.Rand, e *simEntry, entry int, size int64, progress float64, nth map[string]int) {
	left, place := 0, uint64(10)
	ver, table := event.Ver{Commit: e.txn.Commit}, 0
	for size > 0 {
		starts := left == 0
		if starts {
			place += 1 + uint64(r.IntN(9))
			left = 1 + r.IntN(3)
			ver.Event, ver.Row = place, 0
			// Table t3 is first written to late, t0 and t1 change then.
			if table = r.IntN(3); progress > 0.4 {
				table = 1 + r.IntN(5)
			}
		} else {
			ver.Row += 2
		}
		left--
		length := 4 + r.IntN(40)
		if r.IntN(15) == 0 {
			length = 300
		}
		t := l.tables[table]
		row := simRow{entry: entry, ver: ver, table: table, starts: starts}
		row.payload = strings.Repeat(string(rune('a'+len(l.rows)%26)), length)
		row.value = string(appendValue(nil, ver, t, []byte(row.payload)))
		row.part = partOf(topicName(t.Database, t.Schema, t.Name), murmur2.Sum([]byte(t.Schema+"."+t.Name)))
		row.nth = nth[row.part]
		nth[row.part]++
		l.byVer[ver.String()] = len(l.rows)
		l.rows = append(l.rows, row)
		e.last = len(l.rows)
		size -= int64(len(row.value))
	}
}

func topicName(_, _, table string) string {
	if table < "t2" {
		return "front"
	}
	return "rear"
}

func partOf(topic string, hash uint32) string {
	return topic + "/" + strconv.Itoa(int(hash%partitions))
}

// position is the place after the first n entries.
func position(n int) event.Position { return event.Position("place:" + strconv.Itoa(n)) }

// passed is how many entries lie before p; none before the position of a
// State that was never saved.
func passed(p event.Position) int {
	if p == "" {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimPrefix(string(p), "place:"))
	if err != nil {
		panic(fmt.Sprintf("position %q is not of this log", p))
	}
	return n
}

// rowsBefore is how many rows lie before the place after n entries.
func (l *simLog) rowsBefore(n int) int {
	if n == len(l.entries) {
		return len(l.rows)
	}
	return l.entries[n].first
}

// rowsBelow is how many rows have a ver.commit below bound.
func (l *simLog) rowsBelow(bound uint64) int {
	return sort.Search(len(l.rows), func(i int) bool { return l.rows[i].ver.Commit >= bound })
}

// rowsUpTo is how many rows have a ver up to v.
func (l *simLog) rowsUpTo(v event.Ver) int {
	return sort.Search(len(l.rows), func(i int) bool { return l.rows[i].ver.Compare(v) > 0 })
}

// rowCost is what a row of this log is charged beyond its payload: at least
// ver, version, key and a publish.Record.
const rowCost = 200

// splitter cuts items of (length, payload) pairs.
type splitter struct{}

var _ event.Splitter = splitter{}

func (splitter) Split(u *event.Unit, it *event.Item, c *event.Change, emit func(*event.Change) error) error {
	raw := u.Raw[it.Start:it.End]
	values := c.Scratch(0, 1)
	for row := it.Row; len(raw) > 0; row += 2 {
		n := binary.BigEndian.Uint16(raw)
		values[0] = event.Value{Raw: raw[2 : 2+n], State: event.Present}
		raw = raw[2+n:]
		c.After, c.Ver.Row = values, row
		if err := emit(c); err != nil {
			return err
		}
	}
	return nil
}

// encoder writes ver, table version and payload, and refuses one ver.
type encoder struct {
	poison event.Ver
	stop   error
}

func (e encoder) AppendKey(dst []byte, _ *event.Change) ([]byte, error) { return append(dst, 'k'), nil }

func (e encoder) AppendValue(dst []byte, c *event.Change) ([]byte, error) {
	if e.stop != nil && c.Ver == e.poison {
		return append(dst, "half a row"...), e.stop
	}
	return appendValue(dst, c.Ver, c.Table, c.After[0].Raw), nil
}

func appendValue(dst []byte, v event.Ver, t *schema.Table, payload []byte) []byte {
	dst = append(v.Append(dst), ' ')
	dst = append(append(dst, t.Version...), ' ')
	return append(dst, payload...)
}
