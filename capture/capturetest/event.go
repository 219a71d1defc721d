package capturetest

import (
	"encoding/json"
	"strings"
	"testing"
)

// An Event is a native event, read back. Raw parts have the bytes of the event.
type Event struct {
	Key  string // "" for a keyless table
	Text string // the whole event

	Op        string          `json:"op"`
	Before    json.RawMessage `json:"before"`
	After     json.RawMessage `json:"after"`
	Absent    json.RawMessage `json:"absent"`
	MovedTo   json.RawMessage `json:"moved_to"`
	MovedFrom json.RawMessage `json:"moved_from"`
	Source    struct {
		Schema string `json:"schema"`
		Table  string `json:"table"`
		Millis int64  `json:"ts_ms"`
		LSN    uint64 `json:"lsn"`
	} `json:"source"`
	Transaction struct {
		ID string `json:"id"`
	} `json:"transaction"`
	Ver          string `json:"ver"`
	TableVersion string `json:"table_version"`
}

func newEvent(t testing.TB, key, value []byte) Event {
	t.Helper()
	e := Event{Key: string(key), Text: string(value)}
	if err := json.Unmarshal(value, &e); err != nil {
		t.Fatalf("unmarshal event %s: %v", value, err)
	}
	return e
}

// String returns what a test of rows compares, and nothing that differs from
// run to run: op, table, key, before and after, then what there is of absent,
// moved_to and moved_from.
//
//	u public.orders {"id":7} {"id":7} {"id":7,"total":"12.50"} absent=["note"]
func (e Event) String() string {
	table, key := e.Source.Table, e.Key
	if e.Source.Schema != "" {
		table = e.Source.Schema + "." + table
	}
	if key == "" {
		key = "-"
	}
	parts := []string{e.Op, table, key, string(e.Before), string(e.After)}
	for _, extra := range []struct {
		name string
		raw  json.RawMessage
	}{{"absent", e.Absent}, {"moved_to", e.MovedTo}, {"moved_from", e.MovedFrom}} {
		if extra.raw != nil {
			parts = append(parts, extra.name+"="+string(extra.raw))
		}
	}
	return strings.Join(parts, " ")
}

// Strings returns the String of each event.
func Strings(events []Event) []string {
	lines := make([]string, len(events))
	for i, e := range events {
		lines[i] = e.String()
	}
	return lines
}

// Texts returns the whole text of each event.
func Texts(events []Event) []string {
	lines := make([]string, len(events))
	for i, e := range events {
		lines[i] = e.Text
	}
	return lines
}

// Equal fails the test unless got and want are the same lines.
func Equal(t testing.TB, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("event %d:\n got %s\nwant %s", i, g, w)
		}
	}
}
