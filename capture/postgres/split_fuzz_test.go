package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// A shape is the columns of a table as far as rows depend on them.
type shape struct {
	sql     string
	columns int
	key     []int // in key order
	flagged []int
}

var shapes = []shape{
	{"CREATE TABLE shape0 (a text PRIMARY KEY, b text)", 2, []int{0}, []int{0}},
	{"CREATE TABLE shape1 (a text, b text PRIMARY KEY)", 2, []int{1}, []int{1}},
	{"CREATE TABLE shape2 (a text, b text, c text, PRIMARY KEY (c, a))", 3, []int{2, 0}, []int{0, 2}},
	{"CREATE TABLE shape3 (a text PRIMARY KEY, b text, c text); ALTER TABLE shape3 REPLICA IDENTITY FULL", 3, []int{0}, []int{0, 1, 2}},
	{"CREATE TABLE shape4 (a text, b text); ALTER TABLE shape4 REPLICA IDENTITY FULL", 2, nil, []int{0, 1}},
	{"CREATE TABLE shape5 (a text); ALTER TABLE shape5 REPLICA IDENTITY NOTHING", 1, nil, nil},
}

func (s shape) table(t testing.TB) *schema.Table {
	t.Helper()
	codec, _ := postgres.CodecFor(typeNamed(t, "text"), -1, findUserType, postgres.Values{})
	table := schema.Table{Schema: "public", Name: "t", Key: s.key}
	for i := range s.columns {
		table.Columns = append(table.Columns, schema.Column{
			Name: string(rune('a' + i)), Type: "text", KeyFlag: slices.Contains(s.flagged, i), Codec: codec,
		})
	}
	version, err := schema.NewTable(table)
	if err != nil {
		t.Fatalf("make a table: %v", err)
	}
	return version
}

var rowOps = map[pglogrepl.MessageType]event.Op{
	pglogrepl.MessageTypeInsert: event.Insert, pglogrepl.MessageTypeUpdate: event.Update, pglogrepl.MessageTypeDelete: event.Delete,
}

// FuzzSplit gives any bytes as the row messages of tables of several shapes, and
// holds the changes against what pglogrepl reads and the rules say (C3.1, C3.2).
func FuzzSplit(f *testing.F) {
	tables := make([]*schema.Table, len(shapes))
	for i, s := range shapes {
		tables[i] = s.table(f)
	}
	f.Fuzz(func(t *testing.T, which uint8, message []byte) {
		n := int(which) % len(shapes)
		const head = 1 + 4 // type and relation
		if len(message) < head || rowOps[pglogrepl.MessageType(message[0])] == 0 {
			return
		}
		u := &event.Unit{Raw: slices.Concat([]byte("before"), message[head:], []byte("behind"))}
		start := uint32(len("before"))
		it := &event.Item{Op: rowOps[pglogrepl.MessageType(message[0])], Table: tables[n], Start: start, End: start + uint32(len(message)-head), Event: 7, Row: 4}
		c := &event.Change{Op: it.Op, Table: it.Table, Txn: &event.Txn{}, Ver: event.Ver{Row: it.Row}}
		given := bytes.Clone(u.Raw)
		var got []string
		err := postgres.NewSplitter().Split(u, it, c, func(c *event.Change) error {
			got = append(got, changeText(c))
			return nil
		})
		if !bytes.Equal(u.Raw, given) {
			t.Fatalf("the unit was changed")
		}
		if err != nil {
			var stop *failure.StopError
			if !errors.As(err, &stop) {
				t.Errorf("error %v is not a Stop", err)
			}
			return // that whole messages are not refused is TestMessagesOfServersAreRead
		}
		m, err := pglogrepl.Parse(bytes.Clone(message))
		if err != nil {
			t.Fatalf("%q is split as %q; pglogrepl says %v", message, got, err)
		}
		if want := expected(shapes[n], m); !slices.Equal(got, want) {
			t.Errorf("%q is split as\n%q, want\n%q", message, got, want)
		}
	})
}

func changeText(c *event.Change) string {
	return fmt.Sprintf("%c %d %d [%s] [%s] [%s]", c.Op, c.Pos, c.Ver.Row, rowText(c.Before), rowText(c.After), rowText(c.Moved))
}

func rowText(row event.Row) string {
	var parts []string
	for _, v := range row {
		switch v.State {
		case event.Absent:
			parts = append(parts, absent)
		case event.Null:
			parts = append(parts, "null")
		case event.Present:
			parts = append(parts, fmt.Sprintf("%q", v.Raw))
		}
	}
	return strings.Join(parts, " ")
}

const absent = "absent"

// expected returns the changes that the rules make of a message of pglogrepl,
// as changeText writes them.
func expected(s shape, m pglogrepl.Message) []string {
	line := func(op event.Op, row int, before, after, moved []string) string {
		return fmt.Sprintf("%c 7 %d [%s] [%s] [%s]", op, row, strings.Join(before, " "), strings.Join(after, " "), strings.Join(moved, " "))
	}
	switch m := m.(type) {
	case *pglogrepl.InsertMessage:
		return []string{line(event.Insert, 4, nil, tupleText(m.Tuple, nil), nil)}
	case *pglogrepl.DeleteMessage:
		return []string{line(event.Delete, 4, s.old(m.OldTupleType, m.OldTuple), nil, nil)}
	case *pglogrepl.UpdateMessage:
		after := tupleText(m.NewTuple, nil)
		before := tupleText(m.NewTuple, s.unlike(s.key))
		if m.OldTuple != nil {
			before = s.old(m.OldTupleType, m.OldTuple)
		}
		for i := range after {
			if after[i] == absent {
				after[i] = before[i]
			}
		}
		moved := slices.ContainsFunc(s.key, func(k int) bool {
			return before[k] != absent && after[k] != absent && before[k] != after[k]
		})
		switch {
		case !moved:
			return []string{line(event.Update, 4, before, after, nil)}
		case slices.Contains(after, absent):
			return []string{line(event.Delete, 4, before, nil, after), line(event.Insert, 5, nil, after, before)}
		}
		return []string{line(event.Delete, 4, before, nil, nil), line(event.Insert, 5, nil, after, nil)}
	}
	return nil
}

// old is an old tuple as far as it was carried.
func (s shape) old(kind uint8, tuple *pglogrepl.TupleData) []string {
	if kind == pglogrepl.UpdateMessageTupleTypeKey {
		return tupleText(tuple, s.unlike(s.flagged))
	}
	return tupleText(tuple, nil)
}

// unlike returns the columns that are not among some.
func (s shape) unlike(some []int) []int {
	var others []int
	for i := range s.columns {
		if !slices.Contains(some, i) {
			others = append(others, i)
		}
	}
	return others
}

// tupleText is rowText of a tuple without the columns that are left out.
func tupleText(tuple *pglogrepl.TupleData, without []int) []string {
	parts := []string{}
	for i, c := range tuple.Columns {
		switch {
		case slices.Contains(without, i), c.DataType == pglogrepl.TupleDataTypeToast:
			parts = append(parts, absent)
		case c.DataType == pglogrepl.TupleDataTypeNull:
			parts = append(parts, "null")
		default:
			parts = append(parts, fmt.Sprintf("%q", c.Data))
		}
	}
	return parts
}
