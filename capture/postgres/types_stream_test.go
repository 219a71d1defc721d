package postgres_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestDocumentedValuesAreWhatEventsHold(t *testing.T) {
	setup, values := documentedValues(t)
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, setup)
		want := make(map[string]documentedValue)
		for _, v := range values {
			if v.since <= version {
				table := fmt.Sprintf("line_%d", v.line)
				want[table] = v
				d.Exec(t, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, v %s)", table, v.sqlType))
			}
		}
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		for table, v := range want {
			d.Exec(t, fmt.Sprintf("INSERT INTO %s VALUES (1, %s)", table, v.literal))
		}
		for _, e := range r.ToEnd() {
			v, ok := want[e.Source.Table]
			if !ok {
				t.Errorf("an event of table %s, want each once", e.Source.Table)
				continue
			}
			delete(want, e.Source.Table)
			var after struct{ V json.RawMessage }
			if err := json.Unmarshal(e.After, &after); err != nil {
				t.Errorf("line %d: %v", v.line, err)
			}
			if string(after.V) != v.form {
				t.Errorf("line %d: %s %s has the form %s, want %s", v.line, v.sqlType, v.literal, after.V, v.form)
			}
		}
		for _, v := range want {
			t.Errorf("line %d: no event of %s %s", v.line, v.sqlType, v.literal)
		}
	})
}
