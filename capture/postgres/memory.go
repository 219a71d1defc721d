package postgres

import (
	"encoding/json"

	"github.com/tailrace/tailrace/internal/failure"
)

// memory is what the checkpoint keeps for this source: what the log names and
// does not explain. Read again from the catalog at a later time it could be
// another answer, and then the same change would have other bytes.
type memory struct {
	// Keys holds the key columns, in key order, of table versions that the
	// log's key flags do not give: REPLICA IDENTITY FULL, or a key whose order
	// is not that of the table. By the version's hash.
	Keys map[string][]string `json:"keys,omitempty"`
	// Types holds the types of users by OID.
	Types map[uint32]Type `json:"types,omitempty"`
	// Published names the tables that the publications had at the last start.
	// One that was taken out meanwhile has lost changes, and so has one that
	// another table was renamed to: the publication does not follow the name.
	Published []string `json:"published,omitempty"`
	// Since is the commit time, in Unix milliseconds, before which
	// transactions are left out (start at time:…); 0 once it is reached.
	Since int64 `json:"since,omitempty"`
}

func loadMemory(text []byte) (memory, error) {
	var m memory
	if len(text) > 0 {
		if err := json.Unmarshal(text, &m); err != nil {
			return m, failure.StopFrom(err, "restore the checkpoint from a copy", "the source's part of the checkpoint can't be read")
		}
	}
	if m.Keys == nil {
		m.Keys = make(map[string][]string)
	}
	if m.Types == nil {
		m.Types = make(map[uint32]Type)
	}
	return m, nil
}

func (m *memory) encode() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic("postgres: marshal maps of strings and numbers: " + err.Error())
	}
	return text
}
