package encode_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

var update = flag.Bool("update", false, "write the golden files anew")

// nativeCases has every form of a native event.
func nativeCases(t testing.TB) []struct {
	name   string
	change event.Change
} {
	orders, audit, odd := orders(t), audit(t), odd(t)
	full := row("7", "12.50", "say \"hi\"\n", `{"a": 1}`)
	return []struct {
		name   string
		change event.Change
	}{
		{"an insert", event.Change{Op: event.Insert, Table: orders, After: full}},
		{"an update with the key as the old row", event.Change{Op: event.Update, Table: orders, Before: row("7", gone, gone, gone), After: full}},
		{"an update with the whole old row", event.Change{Op: event.Update, Table: orders, Before: row("7", "10.00", null, null), After: full}},
		{"an update with values that the log did not carry", event.Change{Op: event.Update, Table: orders, Before: row("7", gone, gone, gone), After: row("7", "12.50", gone, gone)}},
		{"an update without its first column", event.Change{Op: event.Update, Table: audit, Before: row("x"), After: row(gone)}},
		{"a delete with the key alone", event.Change{Op: event.Delete, Table: orders, Before: row("7", gone, gone, gone)}},
		{"a delete with the whole old row", event.Change{Op: event.Delete, Table: orders, Before: full}},
		{"a row of NULLs", event.Change{Op: event.Insert, Table: orders, After: row("7", null, null, null)}},
		{"an empty text is no NULL", event.Change{Op: event.Insert, Table: orders, After: row("7", null, "", "{}")}},
		{"a truncate", event.Change{Op: event.Truncate, Table: orders}},
		{"a truncate of a keyless table", event.Change{Op: event.Truncate, Table: audit}},
		{"an insert into a keyless table", event.Change{Op: event.Insert, Table: audit, After: row("x")}},
		{"an update of a keyless table", event.Change{Op: event.Update, Table: audit, Before: row("x"), After: row("y")}},
		{"a delete of a keyless table", event.Change{Op: event.Delete, Table: audit, Before: row("x")}},
		{"odd names, and a key in its own order", event.Change{Op: event.Insert, Table: odd, After: row("1", "x", "key", null)}},
		{"odd names that are absent", event.Change{Op: event.Update, Table: odd, Before: row("1", gone, "key", gone), After: row("1", gone, "key", gone)}},
		{"the delete of a key change", event.Change{Op: event.Delete, Table: orders, Before: row("7", gone, gone, gone)}},
		{"the insert of a key change", event.Change{Op: event.Insert, Table: orders, After: full, Ver: event.Ver{Row: 1}}},
		{"the delete of a key change that can't be completed", event.Change{
			Op: event.Delete, Table: orders, Before: row("7", gone, gone, gone), Moved: row("8", "12.50", gone, gone),
		}},
		{"the insert of a key change that can't be completed", event.Change{
			Op: event.Insert, Table: orders, After: row("8", "12.50", gone, gone), Moved: row("7", gone, gone, gone), Ver: event.Ver{Row: 1},
		}},
		{"the insert of a key change of two columns", event.Change{
			Op: event.Insert, Table: odd, After: row("1", gone, "new", ""), Moved: row("1", gone, "old", gone), Ver: event.Ver{Row: 1},
		}},
		{"another epoch and the highest places", event.Change{
			Op: event.Delete, Table: orders, Before: row("7", gone, gone, gone), Pos: 1<<64 - 2,
			Txn: &event.Txn{Commit: 1<<64 - 1, Millis: -1, XID: 1<<32 - 1},
			Ver: event.Ver{Epoch: 1<<32 - 1, Commit: 1<<64 - 1, Event: 1<<64 - 2, Row: 1<<32 - 1},
		}},
		{"a row that a snapshot read", read(orders, full, 0, 23831560)},
		{"the next but one", read(orders, row("9", null, "", null), 2, 23831560)},
		{"a row of the same chunk number whose place is another", read(orders, full, 0, 23831568)},
		{"a row that a snapshot read of a keyless table", read(audit, row("x"), 1, 23831560)},
		{"the truncate before the rows of a keyless table that is read again", func() event.Change {
			c := read(audit, nil, 0, 23831560)
			c.Op = event.Truncate
			return c
		}()},
	}
}

// complete gives a case the place that it does not care about.
func complete(c event.Change) event.Change {
	if c.Txn == nil {
		c.Txn, c.Ver, c.Pos = txn(), ver(c.Ver.Row), 23831400
	}
	return c
}

func TestNativeEvents(t *testing.T) {
	var b strings.Builder
	for _, c := range nativeCases(t) {
		change := complete(c.change)
		key, value := encoded(t, encode.NewNative("postgresql", "shop"), &change)
		if key == "" {
			key = "(no key)"
		}
		fmt.Fprintf(&b, "# %s\n%s\n%s\n\n", c.name, key, value)
	}
	golden(t, "native.golden", b.String())
}

