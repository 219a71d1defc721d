package replay

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Result is how a table made of events compares with its source.
type Result struct {
	Table  string // schema.table, or db.table where there are no schemas
	Events int
	Rows   int // of the source
	// Differences is empty when both are equal. Each names a row by its key,
	// or an event by its ver, and never another value.
	Differences []string
}

// compare compares the named tables with what rows returns of each.
func (t *Tables) compare(names []string, rows func(name string) ([]string, error)) ([]Result, error) {
	var results []Result
	for _, name := range names {
		source, err := rows(name)
		if err != nil {
			return nil, fmt.Errorf("compare table %s with the source: %w", name, err)
		}
		results = append(results, t.CompareRows(name, source))
	}
	return results, nil
}

// CompareRows compares one table with a source that holds the given rows, each a
// JSON object.
func (t *Tables) CompareRows(name string, source []string) Result {
	result := Result{Table: name, Rows: len(source)}
	ours := t.tables[name]
	if ours == nil {
		if len(source) > 0 {
			result.Differences = append(result.Differences, fmt.Sprintf("there are no events for its %d rows", len(source)))
		}
		return result
	}
	result.Events = ours.events
	result.Differences = append(result.Differences, ours.problems...)
	result.Differences = append(result.Differences, ours.early...)
	kinds := ours.kinds()
	rows := make(map[string]map[string]string, len(ours.rows))
	for _, r := range ours.rows {
		n := normalRow(r, kinds)
		rows[ours.normalKey(n)] = n
	}
	for _, text := range source {
		var r row
		if json.Unmarshal([]byte(text), &r) != nil {
			result.Differences = append(result.Differences, "a row of the source is not an object")
			continue
		}
		want := normalRow(r, kinds)
		k := ours.normalKey(want)
		got, there := rows[k]
		delete(rows, k)
		switch {
		case !there:
			result.Differences = append(result.Differences, "row "+k+" is only in the source")
		case !maps.Equal(got, want):
			result.Differences = append(result.Differences, "row "+k+" differs in "+strings.Join(differing(got, want), ", "))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		result.Differences = append(result.Differences, "row "+k+" is only in the events")
	}
	return result
}

// kinds returns the kinds of a table's columns by their names.
func (b *table) kinds() map[string]string {
	kinds := make(map[string]string)
	for _, c := range b.version.Columns {
		kinds[c.Name] = c.Kind
	}
	return kinds
}

func normalRow(r row, kinds map[string]string) map[string]string {
	n := make(map[string]string, len(r))
	for name, value := range r {
		n[name] = normal(kinds[name], value)
	}
	return n
}

func (b *table) normalKey(r map[string]string) string {
	var parts []string
	for _, name := range b.version.Key {
		parts = append(parts, name+"="+r[name])
	}
	return strings.Join(parts, " ")
}

// differing names the columns in which two rows are not the same.
func differing(got, want map[string]string) []string {
	var names []string
	for name, w := range want {
		if g, ok := got[name]; !ok || g != w {
			names = append(names, name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
