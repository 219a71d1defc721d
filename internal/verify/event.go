package verify

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// A change is an event as far as it is looked into.
type change struct {
	Op     string          `json:"op"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
	Absent []string        `json:"absent"`
	Source struct {
		Name      string `json:"name"`
		Millis    int64  `json:"ts_ms"`
		Schema    string `json:"schema"`
		Table     string `json:"table"`
		XID       uint32 `json:"txId"`
		LSN       uint64 `json:"lsn"`
		CommitLSN uint64 `json:"commit_lsn"`
	} `json:"source"`
	Transaction struct {
		ID string `json:"id"`
	} `json:"transaction"`
	Millis  int64  `json:"ts_ms"`
	Ver     string `json:"ver"`
	Version string `json:"table_version"`
}

// commitOf returns the commit part of a ver.
func commitOf(ver string) string { return ver[9:25] }

const verLen = len("00000000/0000000000000000/0000000000000000/00000000")

// coherent says what the envelope contradicts itself in.
func (c *change) coherent(name, table string) error {
	s := &c.Source
	if len(c.Ver) != verLen {
		return fmt.Errorf("the ver %q has not the form 8/16/16/8", c.Ver)
	}
	if want := fmt.Sprintf("%016x/%016x", s.CommitLSN, s.LSN); c.Ver[9:42] != want {
		return fmt.Errorf("the ver is %s, source says %s", c.Ver, want)
	}
	if want := strconv.FormatUint(uint64(s.XID), 10) + ":" + strconv.FormatUint(s.CommitLSN, 10); c.Transaction.ID != want {
		return fmt.Errorf("the transaction is %s, source says %s", c.Transaction.ID, want)
	}
	if s.Name != name || s.Schema != "public" || s.Table != table {
		return fmt.Errorf("the source block names %s, %s.%s", s.Name, s.Schema, s.Table)
	}
	if c.Millis != s.Millis {
		return fmt.Errorf("ts_ms is %d, source says %d", c.Millis, s.Millis)
	}
	return nil
}
