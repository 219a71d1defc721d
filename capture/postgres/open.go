package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// Open implements capture.Source. A slot that somebody has begun to read since
// Locate is an error of the class Retry: Locate waits for it.
func (s *Source) Open(ctx context.Context, st checkpoint.State) (capture.Stream, error) {
	at, err := parsePosition(st.Position)
	if err != nil {
		return nil, err
	}
	m, err := loadMemory(st.Memory)
	if err != nil {
		return nil, err
	}
	conn, err := s.startReplication(ctx, at)
	if err != nil {
		return nil, err
	}
	if s.cfg.Temporary {
		return temporaryStream{newStream(s, conn, at, m)}, nil
	}
	return newStream(s, conn, at, m), nil
}

// startReplication takes over Locate's connection and starts the stream on it.
func (s *Source) startReplication(ctx context.Context, at lsn) (net.Conn, error) {
	if s.repl == nil {
		if err := s.identify(ctx); err != nil {
			return nil, err
		}
	}
	taken, err := s.repl.Hijack()
	s.repl = nil
	if err != nil {
		return nil, classify("start replication", err)
	}
	conn := hijacked{taken.Conn, s.reader}
	if taken.Frontend.ReadBufferLen() > 0 {
		_ = conn.Close()
		return nil, failure.Retry(errors.New("start replication: the server said something unasked"))
	}
	if err := s.command(ctx, conn, s.replicationCommand(at)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (s *Source) replicationCommand(at lsn) string {
	var names []string
	for _, p := range s.publications() {
		names = append(names, quote.PostgresIdent(p.name))
	}
	return fmt.Sprintf("START_REPLICATION SLOT %s LOGICAL %s (proto_version '1', publication_names %s)",
		quote.PostgresIdent(s.cfg.Slot), at, quote.PostgresLiteral(strings.Join(names, ",")))
}

// command sends a Query and waits for CopyBothResponse. It reads no byte more:
// what follows belongs to the stream.
func (s *Source) command(ctx context.Context, conn net.Conn, sql string) error {
	if err := conn.SetDeadline(time.Now().Add(silence)); err != nil {
		return failure.Retry(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	query, err := (&pgproto3.Query{String: sql}).Encode(nil)
	if err != nil {
		return err
	}
	if _, err := conn.Write(query); err != nil {
		return classify("start replication", err)
	}
	for {
		kind, body, err := readFrame(conn)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return classify("start replication", err)
		}
		switch kind {
		case 'W':
			return conn.SetDeadline(time.Time{})
		case 'E':
			return classify("start replication", serverError(body))
		case 'N', 'S': // notices and parameters
		default:
			return failure.Stop("see whether a proxy stands between", "the server answers START_REPLICATION with a message %q", kind)
		}
	}
}

// readFrame reads one message and no byte behind it.
func readFrame(r io.Reader) (kind byte, body []byte, err error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	const longest = 1 << 16 // an answer to a command is short
	n := int(binary.BigEndian.Uint32(head[1:])) - 4
	if n < 0 || n > longest {
		return 0, nil, failure.Stop("see whether the host and port are those of a Postgres server", "the server sent a message of length %d", n)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return head[0], body, err
}
