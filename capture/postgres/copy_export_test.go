package postgres

import "github.com/tailrace/tailrace/event"

// CutLine cuts a row of COPY.
func CutLine(line []byte, c *event.Change, row event.Row) error { return cutLine(line, c, row) }

// NewReadSplitter returns what cuts rows of a snapshot.
func NewReadSplitter() readSplitter { return readSplitter{} }
