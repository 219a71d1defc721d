package postgres

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/jackc/pglogrepl"

	"github.com/tailrace/tailrace/event"
)

// NewSplitter returns what cuts the items of this source's units.
func NewSplitter() event.Splitter { return splitter{} }

// ParseMessage reads a message of pgoutput that is no row and says in the words
// of pglogrepl what the stream keeps of it.
func ParseMessage(b []byte) (pglogrepl.Message, error) {
	body := b[1:]
	switch b[0] {
	case msgBegin:
		m, err := parseBegin(body)
		out := &pglogrepl.BeginMessage{FinalLSN: pglogrepl.LSN(m.commit), CommitTime: time.UnixMilli(m.millis), Xid: m.xid}
		out.SetType(pglogrepl.MessageTypeBegin)
		return out, err
	case msgCommit:
		m, err := parseCommit(body)
		out := &pglogrepl.CommitMessage{CommitLSN: pglogrepl.LSN(m.commit), TransactionEndLSN: pglogrepl.LSN(m.end)}
		out.SetType(pglogrepl.MessageTypeCommit)
		return out, err
	case msgRelation:
		m, err := parseRelation(body)
		out := &pglogrepl.RelationMessage{
			RelationID: m.id, Namespace: m.schema, RelationName: m.name, ReplicaIdentity: m.identity, ColumnNum: uint16(len(m.columns)),
		}
		for _, c := range m.columns {
			column := &pglogrepl.RelationMessageColumn{Name: c.name, DataType: c.oid, TypeModifier: c.typmod}
			if c.key {
				column.Flags = 1
			}
			out.Columns = append(out.Columns, column)
		}
		out.SetType(pglogrepl.MessageTypeRelation)
		return out, err
	case msgType:
		m, err := parseType(body)
		out := &pglogrepl.TypeMessage{DataType: m.oid, Namespace: m.schema, Name: m.name}
		out.SetType(pglogrepl.MessageTypeType)
		return out, err
	case msgTruncate:
		m, err := parseTruncate(body)
		out := &pglogrepl.TruncateMessage{RelationNum: uint32(len(m.relations)), RelationIDs: m.relations}
		out.SetType(pglogrepl.MessageTypeTruncate)
		return out, err
	}
	return nil, errors.New("not a message of this test")
}

// ParseKeepalive reads a Primary keepalive message behind its type.
func ParseKeepalive(b []byte) (pglogrepl.PrimaryKeepaliveMessage, error) {
	k, err := parseKeepalive(b)
	return pglogrepl.PrimaryKeepaliveMessage{
		ServerWALEnd: pglogrepl.LSN(k.end), ServerTime: time.UnixMilli(k.millis), ReplyRequested: k.reply,
	}, err
}

// A Wire cuts what comes over a connection into messages.
type Wire struct{ wire wire }

// NewWire reads messages of at most longest bytes and begins with a buffer of
// size bytes.
func NewWire(conn net.Conn, size, longest int) *Wire {
	return &Wire{wire{conn: conn, max: longest, buf: make([]byte, size), lastRead: time.Now()}}
}

// Next returns the next message. Its body is valid until the next call.
func (w *Wire) Next(ctx context.Context) (kind byte, body []byte, err error) {
	for {
		f, ok, err := w.wire.next()
		if err != nil || ok {
			return f.kind, f.body, err
		}
		if err := w.wire.fill(ctx, false); err != nil {
			return 0, nil, err
		}
	}
}

// Buffered returns how many bytes the buffer has.
func (w *Wire) Buffered() int { return cap(w.wire.buf) }

// SetDial gives a source another way to connect for replication.
func (s *Source) SetDial(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	s.dial = dial
}

// PlainHosts returns the hosts that a source URL would reach without TLS, and
// the settings of the session.
func PlainHosts(url string) (plain []string, settings map[string]string, err error) {
	cfg, err := parseURL(url)
	if err != nil {
		return nil, nil, err
	}
	if cfg.TLSConfig == nil {
		plain = append(plain, cfg.Host)
	}
	for _, f := range cfg.Fallbacks {
		if f.TLSConfig == nil {
			plain = append(plain, f.Host)
		}
	}
	return plain, cfg.RuntimeParams, nil
}
