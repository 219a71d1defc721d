package binlog

import (
	"encoding/binary"
	"math/bits"
)

// Fields of a GTID_TAGGED_LOG_EVENT (MySQL: "Gtid_event", define_fields).
const (
	taggedFlags             = 0
	taggedUUID              = 1
	taggedNumber            = 2
	taggedTag               = 3
	taggedLastCommitted     = 4
	taggedSequence          = 5
	taggedImmediateMicros   = 6
	taggedOriginalMicros    = 7 // left out if it is the immediate one
	taggedLength            = 8
	taggedImmediateVersion  = 9
	taggedOriginalVersion   = 10
	taggedCommitGroupTicket = 11
)

const maxTagLen = 32

// parseTagged reads a GTID_TAGGED_LOG_EVENT, a message of MySQL's
// "mysql::serialization" library: a version, the message's size, the last field
// that a reader must know, then fields in ascending order, each behind its
// number. Fields of a newer server come last and have no length, so reading ends
// at the first unknown one.
func parseTagged(body []byte) (GTIDEvent, error) {
	c := cursor{b: body}
	c.varint("version of the format")
	c.varint("size")
	if c.varint("last field to know") > taggedCommitGroupTicket+1 {
		c.fail("a field of a newer server")
	}
	var g GTIDEvent
	var seen uint64 // one bit per field
	var immediate uint64
	for c.more() && c.bad == "" {
		field := c.varint("field number")
		if field > taggedCommitGroupTicket {
			break
		}
		if seen>>field != 0 {
			c.fail("order of fields")
		}
		seen |= 1 << field
		switch field {
		case taggedFlags:
			c.varbyte("flags")
		case taggedUUID:
			for i := range g.UUID {
				g.UUID[i] = c.varbyte("server's UUID")
			}
		case taggedNumber:
			g.Number = c.zigzag("number")
		case taggedTag:
			if g.Tag = c.take(c.varint("tag"), "tag"); len(g.Tag) > maxTagLen {
				c.fail("tag")
			}
		case taggedImmediateMicros:
			immediate = c.varint("commit time")
		case taggedOriginalMicros:
			g.OriginalMicros = c.varint("original commit time")
		case taggedLastCommitted, taggedSequence, taggedLength, taggedImmediateVersion, taggedOriginalVersion, taggedCommitGroupTicket:
			c.varint("a field that is not used")
		}
	}
	if seen&(1<<taggedUUID) == 0 {
		c.fail("server's UUID")
	}
	if err := c.err(GTIDTagged); err != nil {
		return GTIDEvent{}, err
	}
	if seen&(1<<taggedOriginalMicros) == 0 {
		g.OriginalMicros = immediate
	}
	return g.checked(GTIDTagged)
}

// varint reads an integer of 1 to 9 bytes ("Variable-length integers" of the
// library): as many one bits at the low end of the first byte as bytes follow.
func (c *cursor) varint(field string) uint64 {
	if !c.more() {
		c.fail(field)
		return 0
	}
	n := bits.TrailingZeros8(^c.b[0]) + 1
	v := c.take(uint64(n), field)
	if v == nil {
		return 0
	}
	if n == 9 {
		return binary.LittleEndian.Uint64(v[1:])
	}
	var word [8]byte
	copy(word[:], v)
	return binary.LittleEndian.Uint64(word[:]) >> n
}

// zigzag reads a signed integer, whose lowest bit is its sign. A negative one
// becomes a number that no GTID has.
func (c *cursor) zigzag(field string) uint64 {
	v := c.varint(field)
	return v>>1 ^ -(v & 1)
}

// varbyte reads an integer that must fit in one byte.
func (c *cursor) varbyte(field string) byte {
	v := c.varint(field)
	if v > 255 {
		c.fail(field)
	}
	return byte(v)
}
