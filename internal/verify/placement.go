package verify

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/internal/workload"
)

// What partition_by may be in Config.
const (
	ByTable = "table"
	ByKey   = "key"
)

// A placement holds records of a table's topic against the promise that what
// shares a partition keeps sharing it: the table, or all changes of a key.
type placement struct {
	by    string
	table workload.Table
	keys  bool           // records have keys of their own: those of a stream have not
	first map[string]int // partition by key, or of the whole table
}

// check is called for each first arrival with the partitions that hold it.
func (p *placement) check(at []*reader, of int, c *change) error {
	if p.by == "" {
		return nil // a file is one partition
	}
	r, key := at[0], keyOf(p.table, c)
	if p.keys && !bytes.Equal(r.key, key) {
		return errors.New("the record has not the key of its row")
	}
	if c.Op == "t" {
		if len(at) != of {
			return fmt.Errorf("a truncate is in %d partitions of %d", len(at), of)
		}
		for _, other := range at[1:] {
			if !bytes.Equal(other.record, r.record) {
				return errors.New("a truncate has other bytes in another partition")
			}
		}
		return nil
	}
	if len(at) > 1 {
		return fmt.Errorf("ver %s is in the partitions %d and %d", c.Ver, r.index, at[1].index)
	}
	scope := ""
	if p.by == ByKey {
		scope = string(key)
	}
	first, known := p.first[scope]
	if !known {
		p.first[scope] = r.index
		return nil
	}
	if first != r.index {
		return fmt.Errorf("what shares a partition by %s was in partition %d before", p.by, first)
	}
	return nil
}

// keyOf returns the key that the record of a change has: the primary key as a
// JSON object, nothing without one or for a truncate.
func keyOf(t workload.Table, c *change) []byte {
	if t.Key == nil || c.Op == "t" {
		return nil
	}
	var b bytes.Buffer
	comma := "{"
	for _, name := range t.Key {
		value, there := c.new[name]
		if !there {
			value = c.old[name]
		}
		b.WriteString(comma + `"` + name + `":`)
		b.Write(value)
		comma = ","
	}
	b.WriteByte('}')
	return b.Bytes()
}
