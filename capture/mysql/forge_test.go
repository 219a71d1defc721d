package mysql_test

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"net"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
)

// A forge writes what a server would send, and what none would. It is the
// connection that a stream reads.
type forge struct {
	net.Conn
	sent     []byte
	sequence byte
	pos      uint64 // where the last event ends in its file
	mute     bool   // events don't say where they end, as MariaDB's in a transaction
	flags    uint16
	number   uint64 // of the last GTID
	mariaDB  bool
	trace    *recording // of the events, if it is wanted
}

// newForge begins a file at a place.
func newForge(file string, pos uint64, mariaDB bool) *forge {
	f := &forge{pos: pos, mariaDB: mariaDB}
	f.rotate(file, pos)
	if pos > 4 {
		f.artificial(f.format)
	} else {
		f.format()
	}
	return f
}

func (f *forge) Read(b []byte) (int, error) {
	if len(f.sent) == 0 {
		return 0, io.EOF
	}
	n := copy(b, f.sent)
	f.sent = f.sent[n:]
	return n, nil
}

func (f *forge) SetReadDeadline(time.Time) error { return nil }

func (f *forge) Close() error { return nil }

// event sends an event, and moves the place behind it.
func (f *forge) event(kind binlog.EventType, body ...byte) {
	if f.trace != nil {
		f.trace.add(kind, body...)
	}
	size := binlog.HeaderLen + len(body)
	if kind != binlog.FormatDescription {
		size += 4
	}
	next := uint32(0)
	if f.flags&binlog.FlagArtificial == 0 {
		f.pos += uint64(size)
		if next = uint32(f.pos); f.mute {
			next = 0
		}
	}
	b := binary.LittleEndian.AppendUint32(nil, 1_795_255_200)
	b = append(b, byte(kind))
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, next)
	b = binary.LittleEndian.AppendUint16(b, f.flags)
	b = append(b, body...)
	if kind == binlog.FormatDescription {
		b = b[:len(b)-4]
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	f.sequence++
	f.sent = append(f.sent, byte(len(b)+1), byte((len(b)+1)>>8), byte((len(b)+1)>>16), f.sequence, 0)
	f.sent = append(f.sent, b...)
}

// artificial sends events of the connection.
func (f *forge) artificial(send func()) {
	f.flags = binlog.FlagArtificial
	send()
	f.flags = 0
}

// rotate goes to a file.
func (f *forge) rotate(file string, pos uint64) {
	f.artificial(func() { f.event(binlog.Rotate, append(binary.LittleEndian.AppendUint64(nil, pos), file...)...) })
	f.pos = pos
}

func (f *forge) format() {
	body := make([]byte, 2+50+4+1+42+1+4)
	body[0], body[56] = 4, binlog.HeaderLen
	copy(body[2:], map[bool]string{false: "9.7.0", true: "11.4.5-MariaDB"}[f.mariaDB])
	body[57+int(binlog.TableMapEvent)-1] = 8
	body[57+42] = 1
	f.event(binlog.FormatDescription, body...)
}

// begin opens a transaction.
func (f *forge) begin() {
	f.number++
	if f.mariaDB {
		f.event(binlog.MariaGTID, append(binary.LittleEndian.AppendUint64(nil, f.number), 0, 0, 0, 0, binlog.Transactional)...)
		return
	}
	body := append(make([]byte, 17), binary.LittleEndian.AppendUint64(nil, f.number)...)
	f.event(binlog.GTID, body...)
	f.query("BEGIN")
}

func (f *forge) query(text string) {
	body := make([]byte, 4+4+1+2+2)
	body[8] = byte(len("shop"))
	f.event(binlog.Query, append(append(body, "shop\x00"...), text...)...)
}

// tableMap describes shop.name (id INT PRIMARY KEY, note VARCHAR(100)).
func (f *forge) tableMap(id byte, name string) {
	body := []byte{id, 0, 0, 0, 0, 0, 1, 0, 4}
	body = append(body, "shop\x00"...)
	body = append(append(append(body, byte(len(name))), name...), 0)
	body = append(body, 2, 3, 15, 2, 0x90, 1, 2) // types, VARCHAR of 400 bytes, the second is nullable
	body = append(body, 1, 1, 0, 2, 1, 45, 4, 8, 2, 'i', 'd', 4, 'n', 'o', 't', 'e', 8, 1, 0)
	f.event(binlog.TableMapEvent, body...)
}

// rows sends inserted rows.
func (f *forge) rows(table byte, ids ...uint32) {
	f.event(binlog.WriteRows, rowsBody(table, ids...)...)
}

func rowsBody(table byte, ids ...uint32) []byte {
	body := []byte{table, 0, 0, 0, 0, 0, 1, 0, 2, 0, 2, 3}
	for _, id := range ids {
		body = binary.LittleEndian.AppendUint32(append(body, 0), id)
		body = append(body, 1, 0, 'n')
	}
	return body
}

func (f *forge) commit() { f.event(binlog.XID, make([]byte, 8)...) }

// transaction is one that inserts rows into shop.t.
func (f *forge) transaction(ids ...uint32) {
	f.begin()
	f.tableMap(7, "t")
	f.rows(7, ids...)
	f.commit()
}

// forgedID is that of the server that GTIDs of a forge come from.
const forgedID = "00000000-0000-0000-0000-000000000000"

// open reads a forged log.
func (f *forge) open(t testing.TB, from event.Position, known string) capture.Stream {
	t.Helper()
	stream, err := mysql.OpenLog(f, mysql.Config{
		Name: "test", URL: "mysql://root@127.0.0.1/", Tables: []string{"shop.*", "!shop.other"}, MaxRow: 1 << 20,
	}, f.mariaDB, from, []byte(known))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = stream.Close() })
	return stream
}

// read reads a forged log to its end: its events, the last position, and what
// ended it.
func (f *forge) read(t testing.TB, from event.Position, known string) (events []string, at event.Position, bound uint64, err error) {
	t.Helper()
	stream := f.open(t, from, known)
	enc := encode.NewNative("mysql", "test")
	for {
		var u event.Unit
		if err := stream.Next(t.Context(), &u); err != nil {
			return events, at, bound, err
		}
		for i := range u.Items {
			it := &u.Items[i]
			if it.Op == event.End {
				continue
			}
			c := &event.Change{Op: it.Op, Table: it.Table, Txn: &u.Txns[it.Txn]}
			c.Ver = event.Ver{Commit: c.Txn.Commit, Event: it.Event, Row: it.Row}
			err := u.Split.Split(&u, it, c, func(c *event.Change) error {
				value, err := enc.AppendValue(nil, c)
				events = append(events, string(value))
				return err
			})
			if err != nil {
				return events, at, bound, err
			}
		}
		if u.Position != "" {
			at, bound = u.Position, u.Bound
		}
	}
}
