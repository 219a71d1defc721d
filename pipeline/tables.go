package pipeline

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

// MaxTables is how many tables are counted one by one: the first that have rows.
// A database may have any number, and each would stay in memory and in whatever
// reads the counts.
const MaxTables = 200

// A TableCount says how many changes of one kind a table had.
type TableCount struct {
	Table               string // as schema.Table prints it; "" for all beyond the first MaxTables
	Op                  event.Op
	Received, Published uint64
}

// ops are the operations in the order of a tally.
var ops = [...]event.Op{event.Insert, event.Update, event.Delete, event.Truncate, event.Read}

func opIndex(op event.Op) int {
	switch op {
	case event.Insert:
		return 0
	case event.Update:
		return 1
	case event.Delete:
		return 2
	case event.Truncate:
		return 3
	}
	return 4
}

// tableCount is what is counted for one table.
type tableCount struct {
	received, published [len(ops)]atomic.Uint64
}

// tableCounts are those of all tables. The zero value is ready.
type tableCounts struct {
	mu   sync.Mutex
	all  map[string]*tableCount
	rest tableCount
}

// of returns the counts of a table, or those of the rest.
func (c *tableCounts) of(t *schema.Table) *tableCount {
	name := t.String()
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.all[name]; found != nil {
		return found
	}
	if len(c.all) == MaxTables {
		return &c.rest
	}
	if c.all == nil {
		c.all = make(map[string]*tableCount)
	}
	n := new(tableCount)
	c.all[name] = n
	return n
}

// Tables returns what was counted, by table and operation, without the pairs
// that had no changes.
func (s *Stats) Tables() []TableCount {
	s.tables.mu.Lock()
	defer s.tables.mu.Unlock()
	counts := s.tables.rest.list(nil, "")
	for name, n := range s.tables.all {
		counts = n.list(counts, name)
	}
	slices.SortStableFunc(counts, func(a, b TableCount) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), cmp.Compare(opIndex(a.Op), opIndex(b.Op)))
	})
	return counts
}

func (n *tableCount) list(counts []TableCount, name string) []TableCount {
	for i, op := range ops {
		if received := n.received[i].Load(); received > 0 {
			counts = append(counts, TableCount{name, op, received, n.published[i].Load()})
		}
	}
	return counts
}

// A tally is what a batch has of one table.
type tally struct {
	table *tableCount
	rows  [len(ops)]uint64
}

// count adds one change to the job's tallies.
func (j *job) count(t *tableCount, op event.Op) {
	last := len(j.tallies) - 1
	if last < 0 || j.tallies[last].table != t {
		at := slices.IndexFunc(j.tallies, func(y tally) bool { return y.table == t })
		if at < 0 {
			j.tallies = append(j.tallies, tally{table: t})
		} else {
			// To the end, where the table's next rows look.
			j.tallies[at], j.tallies[last] = j.tallies[last], j.tallies[at]
		}
		last = len(j.tallies) - 1
	}
	j.tallies[last].rows[opIndex(op)]++
}

// received counts what the worker has read into the job.
func (j *job) received() {
	for i := range j.tallies {
		y := &j.tallies[i]
		for op, n := range y.rows {
			y.table.received[op].Add(n)
		}
	}
}

// published counts what the sink holds.
func (j *job) published() {
	for i := range j.tallies {
		y := &j.tallies[i]
		for op, n := range y.rows {
			y.table.published[op].Add(n)
		}
	}
}
