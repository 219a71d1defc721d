package mysql_test

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql/values/typestest"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// metadata are the levels of what the log says of columns.
func metadata(product local.Product) []string {
	if product.MariaDB() {
		return []string{"FULL", "MINIMAL", "NO_LOG"}
	}
	return []string{"FULL", "MINIMAL"}
}

// onEachLevel runs a test on each product with each level of metadata.
func onEachLevel(t *testing.T, test func(*testing.T, source)) {
	t.Helper()
	for _, product := range local.MySQLProducts() {
		for _, level := range metadata(product) {
			t.Run(string(product)+" "+level, func(t *testing.T) {
				t.Parallel()
				server := pool.Server(t, product, map[string]string{"binlog-row-metadata": level})
				test(t, newSource(t, server.Database(t), nil))
			})
		}
	}
}

// TestARowThatIsReadIsTheRowOfItsEvents reads each value of the documentation, updates
// its row, and holds what was read against the event: the value and the version of
// the table.
func TestARowThatIsReadIsTheRowOfItsEvents(t *testing.T) {
	onEachLevel(t, func(t *testing.T, d source) {
		statements := []string{typestest.Setup}
		lines := make(map[string]typestest.Value)
		for _, v := range typestest.Values(t) {
			if _, ok := v.Form(d.Product.MariaDB()); !ok {
				continue
			}
			table := fmt.Sprintf("line_%d", v.Line)
			lines[table] = v
			statements = append(statements,
				fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, v %s)", table, v.Type),
				fmt.Sprintf("INSERT INTO %s VALUES (1, %s)", table, v.Literal))
		}
		d.Exec(t, statements...)
		c := copyOf(t, d)
		read := make(map[string]copiedRow)
		for table := range lines {
			chunk := c.open(d.Name+"."+table, capture.Delivered{}, false)
			rows := c.read(&chunk, capture.Part{Table: d.Name + "." + table}, capture.Limits{})
			if c.finish(); len(rows) != 1 {
				t.Fatalf("%s: got %d rows, want 1", table, len(rows))
			}
			read[table] = rows[0]
		}
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		statements = statements[:1]
		for table := range lines {
			statements = append(statements, "UPDATE "+table+" SET id = -1")
		}
		d.Exec(t, statements...)
		for _, e := range r.ToEnd() {
			if e.Op != "d" { // the old row of a key change
				continue
			}
			v, ok := lines[e.Source.Table]
			if !ok {
				t.Errorf("an event of table %s, want one for each line", e.Source.Table)
				continue
			}
			delete(lines, e.Source.Table)
			got := read[e.Source.Table]
			if got.After != string(e.Before) {
				t.Errorf("line %d: %s %s is read as %s, and its event has %s", v.Line, v.Type, v.Literal, got.After, e.Before)
			}
			if got.Version != e.TableVersion {
				t.Errorf("line %d: a table with %s has the version %s, and its event %s", v.Line, v.Type, got.Version, e.TableVersion)
			}
		}
		for _, v := range lines {
			t.Errorf("line %d: there is no event of %s %s", v.Line, v.Type, v.Literal)
		}
	})
}
