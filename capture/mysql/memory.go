package mysql

import (
	"encoding/json"

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
	// Read is up to where, as a ver has it, the log was read and everything in
	// it published but what is prepared; 0 if that is the position itself. The
	// position is before it while it can't leave out a transaction (C4.2).
	Read uint64 `json:"read,omitempty"`
}

// remembered is the part of a table map that the log leaves out with MINIMAL.
type remembered struct {
	Columns []rememberedColumn `json:"columns"`
	Key     []int              `json:"key,omitempty"`
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

// forget drops what was remembered of tables. Any DDL may have changed what the
// catalog would say; the reader calls it when it meets one.
func (m *memory) forget() { clear(m.Tables) }