// TestNativeEventsOfABinlog has the source blocks that MySQL and MariaDB have.
func TestNativeEventsOfABinlog(t *testing.T) {
	orders := newTable(t, schema.Table{
		Database: "shop", Name: "orders", Key: []int{0},
		Columns: []schema.Column{{Name: "id", Wire: "8", Kind: schema.Int, KeyFlag: true, Codec: verbatim{}}},
	})
	commit, ok := event.BinlogPlace(3, 1372)
	if !ok {
		t.Fatal("a place is refused")
	}
	plain := event.Txn{Commit: commit, Millis: 1795255200123, File: `bin"log.000003`, Server: 1}
	mysql, mariadb, copied := plain, plain, plain
	copied.Snapshot = true
	mysql.GTID = event.GTID{Prefix: "3e11fa47-71ca-11e1-9e33-c80aa9429562:", Number: 77}
	mariadb.GTID = event.GTID{Prefix: "0-1-", Number: 100}
	var b strings.Builder
	for _, c := range []struct {
		name, connector string
		txn             event.Txn
		row             uint32
	}{
		{"MySQL with a GTID", "mysql", mysql, 0},
		{"the next row of the same event", "mysql", mysql, 2},
		{"the insert of a key change", "mysql", mysql, 3},
		{"MySQL without GTIDs", "mysql", plain, 0},
		{"MariaDB", "mariadb", mariadb, 0},
		{"a row that a snapshot read", "mysql", copied, 0},
		{"the next row of the same chunk", "mysql", copied, 1},
		{"a row that a snapshot read of MariaDB", "mariadb", copied, 1<<32 - 1},
	} {
		op := event.Insert
		if c.txn.Snapshot {
			op = event.Read
		}
		change := event.Change{
			Op: op, Table: orders, After: row("7"), Txn: &c.txn, Pos: 1542,
			Ver: event.Ver{Commit: commit, Event: 0xaa, Row: c.row},
		}
		_, value := encoded(t, encode.NewNative(c.connector, "shop"), &change)
		fmt.Fprintf(&b, "# %s\n%s\n", c.name, value)
		if !c.txn.Snapshot {
			fmt.Fprintf(&b, "%s\n", encode.AppendEnd(nil, 0, &c.txn, nil))
		}
		b.WriteByte('\n')
	}
	golden(t, "binlog.golden", b.String())
}

// TestTheEventOfTheDocument has the bytes that docs/events.md shows, written out.
func TestTheEventOfTheDocument(t *testing.T) {
	orders := orders(t)
	c := complete(event.Change{Op: event.Update, Table: orders, Before: row("7", "10.00", gone, gone), After: row("7", "12.50", gone, null)})
	key, value := encoded(t, encode.NewNative("postgresql", "shop"), &c)
	if want := `{"id":7}`; key != want {
		t.Errorf("key: got %s, want %s", key, want)
	}
	want := `{"op":"u","before":{"id":7,"total":"10.00"},"after":{"id":7,"total":"12.50","meta":null},"absent":["note"],` +
		`"source":{"connector":"postgresql","name":"shop","ts_ms":1795255200123,"snapshot":"false","db":"shop","schema":"public","table":"orders",` +
		`"txId":771,"lsn":23831400,"commit_lsn":23831512},"transaction":{"id":"771:23831512"},"ts_ms":1795255200123,` +
		`"ver":"00000000/00000000016ba3d8/00000000016ba368/00000000","table_version":"` + orders.Version + `"}`
	if value != want {
		t.Errorf("value:\n got %s\nwant %s", value, want)
	}
}

// TestTheRowThatWasReadOfTheDocument has the bytes of the block in docs/events.md.
func TestTheRowThatWasReadOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	_, want, found := strings.Cut(string(text), "```json\n")
	want, _, ended := strings.Cut(want, "\n```")
	if !found || !ended {
		t.Fatal("docs/events.md has no block of JSON")
	}
	c := read(orders(t), row("7", "12.50", null, `{"a": 1}`), 0, 23831560)
	if _, got := encoded(t, encode.NewNative("postgresql", "shop"), &c); got != want {
		t.Errorf("value:\n got %s\nwant %s", got, want)
	}
}

func TestNativeEventsAreValidJSONInOneOrder(t *testing.T) {
	order := []string{"op", "before", "after", "absent", "moved_to", "moved_from", "source", "transaction", "ts_ms", "ver", "table_version"}
	for _, c := range nativeCases(t) {
		t.Run(c.name, func(t *testing.T) {
			change := complete(c.change)
			key, value := encoded(t, encode.NewNative(`post"gres`, "sh\nop"), &change)
			if key != "" && !json.Valid([]byte(key)) {
				t.Errorf("key %s is not JSON", key)
			}
			if strings.ContainsAny(key+value, "\n\r\t") {
				t.Errorf("%s or %s is not one line", key, value)
			}
			fields := topFields(t, value)
			places := make([]int, len(fields))
			for i, f := range fields {
				if places[i] = slices.Index(order, f); places[i] < 0 {
					t.Errorf("field %s is not one of an event", f)
				}
			}
			if !slices.IsSorted(places) {
				t.Errorf("the fields are %v, want the order %v", fields, order)
			}
		})
	}
}

