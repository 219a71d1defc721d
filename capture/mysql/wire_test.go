package mysql_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A replay is a connection that brings given bytes, in pieces, and then ends.
type replay struct {
	net.Conn
	rest  io.Reader
	piece func() int
}

func (r *replay) Read(p []byte) (int, error) {
	return r.rest.Read(p[:min(len(p), max(1, r.piece()))])
}

func (r *replay) SetReadDeadline(time.Time) error { return nil }

func replayed(b []byte, max int, piece func() int) mysql.Wire {
	return mysql.NewWire(&replay{rest: bytes.NewReader(b), piece: piece}, max, time.Minute)
}

// everything returns the frames of a wire, and what ended it.
func everything(t *testing.T, w mysql.Wire) (all []mysql.Frame, err error) {
	t.Helper()
	for {
		f, err := nextFrame(t.Context(), w)
		if err != nil {
			return all, err
		}
		all = append(all, f)
	}
}

func sameFrame(a, b mysql.Frame) bool {
	return a.Header == b.Header && a.CRC == b.CRC && bytes.Equal(a.Body, b.Body)
}

// record returns what a server says in answer to a dump of its whole log.
func record(t *testing.T, product local.Product) []byte {
	t.Helper()
	d := pool.Server(t, product, nil).Database(t)
	d.Exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))", "INSERT INTO t VALUES (1, 'a')", "UPDATE t SET v = 'b'", "FLUSH BINARY LOGS", "DELETE FROM t")
	files, want := listed(t, d)
	var all bytes.Buffer
	w := dumpFrom(t, replicaOf(t, d.Server.URL("")), "file:"+files[0]+":4")
	w.Record(&all)
	untilEvents(t, w, len(want))
	return all.Bytes()
}

func TestDamageOnTheWayIsNeverHandedOn(t *testing.T) {
	for _, product := range []local.Product{local.MySQL97, local.MariaDB114} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			said := record(t, product)
			whole := func() int { return len(said) }
			replayed := func(b []byte) mysql.Wire {
				return mysql.NewSmallWire(&replay{rest: bytes.NewReader(b), piece: whole}, 1<<20)
			}
			want, err := everything(t, replayed(said))
			if err == nil || len(want) < 20 {
				t.Fatalf("got %d events, %v", len(want), err)
			}
			check := func(what string, at int, b []byte) {
				got, err := everything(t, replayed(b))
				if len(got) > len(want) || !slices.EqualFunc(got, want[:len(got)], sameFrame) {
					t.Errorf("%s at byte %d: an event was handed on that the server did not send", what, at)
				}
				if !failure.Retryable(err) {
					t.Errorf("%s at byte %d: got %v, want a Retry", what, at, err)
				}
				if what == "a flipped bit" && len(got) == len(want) {
					t.Errorf("%s at byte %d was not noticed", what, at)
				}
			}
			for i := range said {
				check("a cut", i, said[:i])
				flipped := bytes.Clone(said)
				flipped[i] ^= 1 << (i % 8)
				check("a flipped bit", i, flipped)
			}
		})
	}
}

func TestABitFlippedOnTheWayIsARetry(t *testing.T) {
	onEach(t, nil, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		d.Exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))")
		file, offset := logEnd(t, d)
		const value = "a value that stands out"
		d.Exec(t, "INSERT INTO t VALUES (1, '"+value+"')")
		middle := relayTo(t, d.Server.HostPort(), func(b []byte, _ int64) ([]byte, error) {
			if i := bytes.LastIndex(b, []byte(value)); i >= 0 {
				b[i+3] ^= 0x10
			}
			return b, nil
		})
		r := replicaOf(t, d.Server.URL(""))
		r.Via(middle.Addr().String())
		w := dumpFrom(t, r, "file:"+file+":"+offset)
		for {
			f, err := nextFrame(within(t), w)
			if err != nil {
				wantRetry(t, err, "checksum")
				return
			}
			if _, ok := f.Header.Type.RowsOp(); ok {
				t.Fatal("the damaged event was handed on")
			}
		}
	})
}

