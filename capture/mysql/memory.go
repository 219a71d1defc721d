package mysql

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/tailrace/tailrace/internal/failure"
)

// memory is what the checkpoint keeps for this source: what the log can't say
// again. It belongs to the stream once that is open.
type memory struct {
	// Since is the commit time, in Unix milliseconds, before which
	// transactions are left out (start at time:…); 0 once it is reached.
	Since int64 `json:"since,omitempty"`
	// Tables holds what the catalog said about table maps without names
	// (binlog_row_metadata=MINIMAL), by their hash. Asked again later, the
	// catalog could give another answer, and the same rows other bytes.
	Tables map[string]remembered `json:"tables,omitempty"`
	// Prepared holds the XA transactions whose PREPARE was read and whose
	// COMMIT or ROLLBACK was not (C4.2), in the order of the log.
	Prepared []prepared `json:"prepared,omitempty"`
	// Selection is a hash of what was captured when Prepared was written.
	Selection string `json:"selection,omitempty"`
}

// remembered is the part of a table map that the log leaves out with MINIMAL.
type remembered struct {
	Database string             `json:"database"`
	Name     string             `json:"name"`
	Columns  []rememberedColumn `json:"columns"`
	Key      []int              `json:"key,omitempty"`
}

type rememberedColumn struct {
	Name     string   `json:"name"`
	Unsigned bool     `json:"unsigned,omitempty"`
	Charset  uint16   `json:"charset,omitempty"`
	Labels   [][]byte `json:"labels,omitempty"` // base64 in JSON: any character set
}

// prepared is an XA transaction that waits for its end.
type prepared struct {
	XID    string `json:"xid"`            // as XA COMMIT in the log has it
	GTID   string `json:"gtid,omitempty"` // of its PREPARE
	File   string `json:"file"`           // where its PREPARE's group begins
	Offset uint64 `json:"offset"`
	// Empty says that no captured row is in it, so that it need not come again.
	Empty bool `json:"empty,omitempty"`
	// Tables holds of its table maps without names what is needed when its rows
	// count, by hash: until then a DDL may have changed the names.
	Tables map[string]remembered `json:"tables,omitempty"`
}

func loadMemory(text []byte) (memory, error) {
	var m memory
	if len(text) > 0 {
		if err := json.Unmarshal(text, &m); err != nil {
			return m, failure.StopFrom(err, "restore the checkpoint from a copy", "the source's part of the checkpoint can't be read")
		}
	}
	if m.Tables == nil {
		m.Tables = make(map[string]remembered)
	}
	return m, nil
}

func (m *memory) encode() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic("mysql: marshal strings and numbers: " + err.Error())
	}
	return text
}

// forget drops what was remembered of tables that a statement may have altered,
// and reports whether there were such. The reader calls it when it meets a DDL.
func (m *memory) forget(a altered, session string) bool {
	before := len(m.Tables)
	maps.DeleteFunc(m.Tables, func(_ string, r remembered) bool { return a.may(session, r.Database, r.Name) })
	return len(m.Tables) < before
}

// choose notes what is captured now. Whether a prepared transaction has rows of
// that is not known if it was something else when the PREPARE was read.
func (m *memory) choose(selection string) {
	if m.Selection == selection {
		return
	}
	m.Selection = selection
	m.Prepared = slices.Clone(m.Prepared)
	for i := range m.Prepared {
		m.Prepared[i].Empty = false
	}
}
