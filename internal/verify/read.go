package verify

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// read reports whether a snapshot made the event: it is a row that was read, or the
// truncate before those of a table that is read again.
func (c *change) read() bool { return c.Source.Snapshot == "true" }

// kind says what op, rows and transaction contradict source.snapshot in.
func (c *change) kind() error {
	switch {
	case c.Op == "r" && !c.read():
		return errors.New("it was read, and source.snapshot is not true")
	case !c.read():
		return nil
	case c.Op != "r" && c.Op != "t":
		return fmt.Errorf("source.snapshot is true, and the op is %s", c.Op)
	case c.Transaction.ID != "":
		return fmt.Errorf("it was read, and is of transaction %s", c.Transaction.ID)
	case len(c.Before) > 0 && string(c.Before) != "null" || len(c.Absent) > 0:
		return errors.New("it was read, and has an old row or lacks columns")
	}
	return nil
}

// postgresRead knows that ver's commit is directly below the place where the stream
// was, and that this is not before the place that the view shows. The stream is
// nowhere within the header of a page.
func (s *source) postgresRead(c *change) error {
	const page, longHeader = 8192, 40
	if s.XID != 0 || s.LSN != s.CommitLSN {
		return fmt.Errorf("it was read at %d, source says transaction %d and commit %d", s.LSN, s.XID, s.CommitLSN)
	}
	commit, err := strconv.ParseUint(commitOf(c.Ver), 16, 64)
	if err != nil {
		return fmt.Errorf("the ver %s is not in hex", c.Ver)
	}
	shown := s.LSN
	if off := shown % page; off <= longHeader {
		shown -= off
	}
	if commit+1 < shown {
		return fmt.Errorf("the ver is %s, and what was read is as of %d, behind that", c.Ver, s.LSN)
	}
	return nil
}

// binlogRead knows the same of a binlog, but for the offset: a place by GTID may be
// at the end of one file and the start of the next.
func (s *source) binlogRead(c *change) error {
	number, err := strconv.ParseUint(s.File[strings.LastIndexByte(s.File, '.')+1:], 10, 24)
	if err != nil {
		return fmt.Errorf("the file %q has no number", s.File)
	}
	commit, err := strconv.ParseUint(commitOf(c.Ver), 16, 64)
	if err != nil || commit>>40+1 < number {
		return fmt.Errorf("the ver is %s, and what was read is as of %s, behind that", c.Ver, s.File)
	}
	if row, err := strconv.ParseUint(c.Ver[43:], 16, 32); err != nil || row != s.Row {
		return fmt.Errorf("the ver is %s, source says row %d", c.Ver, s.Row)
	}
	if s.GTID != "" {
		return fmt.Errorf("it was read, and has the GTID %s", s.GTID)
	}
	return nil
}

// holds holds a row that was read against the replica, which has all that the log
// says up to its place: there the row was the same. A keyless table is read anew
// from a truncate on; those with a key never are.
func (r *replica) holds(c *change) error {
	switch {
	case c.Op == "t" && r.table.Key != nil:
		return errors.New("a snapshot empties a table that has a key")
	case c.Op == "t":
		return nil
	case r.table.Key == nil:
		if r.bag[string(c.After)] == 0 {
			return errors.New("a snapshot read a row that was not there")
		}
		return nil
	}
	row := r.rows[r.key(c.new)]
	if row == nil {
		return errors.New("a snapshot read a row that was not there")
	}
	for _, column := range r.table.Columns {
		if value, there := c.new[column]; !there || !bytes.Equal(value, row[column]) {
			return fmt.Errorf("a snapshot read column %s not as the row had it", column)
		}
	}
	if len(c.new) != len(row) {
		return fmt.Errorf("a snapshot read %d columns, the row has %d", len(c.new), len(row))
	}
	return nil
}
