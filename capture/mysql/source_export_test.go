package mysql

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/event"
)

// Position is what a position of text says.
type Position struct {
	GTIDs, File  string
	ByGTID       bool
	Offset       uint64
	Created, CRC uint32
	Start, Read  uint64
	Canonical    event.Position
}

// ParsePosition reads a position as this package does.
func ParsePosition(text event.Position) (Position, error) {
	p, err := parsePosition(text)
	if err != nil {
		return Position{}, err
	}
	return Position{
		GTIDs: p.gtids(), File: p.file, ByGTID: p.byGTID, Offset: p.offset,
		Created: p.mark.created, Start: p.mark.start, CRC: p.mark.crc, Read: p.read, Canonical: p.text(),
	}, nil
}

// FileOf returns the binlog that a position is in, "" if it names none.
func FileOf(text event.Position) string {
	p, _ := readPosition(string(text))
	return p.file
}

// ByGTID reports whether a position is one of GTIDs.
func ByGTID(text event.Position) bool {
	p, _ := readPosition(string(text))
	return p.byGTID
}

// FileNumber is fileNumber.
func FileNumber(name string) (string, uint64, error) { return fileNumber(name) }

// Captures reports whether a source that was checked wants rows of a table.
func (s *Source) Captures(database, table string) bool { return s.captures(database, table) }

// SetIdle sets how long nothing may come before the server is asked about its log.
func (s *Source) SetIdle(d time.Duration) { s.idle = d }

// Identify asks who the server is, as Locate does.
func (s *Source) Identify(ctx context.Context) error { return s.identify(ctx) }
