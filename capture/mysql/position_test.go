package mysql_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

const uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562"

func TestPositionText(t *testing.T) {
	for _, c := range []struct {
		name string
		text event.Position
		want mysql.Position
	}{
		{
			"a set with its place and mark", "gtid:" + uuid + ":1-77@binlog.000003:1542~6b01a185.5ff.a1b2c3d4",
			mysql.Position{GTIDs: uuid + ":1-77", ByGTID: true, File: "binlog.000003", Offset: 1542, Created: 0x6b01a185, Start: 0x5ff, CRC: 0xa1b2c3d4},
		},
		{"a set alone, as a person writes it", "gtid:" + uuid + ":1-77", mysql.Position{GTIDs: uuid + ":1-77", ByGTID: true}},
		{"a set with tags", "gtid:" + uuid + ":1-77:x:1", mysql.Position{GTIDs: uuid + ":1-77:x:1", ByGTID: true}},
		{"the beginning of all", "gtid:", mysql.Position{ByGTID: true}},
		{"a list", "gtid:0-1-100,1-1-5", mysql.Position{GTIDs: "0-1-100,1-1-5", ByGTID: true}},
		{"a list with its place", "gtid:0-1-100@binlog.000003:4", mysql.Position{GTIDs: "0-1-100", ByGTID: true, File: "binlog.000003", Offset: 4}},
		{"a file", "file:binlog.000003:1542", mysql.Position{File: "binlog.000003", Offset: 1542}},
		{"a file with a mark", "file:binlog.000003:4~1.0.0", mysql.Position{File: "binlog.000003", Offset: 4, Created: 1}},
		{"a file, held back for a prepared transaction", "file:binlog.000003:1542~1.5ff.3!30000001000", mysql.Position{File: "binlog.000003", Offset: 1542, Created: 1, Start: 0x5ff, CRC: 3, Read: 0x30000001000}},
		{"an offset behind 4 GiB", "file:binlog.000003:5000000000", mysql.Position{File: "binlog.000003", Offset: 5_000_000_000}},
		{"a file's name with every odd character", "file:a%20b%3a%40%7e%25%c3%a9/x.1234567:4", mysql.Position{File: "a b:@~%é/x.1234567", Offset: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := mysql.ParsePosition(c.text)
			c.want.Canonical = c.text
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestPositionTextRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		text event.Position
	}{
		{"nothing", ""},
		{"another kind", "lsn:0/16B3748"},
		{"no offset", "file:binlog.000003"},
		{"an offset that is no number", "file:binlog.000003:x"},
		{"an offset before the first event", "file:binlog.000003:3"},
		{"an offset of more than 63 bits", "file:binlog.000003:9223372036854775808"},
		{"no file", "file::4"},
		{"a file without a number", "file:binlog:4"},
		{"a file with a space", "file:bin log.000003:4"},
		{"half an escape", "file:binlog%2.000003:4"},
		{"a mark of two numbers", "file:binlog.000003:1542~1.2"},
		{"a mark that is not hex", "file:binlog.000003:1542~1.2.x"},
		{"a place that was read to and is not hex", "file:binlog.000003:1542!x"},
		{"a mark behind the place", "file:binlog.000003:1542~1.606.3"},
		{"a set that is none", "gtid:" + uuid},
		{"a list that is none", "gtid:0-1"},
		{"a place without a file behind a set", "gtid:0-1-100@"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := mysql.ParsePosition(c.text)
			if failure.ExitCode(err) != failure.ExitStop {
				t.Errorf("got %+v, %v, want a Stop", got, err)
			}
		})
	}
}

func TestFileNumber(t *testing.T) {
	for _, c := range []struct {
		name, file, base string
		n                uint64
		ok               bool
	}{
		{"six digits", "binlog.000003", "binlog", 3, true},
		{"more digits", "binlog.1000000", "binlog", 1_000_000, true},
		{"dots in the base", "mysql-bin.a.000012", "mysql-bin.a", 12, true},
		{"a folder", "log/binlog.000003", "log/binlog", 3, true},
		{"no number", "binlog.index", "", 0, false},
		{"no base", ".000003", "", 0, false},
		{"no dot", "000003", "", 0, false},
		{"a sign", "binlog.+3", "", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			base, n, err := mysql.FileNumber(c.file)
			if base != c.base || n != c.n || (err == nil) != c.ok {
				t.Errorf("got %q, %d, %v; want %q, %d, error %t", base, n, err, c.base, c.n, !c.ok)
			}
		})
	}
}

func TestReached(t *testing.T) {
	src, err := mysql.New(mysql.Config{Name: "test", URL: "mysql://localhost/shop"})
	if err != nil {
		t.Fatalf("make the source: %v", err)
	}
	for _, c := range []struct {
		name       string
		at, target event.Position
		want       bool
	}{
		{"the same place in a file", "file:b.000003:1542", "file:b.000003:1542", true},
		{"a later place", "file:b.000003:1543", "file:b.000003:1542", true},
		{"an earlier place", "file:b.000003:1541", "file:b.000003:1542", false},
		{"a later file", "file:b.000010:4", "file:b.000009:1542", true},
		{"files of more digits", "file:b.1000000:4", "file:b.999999:1542", true},
		{"an earlier file", "file:b.000002:9999", "file:b.000003:4", false},
		{"a file of another name", "file:b.000003:1542", "file:a.000001:4", false},
		{"a file and a set with a place", "file:b.000003:1542", "gtid:" + uuid + ":1-7@b.000003:1542", true},
		{"a file and a set without a place", "file:b.000003:1542", "gtid:" + uuid + ":1-7", false},
		{"a set with everything", "gtid:" + uuid + ":1-8", "gtid:" + uuid + ":1-7", true},
		{"a set that lacks something", "gtid:" + uuid + ":1-6", "gtid:" + uuid + ":1-7", false},
		{"a place of which the set has a hole", "gtid:" + uuid + ":1-5:7@b.000003:1542", "gtid:" + uuid + ":1-7@b.000003:1542", true},
		{"everything, before events that end no transaction", "gtid:" + uuid + ":1-7@b.000002:900", "gtid:" + uuid + ":1-7@b.000003:197", true},
		{"a list with everything", "gtid:0-1-8,1-1-1", "gtid:0-1-7", true},
		{"a list that lacks something", "gtid:0-1-6", "gtid:0-1-7", false},
		{"the beginning", "gtid:", "gtid:", true},
		{"not from the beginning", "gtid:", "gtid:" + uuid + ":1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := src.Reached(c.at, c.target); got != c.want {
				t.Errorf("Reached(%s, %s) = %t, want %t", c.at, c.target, got, c.want)
			}
		})
	}
}
