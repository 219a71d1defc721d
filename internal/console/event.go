package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

// An event is what a line shows of a native event.
type event struct {
	Op        string   `json:"op"`
	Before    row      `json:"before"`
	After     row      `json:"after"`
	Absent    []string `json:"absent"`
	MovedTo   row      `json:"moved_to"`
	MovedFrom row      `json:"moved_from"`
	Source    struct {
		Database string `json:"db"`
		Schema   string `json:"schema"`
		Table    string `json:"table"`
		Millis   int64  `json:"ts_ms"`
	} `json:"source"`
}

// table names the event's table, within its database where there are no schemas.
func (e *event) table() string {
	return cmp.Or(e.Source.Schema, e.Source.Database) + "." + e.Source.Table
}

// A row is a JSON object with its columns in order.
type row []column

type column struct {
	name  string
	value json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *row) UnmarshalJSON(text []byte) error {
	*r = nil
	d := json.NewDecoder(bytes.NewReader(text))
	start, err := d.Token()
	if err != nil || start == nil {
		return err
	}
	if start != json.Delim('{') {
		return errors.New("a row is not an object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		c := column{name: name.(string)} // a decoder returns nothing else there
		if err := d.Decode(&c.value); err != nil {
			return err
		}
		*r = append(*r, c)
	}
	return nil
}

// get returns the value of a column, nil if the row does not have it.
func (r row) get(name string) json.RawMessage {
	for _, c := range r {
		if c.name == name {
			return c.value
		}
	}
	return nil
}

// decode reads a native event and its key, which is empty for a keyless table.
// Errors hold nothing of the row.
func decode(key, value []byte) (e event, k row, err error) {
	if json.Unmarshal(value, &e) != nil {
		return e, nil, fmt.Errorf("show an event of %d bytes: it is not a native event", len(value))
	}
	if len(key) > 0 && json.Unmarshal(key, &k) != nil {
		return e, nil, fmt.Errorf("show an event of %s: its key is not an object", e.table())
	}
	return e, k, nil
}
