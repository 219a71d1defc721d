package workload

import "strconv"

// An image says what of a row the log carries: the replica identity of Postgres,
// or binlog_row_image.
type image int

const (
	identity image = iota // Postgres: the table says
	full
	minimal
	noBlob
	fullNoDup // as full, but without the new values that are the old ones
)

// name returns the value of binlog_row_image.
func (m image) name() string {
	switch m {
	case full:
		return "FULL"
	case minimal:
		return "MINIMAL"
	case noBlob:
		return "NOBLOB"
	case fullNoDup:
		return "FULL_NODUP"
	}
	panic("workload: no binlog_row_image " + strconv.Itoa(int(m)))
}

// old reports whether an old row in the log has the column i. Without a key, all
// of a row is its identity.
func (m image) old(t *table, i int) bool {
	c := t.columns[i]
	switch m {
	case identity:
		return t.Full || c.key
	case minimal:
		return c.key || t.Key == nil
	case noBlob:
		return c.key || t.Key == nil || !c.big
	}
	return true
}

// absent reports whether an update has the column i neither in its new row nor
// in its old one. set are the columns that the statement names.
func (m image) absent(t *table, i int, set map[int]value, before, after value) bool {
	if m.old(t, i) {
		return false
	}
	if m == identity {
		return t.columns[i].big && len(after.text) > toasted && before == after
	}
	_, named := set[i]
	return !named
}
