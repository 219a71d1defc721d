package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// What can be wrong with a message.
var (
	errShort   = errors.New("the message is shorter than its fields")
	errLong    = errors.New("the message is longer than its fields")
	errColumns = errors.New("the row has another number of columns than its table")
	errOutside = errors.New("a change stands outside a transaction")
	errKind    = errors.New("a value is of a kind that was not asked for")

	errIdentity = errors.New("the old row came with another key than that of its table")
)

// A cursor reads the fields of a message. After the first field that is not
// there every further one is zero and err is set.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.b, c.err = nil, errShort
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) uint8() byte {
	if v := c.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if v := c.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if v := c.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if v := c.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (c *cursor) string() string {
	end := bytes.IndexByte(c.b, 0)
	if end < 0 {
		c.b, c.err = nil, errShort
		return ""
	}
	s := string(c.b[:end])
	c.b = c.b[end+1:]
	return s
}

// postgresEpoch is 2000-01-01 in Unix microseconds: the zero of the server's
// timestamps.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// millis turns a server timestamp into Unix milliseconds.
func (c *cursor) millis() int64 {
	t := int64(c.uint64())
	if t > math.MaxInt64-postgresEpoch {
		c.err = errors.New("the timestamp is out of range")
		return 0
	}
	return (t + postgresEpoch) / 1000
}

// Message types of the replication protocol, inside CopyData ("Streaming
// Replication Protocol").
const (
	xlogData         = 'w'
	primaryKeepalive = 'k'
)

// Message types of pgoutput ("Logical Replication Message Formats").
const (
	msgBegin    = 'B'
	msgCommit   = 'C'
	msgOrigin   = 'O'
	msgRelation = 'R'
	msgType     = 'Y'
	msgInsert   = 'I'
	msgUpdate   = 'U'
	msgDelete   = 'D'
	msgTruncate = 'T'
	msgLogical  = 'M'
)

// keepalive is a Primary keepalive message.
type keepalive struct {
	end    lsn
	millis int64
	reply  bool
}

func parseKeepalive(b []byte) (keepalive, error) {
	c := cursor{b: b}
	k := keepalive{end: lsn(c.uint64()), millis: c.millis(), reply: c.uint8() == 1}
	return k, c.err
}

// begin is a Begin message. commit is the LSN of the transaction's commit
// record, which orders transactions.
type begin struct {
	commit lsn
	millis int64
	xid    uint32
}

func parseBegin(b []byte) (begin, error) {
	c := cursor{b: b}
	m := begin{commit: lsn(c.uint64()), millis: c.millis(), xid: c.uint32()}
	return m, c.err
}

// commit is a Commit message. end is the only LSN of a transaction that may be
// confirmed (C1.1).
type commit struct{ commit, end lsn }

func parseCommit(b []byte) (commit, error) {
	c := cursor{b: b}
	c.uint8() // flags, unused
	m := commit{commit: lsn(c.uint64()), end: lsn(c.uint64())}
	c.millis()
	return m, c.err
}

// relation is a Relation message.
type relation struct {
	id       uint32
	schema   string
	name     string
	identity byte // pg_class.relreplident: d, n, f, i
	columns  []relationColumn
}

type relationColumn struct {
	key    bool // part of the replica identity
	name   string
	oid    uint32
	typmod int32
}

func parseRelation(b []byte) (relation, error) {
	c := cursor{b: b}
	r := relation{id: c.uint32(), schema: c.string(), name: c.string(), identity: c.uint8()}
	if r.schema == "" && c.err == nil {
		r.schema = "pg_catalog" // the protocol's abbreviation
	}
	n := int(c.uint16())
	const leastColumn = 1 + 1 + 4 + 4
	if n*leastColumn > len(c.b) {
		return r, errShort // before memory is taken for a number that lies
	}
	r.columns = make([]relationColumn, n)
	for i := range r.columns {
		r.columns[i] = relationColumn{key: c.uint8()&1 != 0, name: c.string(), oid: c.uint32(), typmod: int32(c.uint32())}
	}
	return r, c.err
}

// typeName is a Type message: the name of a type that is not built in.
type typeName struct {
	oid          uint32
	schema, name string
}

func parseType(b []byte) (typeName, error) {
	c := cursor{b: b}
	m := typeName{oid: c.uint32(), schema: c.string(), name: c.string()}
	return m, c.err
}

// truncate is a Truncate message.
type truncate struct{ relations []uint32 }

func parseTruncate(b []byte) (truncate, error) {
	c := cursor{b: b}
	n := int(c.uint32())
	c.uint8() // CASCADE and RESTART IDENTITY change nothing for the rows
	if n < 0 || n*4 > len(c.b) {
		return truncate{}, errShort
	}
	m := truncate{make([]uint32, n)}
	for i := range m.relations {
		m.relations[i] = c.uint32()
	}
	return m, c.err
}
