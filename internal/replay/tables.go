package replay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Tables is what the events applied so far have made. It is used by one
// goroutine.
type Tables struct {
	versions map[string]*version // by table_version
	tables   map[string]*table   // by schema.table, or db.table where there are no schemas
	events   int
}

// A version is a schema document, as far as it is needed here.
type version struct {
	Version  string `json:"table_version"`
	Database string `json:"db"`
	Schema   string `json:"schema"`
	Table    string `json:"table"`
	Columns  []struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	} `json:"columns"`
	Key []string `json:"key"`
}

func (v *version) String() string { return cmp.Or(v.Schema, v.Database) + "." + v.Table }

// A table is its rows by their keys.
type table struct {
	version  *version // of its last event
	rows     map[string]row
	events   int
	last     string   // ver of its last event
	problems []string // events that did not fit the rows

	partial map[string]bool // keys of rows of which only changes have come, and not all columns
	early   []string        // problems that are none if rows are read yet: the changes came before them
}

type row map[string]json.RawMessage

// event is what is applied of a native event (docs/events.md).
type event struct {
	Op     string   `json:"op"`
	Before row      `json:"before"`
	After  row      `json:"after"`
	Absent []string `json:"absent"`
	Source struct {
		Database string `json:"db"`
		Schema   string `json:"schema"`
		Table    string `json:"table"`
	} `json:"source"`
	Ver     string `json:"ver"`
	Version string `json:"table_version"`
}

// New returns Tables without events.
func New() *Tables {
	return &Tables{versions: make(map[string]*version), tables: make(map[string]*table)}
}

// Events returns how many events were applied, without those that came again.
func (t *Tables) Events() int { return t.events }

// Describe takes a schema document. It must come before the first event that
// names it.
func (t *Tables) Describe(line []byte) error {
	v := new(version)
	if err := unmarshal(line, v); err != nil {
		return err
	}
	t.versions[v.Version] = v
	return nil
}

// Apply takes an event. An event that does not fit the rows, such as the update
// of one that is not there, is not an error here but a difference later.
func (t *Tables) Apply(line []byte) error {
	var e event
	if err := unmarshal(line, &e); err != nil {
		return err
	}
	v := t.versions[e.Version]
	if v == nil {
		return fmt.Errorf("its table_version %q has no schema document", e.Version)
	}
	name := cmp.Or(e.Source.Schema, e.Source.Database) + "." + e.Source.Table
	b := t.tables[name]
	if b == nil {
		b = &table{rows: make(map[string]row), partial: make(map[string]bool)}
		t.tables[name] = b
	}
	if e.Ver <= b.last {
		return nil // it came again
	}
	b.version, b.last = v, e.Ver
	b.events++
	t.events++
	return b.apply(&e)
}

func (b *table) apply(e *event) error {
	switch e.Op {
	case "c":
		return b.insert(e)
	case "r":
		return b.read(e)
	case "u":
		return b.update(e)
	case "d":
		return b.remove(e)
	case "t":
		clear(b.rows)
		clear(b.partial)
		return nil
	}
	return fmt.Errorf("its op %q is not one of c, r, u, d and t", e.Op)
}

func (b *table) insert(e *event) error {
	k, err := b.key(e.After)
	if err != nil {
		return err
	}
	if _, there := b.rows[k]; there {
		b.problem(e, "inserts a row that is there")
	}
	if len(e.Absent) > 0 {
		b.problem(e, "inserts a row without all of its columns")
	}
	b.rows[k] = e.After
	delete(b.partial, k)
	return nil
}

// read takes a row of a snapshot: it is the row as the events before it have left it,
// where these have brought it whole (docs/events.md).
func (b *table) read(e *event) error {
	k, err := b.key(e.After)
	if err != nil {
		return err
	}
	b.early = nil
	if len(e.Absent) > 0 {
		b.problem(e, "reads a row without all of its columns")
	}
	if old, there := b.rows[k]; there && !b.partial[k] {
		for _, name := range slices.Sorted(maps.Keys(e.After)) {
			if !bytes.Equal(old[name], e.After[name]) {
				b.problem(e, "reads another value of column "+name+" than the event before it left")
			}
		}
	}
	b.rows[k] = e.After
	delete(b.partial, k)
	return nil
}

func (b *table) update(e *event) error {
	k, err := b.key(e.After)
	if err != nil {
		return err
	}
	if was, err := b.key(e.Before); err != nil {
		return err
	} else if was != k {
		b.problem(e, "changes a key, which takes a delete and an insert")
	}
	old, there := b.rows[k]
	if !there {
		b.tooEarly(e, "updates a row that is not there")
		b.partial[k] = len(e.Absent) > 0
	}
	for name, value := range e.Before {
		if there && !b.partial[k] && !bytes.Equal(old[name], value) {
			b.problem(e, "has another old value of column "+name+" than the event before it left")
		}
	}
	for _, name := range e.Absent {
		if value, ok := old[name]; ok {
			e.After[name] = value
		}
	}
	b.rows[k] = e.After
	return nil
}

func (b *table) remove(e *event) error {
	k, err := b.key(e.Before)
	if err != nil {
		return err
	}
	if _, there := b.rows[k]; !there {
		b.tooEarly(e, "deletes a row that is not there")
	}
	delete(b.rows, k)
	delete(b.partial, k)
	return nil
}

// key returns the key of a row as JSON.
func (b *table) key(r row) (string, error) {
	if len(b.version.Key) == 0 {
		return "", fmt.Errorf("table %s has no key, and only tables with one can be replayed", b.version)
	}
	var k []byte
	for _, name := range b.version.Key {
		value, ok := r[name]
		if !ok {
			return "", fmt.Errorf("key column %q of table %s is missing", name, b.version)
		}
		k = append(append(k, ','), value...)
	}
	return string(k[1:]), nil
}

// tooEarly notes that e does not fit, unless rows of the table are read behind it.
func (b *table) tooEarly(e *event, what string) {
	b.early = append(b.early, "the event with ver "+e.Ver+" "+what)
}

// problem notes that e does not fit.
func (b *table) problem(e *event, what string) {
	b.problems = append(b.problems, "the event with ver "+e.Ver+" "+what)
}
