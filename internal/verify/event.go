package verify

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/internal/workload"
)

// A change is an event as far as it is looked into.
type change struct {
	Op          string          `json:"op"`
	Before      json.RawMessage `json:"before"`
	After       json.RawMessage `json:"after"`
	Absent      []string        `json:"absent"`
	Source      source          `json:"source"`
	Transaction struct {
		ID string `json:"id"`
	} `json:"transaction"`
	Millis  int64  `json:"ts_ms"`
	Ver     string `json:"ver"`
	Version string `json:"table_version"`

	old, new object // before and after, once parsed
}

// parse reads before and after.
func (c *change) parse() (err error) {
	if c.old, err = parse(c.Before); err != nil {
		return err
	}
	c.new, err = parse(c.After)
	return err
}

// A source is the source block, with what is particular to each database.
type source struct {
	Connector string `json:"connector"`
	Name      string `json:"name"`
	Millis    int64  `json:"ts_ms"`
	Database  string `json:"db"`
	Schema    string `json:"schema"`
	Table     string `json:"table"`
	Snapshot  string `json:"snapshot"`

	XID       uint32 `json:"txId"`
	LSN       uint64 `json:"lsn"`
	CommitLSN uint64 `json:"commit_lsn"`

	GTID string `json:"gtid"` // "" for null
	File string `json:"file"`
	Pos  uint64 `json:"pos"`
	Row  uint64 `json:"row"`
}

// commitOf returns the commit part of a ver.
func commitOf(ver string) string { return ver[9:25] }

// placeOf returns epoch and commit of a ver that may not have been looked into.
func placeOf(ver string) string { return ver[:min(len(ver), 25)] }

const verLen = len("00000000/0000000000000000/0000000000000000/00000000")

// coherent says what the envelope contradicts itself in.
func (c *change) coherent(cfg *Config, table string) error {
	s := &c.Source
	if len(c.Ver) != verLen {
		return fmt.Errorf("the ver %q has not the form 8/16/16/8", c.Ver)
	}
	inside, read, schema := s.postgres, s.postgresRead, s.Schema
	if cfg.Kind != workload.Postgres {
		inside, read, schema = s.binlog, s.binlogRead, s.Database
	}
	if c.read() {
		inside = read
	}
	if err := c.kind(); err != nil {
		return err
	}
	if err := inside(c); err != nil {
		return err
	}
	if s.Connector != string(cfg.Kind) || s.Name != cfg.Name || schema != cfg.Schema || s.Table != table {
		return fmt.Errorf("the source block names %s, %s, %s.%s", s.Connector, s.Name, schema, s.Table)
	}
	if c.Millis != s.Millis {
		return fmt.Errorf("ts_ms is %d, source says %d", c.Millis, s.Millis)
	}
	return nil
}

func (s *source) postgres(c *change) error {
	if want := fmt.Sprintf("%016x/%016x", s.CommitLSN, s.LSN); c.Ver[9:42] != want {
		return fmt.Errorf("the ver is %s, source says %s", c.Ver, want)
	}
	if want := strconv.FormatUint(uint64(s.XID), 10) + ":" + strconv.FormatUint(s.CommitLSN, 10); c.Transaction.ID != want {
		return fmt.Errorf("the transaction is %s, source says %s", c.Transaction.ID, want)
	}
	return nil
}

// binlog knows that ver's commit has the file's number in its upper 24 bits and
// the offset of the transaction in its lower 40.
func (s *source) binlog(c *change) error {
	number, err := strconv.ParseUint(s.File[strings.LastIndexByte(s.File, '.')+1:], 10, 24)
	if err != nil {
		return fmt.Errorf("the file %q has no number", s.File)
	}
	commit, err := strconv.ParseUint(commitOf(c.Ver), 16, 64)
	if err != nil || commit>>40 != number {
		return fmt.Errorf("the ver is %s, the file %s", c.Ver, s.File)
	}
	offset := commit & (1<<40 - 1)
	if s.Pos <= offset {
		return fmt.Errorf("the ver is %s, the change is before it, at %d", c.Ver, s.Pos)
	}
	if row, err := strconv.ParseUint(c.Ver[43:], 16, 32); err != nil || row/2 != s.Row {
		return fmt.Errorf("the ver is %s, source says row %d", c.Ver, s.Row)
	}
	want := s.GTID
	if want == "" {
		want = s.File + ":" + strconv.FormatUint(offset, 10)
	}
	if c.Transaction.ID != want {
		return fmt.Errorf("the transaction is %s, source says %s", c.Transaction.ID, want)
	}
	return nil
}
