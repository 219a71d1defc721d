package postgres_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/internal/failure"
)

// FuzzFrames cuts a stream of bytes anywhere: the messages must not depend on
// it, and no length that a message claims may cost more than the limit.
func FuzzFrames(f *testing.F) {
	const size, longest = 64, 4096
	f.Add([]byte("d\x00\x00\x00\x05xd\x00\x00\x00\x04"), []byte{1, 2, 3})
	f.Add([]byte("d\x00\x00\x00\x03"), []byte{})
	f.Add([]byte("d\xff\xff\xff\xff"), []byte{5})
	f.Add(append([]byte("d\x00\x00\x10\x00"), make([]byte, longest)...), []byte{200, 0, 7})
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		if len(stream) > 4*longest || len(cuts) > 64 {
			return // nothing new, and slow
		}
		rest := stream
		wire := postgres.NewWire(&pieces{stream: stream, cuts: cuts}, size, longest)
		for {
			kind, body, err := wire.Next(t.Context())
			if got := wire.Buffered(); got > longest {
				t.Fatalf("the buffer has %d bytes, want at most %d", got, longest)
			}
			want, whole, sane := firstFrame(rest, longest)
			switch {
			case !sane:
				var stop *failure.StopError
				if !errors.As(err, &stop) {
					t.Fatalf("%d bytes before the end: %v, want a Stop", len(rest), err)
				}
				return
			case !whole:
				if !failure.Retryable(err) || !errors.Is(err, io.EOF) {
					t.Fatalf("%d bytes before the end: %v, want the connection's error", len(rest), err)
				}
				return
			case err != nil:
				t.Fatalf("%d bytes before the end: %v, want a message", len(rest), err)
			}
			if kind != want[0] || !bytes.Equal(body, want[5:]) {
				t.Fatalf("%d bytes before the end: got %q %q, want %q", len(rest), kind, body, want)
			}
			rest = rest[len(want):]
		}
	})
}

// firstFrame is the rule of the protocol: a type byte, and a length that counts
// itself.
func firstFrame(stream []byte, longest uint64) (frame []byte, whole, sane bool) {
	if len(stream) < 5 {
		return nil, false, true
	}
	length := uint64(binary.BigEndian.Uint32(stream[1:]))
	if length < 4 || length+1 > longest {
		return nil, false, false
	}
	if uint64(len(stream)) < length+1 {
		return nil, false, true
	}
	return stream[:length+1], true, true
}

// pieces is a connection that gives a stream in pieces of the lengths in cuts,
// and then the rest.
type pieces struct {
	net.Conn
	stream, cuts []byte
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.stream) == 0 {
		return 0, io.EOF
	}
	most := len(b)
	if len(p.cuts) > 0 {
		most = min(most, 1+int(p.cuts[0]))
		p.cuts = p.cuts[1:]
	}
	n := copy(b[:most], p.stream)
	p.stream = p.stream[n:]
	return n, nil
}
