package event_test

import (
	"math"
	"testing"

	"github.com/tailrace/tailrace/event"
)

func TestBinlogPlaces(t *testing.T) {
	for _, c := range []struct {
		name         string
		file, offset uint64
		want         uint64
		ok           bool
	}{
		{"a place", 3, 0x55c, 0x3000000055c, true},
		{"the millionth file", 1_000_000, 4, 1_000_000<<40 | 4, true},
		{"behind 4 GiB", 1, 1<<32 + 7, 1<<40 | 1<<32 | 7, true},
		{"the last place", 1<<24 - 1, 1<<40 - 1, math.MaxUint64, true},
		{"a file too many", 1 << 24, 4, 0, false},
		{"a file too large", 1, 1 << 40, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := event.BinlogPlace(c.file, c.offset)
			if ok != c.ok || ok && got != c.want {
				t.Fatalf("got %x, %v, want %x, %v", got, ok, c.want, c.ok)
			}
			if ok && event.BinlogOffset(got) != c.offset {
				t.Errorf("read back: offset %d, want %d", event.BinlogOffset(got), c.offset)
			}
		})
	}
}

func TestGTIDText(t *testing.T) {
	for _, c := range []struct {
		name string
		gtid event.GTID
		want string
	}{
		{"none", event.GTID{}, ""},
		{"MySQL", event.GTID{Prefix: "3e11fa47-71ca-11e1-9e33-c80aa9429562:", Number: 77}, "3e11fa47-71ca-11e1-9e33-c80aa9429562:77"},
		{"MariaDB", event.GTID{Prefix: "0-1-", Number: 100}, "0-1-100"},
	} {
		if got := string(c.gtid.Append(nil)); got != c.want || c.gtid.IsZero() != (c.want == "") {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