func TestAConnectionCutOnTheWayIsARetry(t *testing.T) {
	d := pool.Server(t, local.MySQL97, nil).Database(t)
	d.Exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9000))")
	file, offset := logEnd(t, d)
	d.Exec(t, "INSERT INTO t VALUES (1, REPEAT('x', 9000))", "UPDATE t SET v = 'y'")
	r := replicaOf(t, d.Server.URL(""))
	through := relayTo(t, d.Server.HostPort(), func(b []byte, _ int64) ([]byte, error) { return b, nil })
	r.Via(through.Addr().String())
	want := untilType(t, dumpFrom(t, r, "file:"+file+":"+offset), binlog.XID, 2)
	total := through.taken.Load()
	for i := range int64(20) {
		cut := total * i / 20
		middle := relayTo(t, d.Server.HostPort(), func(b []byte, at int64) ([]byte, error) {
			if at+int64(len(b)) > cut {
				return b[:max(0, cut-at)], errCut
			}
			return b, nil
		})
		r := replicaOf(t, d.Server.URL(""))
		r.Via(middle.Addr().String())
		w, err := r.Dump(within(t), event.Position("file:"+file+":"+offset))
		var got []mysql.Frame
		for err == nil {
			var f mysql.Frame
			if f, err = nextFrame(within(t), w); err == nil && !mysql.Artificial(f.Header) {
				got = append(got, f)
			}
		}
		if !failure.Retryable(err) {
			t.Errorf("cut at %d: got %v, want a Retry", cut, err)
		}
		if len(got) > len(want) || !slices.EqualFunc(got, want[:len(got)], sameFrame) {
			t.Errorf("cut at %d: an event was handed on that the server did not send", cut)
		}
	}
}

// packets is how a server sends an event, numbered from number on.
func packets(eventType binlog.EventType, body []byte, number *byte) []byte {
	b := make([]byte, 19, 19+len(body)+4)
	b[4] = byte(eventType)
	binary.LittleEndian.PutUint32(b[9:], uint32(19+len(body)+4))
	b = append(b, body...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	rest := append([]byte{0}, b...)
	var all []byte
	for {
		n := min(len(rest), 1<<24-1)
		all = append(all, byte(n), byte(n>>8), byte(n>>16), *number)
		all = append(all, rest[:n]...)
		*number++
		rest = rest[n:]
		if n < 1<<24-1 {
			return all
		}
	}
}

func TestAnEventAcrossPacketsIsOne(t *testing.T) {
	const most = 1<<24 - 1
	for _, c := range []struct {
		name string
		size int // of the event
	}{
		{"fits one packet", most - 2},
		{"fills one packet, so that an empty one follows", most - 1},
		{"is one byte longer than a packet", most},
		{"fills two packets", 2*most - 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := bytes.Repeat([]byte("0123456789abcde"), c.size/15+1)[:c.size-23]
			number := byte(1)
			said := packets(binlog.RowsQuery, body, &number)
			said = append(said, packets(binlog.XID, []byte("12345678"), &number)...)
			piece := func() int { return 1 << 20 }

			w := replayed(said, 40<<20, piece)
			got, err := everything(t, w)
			if len(got) != 2 || got[0].Large || !bytes.Equal(got[0].Body, body) || string(got[1].Body) != "12345678" {
				t.Errorf("whole: got %d events, %v", len(got), err)
			}
			if w.Held() > 41<<20 {
				t.Errorf("whole: %d bytes are held", w.Held())
			}

			for _, spool := range []bool{false, true} {
				w := replayed(said, 1000, piece)
				f, err := nextFrame(t.Context(), w)
				if err != nil || !f.Large || len(f.Body) < 512 || !bytes.HasPrefix(body, f.Body) {
					t.Fatalf("got %d bytes of a large event (%t), %v", len(f.Body), f.Large, err)
				}
				var spooled bytes.Buffer
				if spool {
					w.Spool(&spooled)
					f, err := nextFrame(t.Context(), w)
					if err != nil || !f.Spooled || f.CRC != got[0].CRC || !bytes.Equal(spooled.Bytes(), body) {
						t.Errorf("spooled %d bytes: got %+v, %v", spooled.Len(), f.Header, err)
					}
				} else {
					w.Discard()
				}
				if f, err = nextFrame(t.Context(), w); err != nil || f.Header.Type != binlog.XID {
					t.Errorf("behind it: got %s, %v", f.Header.Type, err)
				}
				if w.Held() > 1<<20+1000 {
					t.Errorf("%d bytes are held", w.Held())
				}
			}

			said[len(body)/2] ^= 1
			w = replayed(said, 1000, piece)
			if f, err := nextFrame(t.Context(), w); err != nil || !f.Large {
				t.Fatalf("got %+v, %v", f.Header, err)
			}
			w.Spool(io.Discard)
			_, err = nextFrame(t.Context(), w)
			wantRetry(t, err, "checksum")
		})
	}
}

