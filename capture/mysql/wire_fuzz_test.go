package mysql_test

import (
	"bytes"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// FuzzWire gives the wire any bytes in any pieces: no panic, no more memory than
// promised, and the same events whatever the pieces.
func FuzzWire(f *testing.F) {
	number := byte(1)
	one := packets(binlog.XID, []byte("12345678"), &number)
	f.Add(one, []byte{3}, uint16(100))
	f.Add(append(one, packets(binlog.RowsQuery, make([]byte, 700), &number)...), []byte{200, 1}, uint16(600))
	f.Add([]byte("\x05\x00\x00\x01\xfe\x00\x00\x02\x00"), []byte{1}, uint16(0))
	f.Add([]byte("\xff\xff\xff\x01\x00aaaa\x04bbbb\xff\xff\xff\xffcccccc\x00\x00"), []byte{255}, uint16(9))
	f.Fuzz(func(t *testing.T, b, pieces []byte, most uint16) {
		if len(b) > 1<<14 || len(pieces) > 64 {
			return // nothing new, and slow
		}
		w := mysql.NewSmallWire(&replay{rest: bytes.NewReader(b), piece: func() int { return len(b) }}, int(most))
		room := max(w.Held(), int(most)+64)
		cut := 0
		v := mysql.NewSmallWire(&replay{rest: bytes.NewReader(b), piece: func() int {
			if len(pieces) == 0 {
				return 1
			}
			cut++
			return int(pieces[cut%len(pieces)])
		}}, int(most))
		for {
			x, err1 := nextFrame(t.Context(), w)
			y, err2 := nextFrame(t.Context(), v)
			if (err1 == nil) != (err2 == nil) || err1 != nil && err1.Error() != err2.Error() {
				t.Fatalf("at once: %v; in pieces: %v", err1, err2)
			}
			if w.Held() > room || v.Held() > room {
				t.Fatalf("%d and %d bytes are held", w.Held(), v.Held())
			}
			if err1 != nil {
				return
			}
			if x.Header != y.Header || x.Large != y.Large || x.Spooled != y.Spooled || !x.Large && !sameFrame(x, y) {
				t.Fatalf("at once: %+v; in pieces: %+v", x.Header, y.Header)
			}
			if x.Large && !x.Spooled {
				w.Discard()
				v.Discard()
			}
		}
	})
}
