package binlog

// A Compression is how a transaction's events are packed.
type Compression uint64

// The compressions that MySQL has (MySQL: compression::type).
const (
	Zstd Compression = 0
	None Compression = 255
)

// A Payload is a TRANSACTION_PAYLOAD_EVENT: a transaction's events from the one
// behind its GTID event to its last, packed. The events in it have no checksums.
type Payload struct {
	Compression  Compression
	Size         uint64 // bytes of the packed events
	Uncompressed uint64 // bytes of the events as they were, by the server's word
	Data         []byte // as many of the packed events' bytes as the body has
	HeaderLen    int    // where Data starts in the body
}

// Fields of the header of a payload (MySQL: codecs::binary::Transaction_payload).
const (
	payloadEnd          = 0
	payloadSize         = 1
	payloadCompression  = 2
	payloadUncompressed = 3
)

// ParsePayload reads the fields of a TRANSACTION_PAYLOAD_EVENT and what of its
// data is in body. They are shorter than 64 bytes: body may end anywhere behind.
func ParsePayload(body []byte) (Payload, error) {
	c := cursor{b: body}
	p := Payload{Compression: None}
	sized := false
	for c.bad == "" {
		kind := c.packed("kind of a field")
		if kind == payloadEnd {
			break
		}
		field := cursor{b: c.packedBytes("field")}
		switch kind {
		case payloadSize:
			p.Size, sized = field.packed("size"), true
		case payloadCompression:
			p.Compression = Compression(field.packed("compression"))
		case payloadUncompressed:
			p.Uncompressed = field.packed("uncompressed size")
		}
		if c.bad == "" {
			c.bad = field.bad
		}
	}
	if !sized {
		c.fail("size")
	}
	if err := c.err(TransactionPayload); err != nil {
		return Payload{}, err
	}
	if p.Compression != Zstd && p.Compression != None {
		return Payload{}, malformed(TransactionPayload, "compression")
	}
	n := min(p.Size, uint64(len(c.b)))
	p.Data = c.b[:n:n]
	p.HeaderLen = len(body) - len(c.b)
	return p, nil
}
