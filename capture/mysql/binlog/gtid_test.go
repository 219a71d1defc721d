package binlog_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

const uuidHex = "3e11fa4771ca11e19e33c80aa9429562"

// unhex joins the bytes of pieces of hex.
func unhex(t testing.TB, pieces ...string) []byte {
	t.Helper()
	var b []byte
	for _, piece := range pieces {
		part, err := hex.DecodeString(piece)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, part...)
	}
	return b
}

func TestGTIDsOfEachServerVersionAreRead(t *testing.T) {
	const (
		number = "4d00000000000000"
		lamp   = "02" + "0100000000000000" + "0200000000000000"
		other  = "01000000000000"           // 1
		flag   = "01" + "0000000000" + "80" // 1, and the flag that another follows
	)
	for _, c := range []struct {
		name   string
		kind   binlog.EventType
		body   []byte
		origin string // UUID:tag
		number uint64
		micros uint64
	}{
		{"MySQL 5.6 ends behind the number", binlog.GTID, unhex(t, "01", uuidHex, number), uuidHex + ":", 77, 0},
		{"MySQL 5.7 has no commit times", binlog.GTID, unhex(t, "00", uuidHex, number, lamp), uuidHex + ":", 77, 0},
		{"one commit time is the original one", binlog.GTID, unhex(t, "00", uuidHex, number, lamp, other, "fc0102"), uuidHex + ":", 77, 1},
		{"the second of two commit times is the original one", binlog.GTID, unhex(t, "00", uuidHex, number, lamp, flag, "02000000000000", "50"), uuidHex + ":", 77, 2},
		{"an unknown original commit time is 0", binlog.GTID, unhex(t, "00", uuidHex, number, lamp, flag, "00000000000000", "50"), uuidHex + ":", 77, 0},
		{"an anonymous one has no number", binlog.AnonymousGTID, unhex(t, "00", "00000000000000000000000000000000", number, lamp, other), strings.Repeat("0", 32) + ":", 0, 1},
		{"a tagged one", binlog.GTIDTagged, taggedGTID([16]byte(unhex(t, uuidHex)), "night_batch", 77, 3, 2, 90700), uuidHex + ":night_batch", 77, 2},
		{"a tagged one whose commit time is the original one", binlog.GTIDTagged, taggedGTID([16]byte(unhex(t, uuidHex)), "t", 77, 3, 0, 90700), uuidHex + ":t", 77, 3},
		{"a tagged one with a field of a newer server", binlog.GTIDTagged, append(taggedGTID([16]byte(unhex(t, uuidHex)), "t", 77, 3, 0, 90700), 0x32, 0xff, 0xff), uuidHex + ":t", 77, 3},
		{"a tagged one with the largest integer", binlog.GTIDTagged, taggedGTID([16]byte(unhex(t, uuidHex)), "t", 77, math.MaxUint64, 0, 90700), uuidHex + ":t", 77, math.MaxUint64},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := binlog.ParseGTID(binlog.Header{Type: c.kind}, c.body)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%x:%s", g.UUID, g.Tag); got != c.origin || g.Number != c.number || g.OriginalMicros != c.micros {
				t.Errorf("got %s %d of %d, want %s %d of %d", got, g.Number, g.OriginalMicros, c.origin, c.number, c.micros)
			}
			if got, want := g.Anonymous, c.kind == binlog.AnonymousGTID; got != want {
				t.Errorf("anonymous: got %v, want %v", got, want)
			}
		})
	}
}

func TestGTIDsThatNoServerHasAreRefused(t *testing.T) {
	whole := taggedGTID([16]byte{1}, "t", 77, 3, 2, 90700)
	number := func(n uint64) []byte {
		return binary.LittleEndian.AppendUint64(make([]byte, 17), n)
	}
	for _, c := range []struct {
		name string
		kind binlog.EventType
		body []byte
	}{
		{"nothing", binlog.GTID, nil},
		{"half a number", binlog.GTID, number(1)[:20]},
		{"the number 0", binlog.GTID, number(0)},
		{"a number beyond the last", binlog.GTID, number(math.MaxInt64)},
		{"half of the logical timestamps", binlog.GTID, append(number(1), 2, 0, 0)},
		{"half a commit time", binlog.GTID, append(append(number(1), 2), make([]byte, 18)...)},
		{"a tagged one that is nothing", binlog.GTIDTagged, nil},
		{"a tagged one without a UUID", binlog.GTIDTagged, []byte{2, 0, 0}},
		{"a tagged one with the number 0", binlog.GTIDTagged, taggedGTID([16]byte{1}, "t", 0, 3, 2, 1)},
		{"a tagged one with a negative number", binlog.GTIDTagged, bytes.Replace(whole, varint([]byte{4}, 154), varint([]byte{4}, 155), 1)},
		{"a tagged one with a tag longer than any", binlog.GTIDTagged, taggedGTID([16]byte{1}, "a_tag_of_thirty_three_characters_", 1, 3, 2, 1)},
		{"a tagged one with fields in another order", binlog.GTIDTagged, append(bytes.Clone(whole), 0x0c, 0)},
		{"a tagged one with a field that must be known", binlog.GTIDTagged, append([]byte{2, 0, 2 * 14}, whole[3:]...)},
		{"a tagged one cut in its UUID", binlog.GTIDTagged, whole[:12]},
	} {
		t.Run(c.name, func(t *testing.T) {
			if g, err := binlog.ParseGTID(binlog.Header{Type: c.kind}, c.body); err == nil {
				t.Errorf("read as %+v", g)
			}
		})
	}
}

func TestGTIDsOfMariaDBAreRead(t *testing.T) {
	const start = "6400000000000000" + "05000000"
	for _, c := range []struct {
		name string
		body []byte
		want binlog.MariaGTIDEvent
	}{
		{"a transaction", unhex(t, start, "0c", "000000000000"), binlog.MariaGTIDEvent{Domain: 5, Sequence: 100, Flags: 12}},
		{"a DDL", unhex(t, start, "21"), binlog.MariaGTIDEvent{Domain: 5, Sequence: 100, Flags: binlog.Standalone | binlog.DDL}},
		{"one of a group commit", unhex(t, start, "02", "0700000000000000"), binlog.MariaGTIDEvent{Domain: 5, Sequence: 100, Flags: 2}},
		{
			"a prepared XA transaction of a group commit",
			unhex(t, start, "42", "0700000000000000", "07000000", "02", "01", "676262", "00"),
			binlog.MariaGTIDEvent{Domain: 5, Sequence: 100, Flags: binlog.PreparedXA | 2, XID: "X'6762',X'62',7"},
		},
		{
			"a completed XA transaction",
			unhex(t, start, "84", "01000000", "01", "00", "67"),
			binlog.MariaGTIDEvent{Domain: 5, Sequence: 100, Flags: binlog.CompletedXA | binlog.Transactional, XID: "X'67',X'',1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := binlog.ParseMariaGTID(c.body); err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"nothing", nil},
		{"no flags", unhex(t, start)},
		{"half a commit id", unhex(t, start, "02", "0700")},
		{"an XID that is longer than the event", unhex(t, start, "40", "01000000", "02", "02", "676262")},
		{"an XID that is longer than any", unhex(t, start, "40", "01000000", "41", "00", string(bytes.Repeat([]byte("00"), 65)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := binlog.ParseMariaGTID(c.body); err == nil {
				t.Errorf("read as %+v", got)
			}
		})
	}
}