func TestADiskThatIsFullEndsASpool(t *testing.T) {
	number := byte(1)
	w := replayed(packets(binlog.RowsQuery, make([]byte, 5000), &number), 1000, func() int { return 700 })
	if f, err := nextFrame(t.Context(), w); err != nil || !f.Large {
		t.Fatalf("got %+v, %v", f.Header, err)
	}
	w.Spool(full{})
	_, err := nextFrame(t.Context(), w)
	wantRetry(t, err, "no space")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestALargeRowIsRead(t *testing.T) {
	onEach(t, map[string]string{"max-allowed-packet": "256M"}, func(t *testing.T, server *servers.MySQLServer, d *servers.MySQLDatabase) {
		d.Exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)")
		file, offset := logEnd(t, d)
		const twenty, forty = 20 << 20, 40 << 20
		d.Exec(t, "INSERT INTO t VALUES (1, REPEAT('0123456789', 2097152))", "INSERT INTO t VALUES (2, REPEAT('0123456789', 4194304))", "INSERT INTO t VALUES (3, 'c')")
		values := strings.Repeat("0123456789", forty/10)
		for _, spool := range []bool{false, true} {
			r := replicaOf(t, d.Server.URL(""))
			w := dumpFrom(t, r, "file:"+file+":"+offset)
			var rows [][]byte
			for len(rows) < 3 {
				f, err := nextFrame(within(t), w)
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := f.Header.Type.RowsOp(); !ok {
					continue
				}
				if !f.Large {
					rows = append(rows, f.Body)
					continue
				}
				var spooled bytes.Buffer
				if !spool {
					w.Discard()
					rows = append(rows, nil)
					continue
				}
				w.Spool(&spooled)
				if f, err = nextFrame(within(t), w); err != nil || !f.Spooled {
					t.Fatalf("got %+v, %v", f.Header, err)
				}
				rows = append(rows, spooled.Bytes())
			}
			if !bytes.Contains(rows[0], []byte(values[:twenty])) || len(rows[0]) > twenty+100 {
				t.Error("the row of 20 MiB is another one")
			}
			if spool && (!bytes.Contains(rows[1], []byte(values)) || len(rows[1]) > forty+100) {
				t.Error("the row of 40 MiB is another one")
			}
			if w.Held() > 33<<20 {
				t.Errorf("%d bytes are held", w.Held())
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestWhatTheServerEndsTheLogWith(t *testing.T) {
	for _, c := range []struct{ name, packet, want string }{
		{"an end", "\xfe\x00\x00\x02\x00", "ended the log"},
		{"an error that time mends", "\xff\x1d\x04#08S01Server shutdown in progress", "shutdown"},
		{"an error cut short", "\xff\x1d", "kind 255"},
		{"another answer", "\x07hello", "kind 7"},
		{"nothing", "", "an empty packet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := append([]byte{byte(len(c.packet)), 0, 0, 1}, c.packet...)
			if len(c.packet) == 0 {
				b = append(b, 0)
			}
			_, err := everything(t, replayed(b, 1000, func() int { return 1 }))
			wantRetry(t, err, c.want)
		})
	}
}
