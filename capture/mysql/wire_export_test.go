package mysql

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
)

// A Wire is what cuts a connection into events.
type Wire struct{ *wire }

// A Frame is one event of a Wire.
type Frame struct {
	Header         binlog.Header
	Body           []byte
	CRC            uint32
	Large, Spooled bool
}

// NewWire reads the answer to a dump.
func NewWire(conn net.Conn, max int, silence time.Duration) Wire {
	return Wire{newWire(conn, max, silence)}
}

// NewSmallWire is NewWire with the smallest buffer that does: it has to move and
// to grow.
func NewSmallWire(conn net.Conn, max int) Wire {
	return Wire{&wire{conn: conn, max: max, silence: time.Minute, buf: make([]byte, packetHeader+errorMax), sequence: 1, checksum: true}}
}

// Next returns an event if one is buffered.
func (w Wire) Next() (Frame, bool, error) {
	f, ok, err := w.next()
	return Frame{f.header, f.body, f.crc, f.large, f.spooled}, ok, err
}

// Fill reads once.
func (w Wire) Fill(ctx context.Context) error { return w.fill(ctx) }

// Discard lets the large event at hand go by.
func (w Wire) Discard() { w.discard() }

// Spool writes the large event at hand to dst.
func (w Wire) Spool(dst io.Writer) { w.spool(dst) }

// Close ends the connection.
func (w Wire) Close() error { return w.close() }

// Format is what the last format description said.
func (w Wire) Format() binlog.Format { return w.format }

// Held is how many bytes the wire has room for.
func (w Wire) Held() int { return cap(w.buf) }

// Artificial reports whether an event is the connection's.
func Artificial(h binlog.Header) bool { return artificial(h) }

// A Replica asks a server for its log.
type Replica struct{ *dumper }

// NewReplica returns a replica with a server_id that reads events of up to max
// bytes whole.
func NewReplica(url, name string, id uint32, max int) (Replica, error) {
	s, err := New(Config{Name: name, URL: url, ServerID: id, MaxRow: max})
	if err != nil {
		return Replica{}, err
	}
	return Replica{s.dumper()}, nil
}

// Silence sets how often the server speaks while the log is still, and how long
// it may say nothing.
func (r Replica) Silence(heartbeat, silence time.Duration) {
	r.heartbeat, r.silence = heartbeat, silence
}

// Dump asks for the log behind a position.
func (r Replica) Dump(ctx context.Context, at event.Position) (Wire, error) {
	p, err := parsePosition(at)
	if err != nil {
		return Wire{}, err
	}
	w, err := r.dump(ctx, p)
	return Wire{w}, err
}

// Probe looks at the log from a place on.
func (r Replica) Probe(ctx context.Context, file string, offset uint64, each func(Frame, uint64) (bool, error)) error {
	return r.probe(ctx, file, offset, func(f frame, end uint64) (bool, error) {
		return each(Frame{f.header, f.body, f.crc, f.large, f.spooled}, end)
	})
}

// Via lets the replica connect to another address than the URL's.
func (r Replica) Via(address string) { r.target.network, r.target.address = "tcp", address }

// Remote makes the replica believe that the server is on another host.
func (r Replica) Remote() { r.target.host = "db.example" }

// Query connects and returns the first value of the answer to a query.
func (r Replica) Query(ctx context.Context, sql string) (string, error) {
	s := side{target: r.target, program: r.program()}
	defer func() { _ = s.close() }()
	rows, err := s.query(ctx, sql)
	if err != nil {
		return "", err
	}
	return rows[0][0], nil
}

// Login connects and leaves again.
func (r Replica) Login(ctx context.Context) error {
	c, err := r.target.connect(ctx, r.program())
	if err == nil {
		err = c.Close()
	}
	return err
}

// Server is what the server says of itself.
type Server = server

// Ask asks the server about itself.
func (r Replica) Ask(ctx context.Context) (Server, error) {
	s := side{target: r.target, program: r.program()}
	defer func() { _ = s.close() }()
	return readServer(ctx, &s)
}

// A URL is what a source URL says.
type URL struct{ Product, Network, Address, User, Password, Database, TLS string }

// ParseURL reads a source URL.
func ParseURL(text string) (URL, error) {
	t, err := parseURL(text)
	if err != nil {
		return URL{}, err
	}
	product := MySQL
	if t.mariadb {
		product = MariaDB
	}
	return URL{product, t.network, t.address, t.user, t.password, t.database, t.tls.mode}, nil
}

// ClassifyServer gives an error of the server its class.
func ClassifyServer(code uint16, message string) error {
	return classify("read the log", readError(append([]byte{0xff, byte(code), byte(code >> 8)}, "#HY000"+message...)))
}

// Unlocked returns the replica as one that takes no lock of its server_id.
func (r Replica) Unlocked() Replica {
	c := *r.dumper
	c.lock = ""
	return Replica{&c}
}

// Record writes what the wire reads to dst too.
func (w Wire) Record(dst io.Writer) { w.conn = recorded{w.conn, dst} }

type recorded struct {
	net.Conn
	dst io.Writer
}

// Read implements net.Conn.
func (r recorded) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	_, _ = r.dst.Write(p[:n])
	return n, err
}
