package binlog

// Flags of a MariaGTIDEvent (MariaDB: Gtid_log_event, flags2).
const (
	Standalone    uint8 = 1 // one statement without a COMMIT behind it
	groupCommit   uint8 = 2
	Transactional uint8 = 4
	DDL           uint8 = 32
	PreparedXA    uint8 = 64  // the rows of an XA transaction, up to its PREPARE
	CompletedXA   uint8 = 128 // XA COMMIT or XA ROLLBACK of a prepared one
)

// A MariaGTIDEvent begins a transaction on MariaDB. The server in the middle of
// its GTID is that of the event's header.
type MariaGTIDEvent struct {
	Domain   uint32
	Sequence uint64
	Flags    uint8
	XID      string // as ParseXAPrepare writes it, if Flags say PreparedXA or CompletedXA; else ""
}

// ParseMariaGTID reads MariaDB's GTID_EVENT ("GTID_EVENT"). The body has no
// checksum.
func ParseMariaGTID(body []byte) (MariaGTIDEvent, error) {
	c := cursor{b: body}
	g := MariaGTIDEvent{
		Sequence: c.uint64("sequence number"),
		Domain:   c.uint32("domain"),
		Flags:    c.uint8("flags"),
	}
	if g.Flags&groupCommit != 0 {
		c.uint64("commit id")
	}
	if g.Flags&(PreparedXA|CompletedXA) != 0 {
		format := c.uint32("XID")
		global, branch := uint64(c.uint8("XID")), uint64(c.uint8("XID"))
		if c.bad == "" {
			g.XID = c.xid(format, global, branch)
		}
	}
	if err := c.err(MariaGTID); err != nil {
		return MariaGTIDEvent{}, err
	}
	return g, nil
}