// topFields returns the names of an object's fields in their order.
func topFields(t *testing.T, object string) []string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(object))
	if _, err := dec.Token(); err != nil {
		t.Fatalf("read %s: %v", object, err)
	}
	var names []string
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatalf("read a field of %s: %v", object, err)
		}
		names = append(names, name.(string))
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			t.Fatalf("read the field %s of %s: %v", name, object, err)
		}
	}
	if !json.Valid([]byte(object)) {
		t.Errorf("%s is not one JSON document", object)
	}
	return names
}

func TestBytesDoNotDependOnWhatWasEncodedBefore(t *testing.T) {
	var changes []event.Change
	for _, c := range nativeCases(t) {
		changes = append(changes, complete(c.change))
	}
	// The same with another pointer, epoch and transaction each, one by one and
	// together: what an encoder keeps depends on nothing else.
	for _, c := range slices.Clone(changes) {
		again := *c.Table
		other := *c.Txn
		later, elsewhere, young, all := c, c, c, c
		other.XID++
		later.Txn = &other
		elsewhere.Table = &again
		young.Ver.Epoch++
		all.Txn, all.Table, all.Ver.Epoch = &other, &again, c.Ver.Epoch+1
		changes = append(changes, later, elsewhere, young, all)
	}
	want := make([]string, len(changes))
	for i := range changes {
		key, value := encoded(t, encode.NewNative("postgresql", "shop"), &changes[i])
		want[i] = key + " " + value
	}
	kept := encode.NewNative("postgresql", "shop")
	for i := range changes {
		for j := range changes {
			for _, n := range []int{i, j} {
				key, value := encoded(t, kept, &changes[n])
				if got := key + " " + value; got != want[n] {
					t.Fatalf("change %d after %d:\n got %s\nwant %s", n, i, got, want[n])
				}
			}
		}
	}
}

func TestATransactionThatIsFilledAnewIsAnotherOne(t *testing.T) {
	enc := encode.NewNative("postgresql", "shop")
	c := complete(event.Change{Op: event.Insert, Table: audit(t), After: row("x")})
	encoded(t, enc, &c)
	*c.Txn = event.Txn{Commit: 99, Millis: 98, XID: 97} // the same memory, as units are reused
	c.Ver.Commit = 99
	_, got := encoded(t, enc, &c)
	_, want := encoded(t, encode.NewNative("postgresql", "shop"), &c)
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestAfterAnErrorTheNextEventIsWhole(t *testing.T) {
	table := orders(t)
	enc := encode.NewNative("postgresql", "shop")
	bad := *table
	bad.Columns = slices.Clone(table.Columns)
	bad.Columns[1].Codec = broken{}
	c := complete(event.Change{Op: event.Insert, Table: &bad, After: row("7", "secret", null, null)})
	_, err := enc.AppendValue(nil, &c)
	var stop *failure.StopError
	if !errors.As(err, &stop) || !errors.Is(err, errBroken) {
		t.Fatalf("AppendValue = %v, want a Stop for %v", err, errBroken)
	}
	for _, part := range []string{`"total"`, "public.orders", c.Ver.String()} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %s", err, part)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("error %q holds the value", err)
	}
	good := complete(event.Change{Op: event.Insert, Table: table, After: row("7", "1", null, null)})
	_, got := encoded(t, enc, &good)
	_, want := encoded(t, encode.NewNative("postgresql", "shop"), &good)
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestAKeyThatWasNotCarriedStops(t *testing.T) {
	c := complete(event.Change{Op: event.Update, Table: orders(t), Before: row(gone, gone, gone, gone), After: row(gone, "1", null, null)})
	_, err := encode.NewNative("postgresql", "shop").AppendKey(nil, &c)
	var stop *failure.StopError
	if !errors.As(err, &stop) || !strings.Contains(err.Error(), `"id"`) {
		t.Errorf("AppendKey = %v, want a Stop that names the column", err)
	}
}

func encoded(t testing.TB, enc encode.Encoder, c *event.Change) (key, value string) {
	t.Helper()
	const head = "head"
	k, err := enc.AppendKey([]byte(head), c)
	if err != nil {
		t.Fatalf("append a key: %v", err)
	}
	v, err := enc.AppendValue([]byte(head), c)
	if err != nil {
		t.Fatalf("append a value: %v", err)
	}
	key, ok1 := strings.CutPrefix(string(k), head)
	value, ok2 := strings.CutPrefix(string(v), head)
	if !ok1 || !ok2 {
		t.Fatalf("the encoder changed what was there: %s, %s", k, v)
	}
	return key, value
}

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatalf("write the golden file: %v", err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read the golden file: %v", err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		var g, w string
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if g != w {
			t.Errorf("%s:%d:\n got %s\nwant %s", path, i+1, g, w)
		}
	}
}
