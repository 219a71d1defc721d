package oracle_test

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/internal/stress/oracle"
)

// orders has a key and a value that the stream does not always carry, journal has no
// key.
var (
	orders  = oracle.Table{Name: "orders", Columns: []string{"id", "n", "t", "w"}, Key: []string{"id"}}
	journal = oracle.Table{Name: "journal", Columns: []string{"id", "n", "t"}}
)

// An ev is a made-up event of one of them.
type ev struct {
	op     string
	place  string // commit.event.row in decimal, or commit.life:chunk.row
	id, n  int
	absent bool // w is
	bare   bool // all but the key is
	wide   int  // n of the last change of w; 0: that of the row
	from   int  // moved_from
	to     int  // moved_to
	other  bool // its bytes are others than those of the same event
}

// c, u and d are changes of the stream, r a row that a snapshot read.
func c(place string, id, n int) ev { return ev{op: "c", place: place, id: id, n: n} }
func u(place string, id, n int) ev { return ev{op: "u", place: place, id: id, n: n} }
func d(place string, id, n int) ev { return ev{op: "d", place: place, id: id, n: n} }
func r(place string, id, n int) ev { return ev{op: "r", place: place, id: id, n: n} }
func t(place string) ev            { return ev{op: "t", place: place} }

// lacks returns the event without w.
func (e ev) lacks() ev { e.absent = true; return e }

// was returns the event with a w of an earlier step.
func (e ev) was(n int) ev { e.wide = n; return e }

func (e ev) snapshot() bool { return strings.Contains(e.place, ":") }

// ver returns the text of the place.
func (e ev) ver() string {
	parts := strings.Split(e.place, ".")
	number := func(text string) uint64 {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			panic(err)
		}
		return n
	}
	middle := uint64(0)
	if life, chunk, snapshot := strings.Cut(parts[1], ":"); snapshot {
		middle = number(life)<<32 | number(chunk)
	} else {
		middle = number(parts[1])
	}
	return fmt.Sprintf("%08x/%016x/%016x/%08x", 0, number(parts[0]), middle, number(parts[2]))
}

// record returns the event's bytes.
func (e ev) record(table oracle.Table) oracle.Record {
	row := func(n int, whole bool) string {
		text := fmt.Sprintf(`{"id":%d,"n":%d,"t":"%s"`, e.id, n, oracle.StepText(int64(n)))
		if whole && len(table.Columns) > 3 {
			wide := n
			if e.wide > 0 {
				wide = e.wide
			}
			text += fmt.Sprintf(`,"w":"%012dxxxx"`, wide)
		}
		return text + "}"
	}
	before, after, rest := "null", "null", ""
	switch e.op {
	case "u":
		before = fmt.Sprintf(`{"id":%d}`, e.id)
		if table.Key == nil {
			before = row(e.n-1, true)
		}
	case "d":
		before = fmt.Sprintf(`{"id":%d}`, e.id)
		if table.Key == nil {
			before = row(e.n, true)
		}
	}
	if strings.Contains("cur", e.op) {
		after = row(e.n, !e.absent)
	}
	if e.bare {
		after = fmt.Sprintf(`{"id":%d}`, e.id)
		rest += `,"absent":["n","t","w"]`
	}
	if e.absent {
		rest += `,"absent":["w"]`
	}
	if e.from != 0 {
		rest += fmt.Sprintf(`,"moved_from":{"id":%d}`, e.from)
	}
	if e.to != 0 {
		rest += fmt.Sprintf(`,"moved_to":{"id":%d}`, e.to)
	}
	if e.other {
		rest += `,"more":1`
	}
	return oracle.Record{Value: fmt.Appendf(nil, `{"op":"%s","before":%s,"after":%s%s,"source":{"snapshot":"%t","table":"%s"},"ver":"%s"}`,
		e.op, before, after, rest, e.snapshot(), table.Name, e.ver())}
}

// partition yields events.
func partition(table oracle.Table, events ...ev) oracle.Partition {
	return func(yield func(oracle.Record, error) bool) {
		for _, e := range events {
			if !yield(e.record(table), nil) {
				return
			}
		}
	}
}

// has returns the rows of a table: id, n and n of w, over and over.
func has(table oracle.Table, numbers ...int) [][]string {
	var rows [][]string
	for i := 0; i < len(numbers); i += 3 {
		row := []string{strconv.Itoa(numbers[i]), strconv.Itoa(numbers[i+1]), oracle.StepText(int64(numbers[i+1]))}
		if len(table.Columns) > 3 {
			row = append(row, fmt.Sprintf("%012dxxxx", numbers[i+2]))
		}
		rows = append(rows, row)
	}
	return rows
}
