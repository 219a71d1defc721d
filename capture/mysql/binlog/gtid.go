package binlog

import "math"

// A GTIDEvent begins a transaction on MySQL.
type GTIDEvent struct {
	UUID           [16]byte // of the origin
	Tag            []byte   // nil if there is none
	Number         uint64   // 1 to 2^63-2; 0 if Anonymous
	OriginalMicros uint64   // commit time on the origin, Unix microseconds; 0 if unknown: an origin of MySQL 5.7 does not say it
	Anonymous      bool     // the transaction has no GTID
}

const (
	logicalTimestamps = 2       // the only kind there is
	hasOriginal       = 1 << 55 // in the immediate commit time: the original one follows
)

// ParseGTID reads the three kinds of GTID events that MySQL has: GTID_LOG_EVENT,
// ANONYMOUS_GTID_LOG_EVENT ("Gtid_event") and GTID_TAGGED_LOG_EVENT. The body
// has no checksum. Tag points into it.
func ParseGTID(h Header, body []byte) (GTIDEvent, error) {
	if h.Type == GTIDTagged {
		return parseTagged(body)
	}
	c := cursor{b: body}
	c.uint8("flags")
	g := GTIDEvent{Anonymous: h.Type == AnonymousGTID}
	copy(g.UUID[:], c.take(16, "server's UUID"))
	g.Number = c.uint64("number")
	if err := c.err(h.Type); err != nil {
		return GTIDEvent{}, err
	}
	// What follows was added release by release: an event ends where its
	// server's knowledge did.
	if c.more() && c.uint8("kind of timestamps") == logicalTimestamps {
		c.take(16, "logical timestamps")
		if c.more() {
			g.OriginalMicros = c.fixed(7, "commit time")
			if g.OriginalMicros&hasOriginal != 0 {
				g.OriginalMicros = c.fixed(7, "original commit time")
			}
		}
	}
	if err := c.err(h.Type); err != nil {
		return GTIDEvent{}, err
	}
	return g.checked(h.Type)
}

// checked refuses numbers that no GTID has, so that sets of them can rely on it.
func (g GTIDEvent) checked(t EventType) (GTIDEvent, error) {
	if g.Anonymous {
		g.Number = 0
		return g, nil
	}
	if g.Number == 0 || g.Number >= math.MaxInt64 {
		return GTIDEvent{}, malformed(t, "number")
	}
	return g, nil
}
