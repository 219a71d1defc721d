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

// old is what the log carries of an old row.
func (t *table) old(values []value, m image) string {
	return t.object(values, func(i int) bool { return m.old(t, i) })
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

func (t *table) deleted(values []value, m image) string {
	return `{"op":"d","before":` + t.old(values, m) + `,"after":null`
}

// updated renders an update of the columns that set names: two events if it
// changed the key.
func (t *table) updated(before, after []value, set map[int]value, m image) []string {
	absent := func(i int) bool { return m.absent(t, i, set, before[i], after[i]) }
	var missing []string
	for i, c := range t.columns {
		if absent(i) {
			missing = append(missing, quoted(c.name))
		}
	}
	image := t.object(after, func(i int) bool { return !absent(i) })
	if missing != nil {
		image += `,"absent":[` + strings.Join(missing, ",") + `]`
	}
	if t.Key == nil || t.key(before) == t.key(after) {
		return []string{`{"op":"u","before":` + t.old(before, m) + `,"after":` + image}
	}
	gone, come := t.deleted(before, m), `{"op":"c","before":null,"after":`+image
	if missing != nil {
		gone += `,"moved_to":` + t.key(after)
		come += `,"moved_from":` + t.key(before)
	}
	return []string{gone, come}
}

const truncated = `{"op":"t","before":null,"after":null`
