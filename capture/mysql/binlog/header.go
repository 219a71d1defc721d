package binlog

import "fmt"

// HeaderLen is the length of an event's header.
const HeaderLen = 19

// Flags of a header that decide about positions.
const (
	FlagArtificial uint16 = 0x20 // made for this connection, stands in no file (C1.2)
	FlagIgnorable  uint16 = 0x80 // a reader that does not know the type may go on
)

// A Header is what every event begins with (MySQL: "Binlog Event Header").
type Header struct {
	Timestamp uint32 // Unix seconds, of the statement's start
	Type      EventType
	Server    uint32 // server_id of the server where the event was made
	Size      uint32 // of the whole event, header and checksum too
	NextPos   uint32 // where the event ends in its file, modulo 2^32; 0 where it is not said: artificial events, and from MariaDB 11.4 on those inside a transaction
	Flags     uint16
}

// ParseHeader reads the header at the start of b, which may have less than the
// whole event. A size that no event can have is an error.
func ParseHeader(b []byte) (Header, error) {
	c := cursor{b: b}
	h := Header{
		Timestamp: c.uint32("timestamp"),
		Type:      EventType(c.uint8("type")),
		Server:    c.uint32("server id"),
		Size:      c.uint32("size"),
		NextPos:   c.uint32("next position"),
		Flags:     c.uint16("flags"),
	}
	if c.bad != "" {
		return Header{}, fmt.Errorf("event header: %s can't be read", c.bad)
	}
	if h.Size < HeaderLen {
		return Header{}, fmt.Errorf("event header: %s of %d bytes, and a header alone has %d", h.Type, h.Size, HeaderLen)
	}
	return h, nil
}
