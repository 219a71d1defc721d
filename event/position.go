package event

import "strings"

// A Position is a place in a source's log at which a transaction has ended. It
// is opaque text that only the source that wrote it may read: nobody else
// compares or computes one. Examples: "lsn:0/16B3748",
// "gtid:3e11fa47-…:1-77", "file:binlog.000003:1542".
type Position string

// The places that a person may name instead of a position.
const (
	Earliest = "earliest" // the oldest place that the server still has
	Now      = "now"      // the server's place when it is asked
	timeTag  = "time:"
)

// TimeOf returns the RFC 3339 text of a start given as "time:…".
func TimeOf(s string) (string, bool) { return strings.CutPrefix(s, timeTag) }
