package workload

import "strings"

// What follows renders events up to their source block, as docs/events.md
// describes them.

func (t *table) object(values []value, keep func(i int) bool) string {
	var b strings.Builder
	comma := "{"
	for i, c := range t.columns {
		if !keep(i) {
			continue
		}
		b.WriteString(comma + quoted(c.name) + ":" + values[i].json)
		comma = ","
	}
	b.WriteByte('}')
	return b.String()
}

func (t *table) whole(values []value) string {
	return t.object(values, func(int) bool { return true })
}

// old is the image that the log carries of an old row.
func (t *table) old(values []value) string {
	return t.object(values, func(i int) bool { return t.Full || t.columns[i].key })
}

// key is the identity key, in key order.
func (t *table) key(values []value) string {
	var b strings.Builder
	comma := "{"
	for _, name := range t.Key {
		for i, c := range t.columns {
			if c.name == name {
				b.WriteString(comma + quoted(name) + ":" + values[i].json)
				comma = ","
			}
		}
	}
	b.WriteByte('}')
	return b.String()
}

func (t *table) inserted(values []value) string {
	return `{"op":"c","before":null,"after":` + t.whole(values)
}

func (t *table) deleted(values []value) string {
	return `{"op":"d","before":` + t.old(values) + `,"after":null`
}

// updated renders an update: two events if it changed the key.
func (t *table) updated(before, after []value) []string {
	absent := func(i int) bool {
		return t.columns[i].big && !t.Full && len(after[i].text) > toasted && before[i] == after[i]
	}
	missing := ""
	for i, c := range t.columns {
		if absent(i) {
			missing = `,"absent":[` + quoted(c.name) + `]` // no table has two
		}
	}
	image := t.object(after, func(i int) bool { return !absent(i) }) + missing
	if t.Key == nil || t.key(before) == t.key(after) {
		return []string{`{"op":"u","before":` + t.old(before) + `,"after":` + image}
	}
	gone, come := t.deleted(before), `{"op":"c","before":null,"after":`+image
	if missing != "" {
		gone += `,"moved_to":` + t.key(after)
		come += `,"moved_from":` + t.key(before)
	}
	return []string{gone, come}
}

const truncated = `{"op":"t","before":null,"after":null`
