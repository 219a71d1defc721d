package event

import "github.com/tailrace/tailrace/schema"

// A Unit is a run of the log: raw bytes, what is in them, and the place after
// the last transaction that ended in it. The reader fills it, then it is
// handed on whole and no longer touched by the reader. It is reused: see Reset.
type Unit struct {
	Raw   []byte // the log's bytes that Items point into
	Items []Item // in log order
	Txns  []Txn  // that Items point to
	Split Splitter

	// Tables are the versions that appear in this stream for the first time:
	// their schema documents must be durable before the unit's events (C2.5).
	Tables []*schema.Table

	// Position is the place after the last transaction end, "" if none ended
	// here (C1.2). A unit may have a position and no items: keepalives and
	// transactions without captured rows move the place through the same path.
	Position Position
	// Bound is the ver.commit below which everything is in this unit or
	// before; it goes with Position.
	Bound uint64
	// Millis is the source's clock: the last commit time or keepalive, in Unix
	// milliseconds; 0 if unknown.
	Millis int64
	// Memory, when not nil, replaces what State keeps for the source: facts
	// that the log can't give again.
	Memory []byte

	// Cost is how many bytes the unit may take once it is encoded: raw bytes
	// plus the fixed bytes of each row (C6.1).
	Cost int
}

// An Item is one entry of the log that belongs to a captured table, or the end
// of a transaction.
type Item struct {
	Op         Op
	Table      *schema.Table // nil for End
	Start, End uint32        // its bytes in Raw
	Txn        uint32        // index in Txns
	Event      uint64        // ver.Event of its changes
	Row        uint32        // ver.Row of its first change
	Pos        uint64        // where it stands in the log, for its Splitter
}

// A Splitter cuts an item of a unit into changes. It is given by the source,
// has no state, and is called by many workers at once.
type Splitter interface {
	// Split fills c again for each change of it and calls emit. Table, Txn and
	// the Epoch of Ver are set by the caller. What emit returns ends the split
	// and is returned. A malformed item is a Stop.
	Split(u *Unit, it *Item, c *Change, emit func(*Change) error) error
}

// Reset empties u and keeps its buffers.
func (u *Unit) Reset() {
	clear(u.Items)
	clear(u.Tables)
	*u = Unit{Raw: u.Raw[:0], Items: u.Items[:0], Txns: u.Txns[:0], Tables: u.Tables[:0]}
}

// Empty reports whether there is nothing in u to hand on.
func (u *Unit) Empty() bool {
	return len(u.Items) == 0 && len(u.Tables) == 0 && u.Position == "" && u.Memory == nil
}
