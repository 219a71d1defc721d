package binlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A cursor reads the fields of an event. After the first field that is not
// there every further one is zero, and bad is its name.
type cursor struct {
	b   []byte
	bad string
}

// err returns what is wrong with the event of type t, or nil.
func (c *cursor) err(t EventType) error {
	if c.bad == "" {
		return nil
	}
	return malformed(t, c.bad)
}

// malformed names the field of an event that can't be read, and nothing of
// what is in it.
func malformed(t EventType, field string) error {
	return fmt.Errorf("%s: %s can't be read", t, field)
}

func (c *cursor) fail(field string) {
	if c.bad == "" {
		c.bad = field
	}
	c.b = nil
}

// take returns the next n bytes. n may be any number that the log declares.
func (c *cursor) take(n uint64, field string) []byte {
	if c.bad != "" || n > uint64(len(c.b)) {
		c.fail(field)
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) uint8(field string) uint8 {
	if v := c.take(1, field); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) uint16(field string) uint16 {
	if v := c.take(2, field); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (c *cursor) uint32(field string) uint32 {
	if v := c.take(4, field); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (c *cursor) uint64(field string) uint64 {
	if v := c.take(8, field); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

// fixed returns an integer of n bytes, up to 8.
func (c *cursor) fixed(n uint64, field string) uint64 {
	var v uint64
	for i, b := range c.take(n, field) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// packed returns a length-encoded integer ("Protocol::LengthEncodedInteger").
// Its marks for NULL and for an error packet stand in no event.
func (c *cursor) packed(field string) uint64 {
	switch first := c.uint8(field); first {
	case 0xfb, 0xff:
		c.fail(field)
		return 0
	case 0xfc:
		return c.fixed(2, field)
	case 0xfd:
		return c.fixed(3, field)
	case 0xfe:
		return c.fixed(8, field)
	default:
		return uint64(first)
	}
}

// packedBytes returns a length-encoded string.
func (c *cursor) packedBytes(field string) []byte {
	return c.take(c.packed(field), field)
}

// shortBytes returns a string whose length stands in one byte before it.
func (c *cursor) shortBytes(field string) []byte {
	return c.take(uint64(c.uint8(field)), field)
}

// terminated returns the bytes before the next zero byte.
func (c *cursor) terminated(field string) []byte {
	end := bytes.IndexByte(c.b, 0)
	if end < 0 {
		c.fail(field)
		return nil
	}
	v := c.b[:end:end]
	c.b = c.b[end+1:]
	return v
}

// zero skips the zero byte behind a name.
func (c *cursor) zero(field string) {
	if c.uint8(field) != 0 {
		c.fail(field)
	}
}

// more reports whether there is anything left to read.
func (c *cursor) more() bool { return len(c.b) > 0 }
