package binlog_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// An entry is one event of a file: whole is its bytes in the file, body what
// stands between header and checksum.
type entry struct {
	header binlog.Header
	whole  []byte
	body   []byte
}

// A logFile is a binlog file, whose format description comes first.
type logFile struct {
	name    string
	format  binlog.Format
	entries []entry
}

const fileMagic = "\xfebin"

// readLog cuts a file into events and checks all that holds for each of them.
func readLog(t testing.TB, name string, file []byte) logFile {
	t.Helper()
	rest, ok := bytes.CutPrefix(file, []byte(fileMagic))
	if !ok {
		t.Fatalf("%s is no binlog", name)
	}
	log := logFile{name: name}
	for len(rest) > 0 {
		h, err := binlog.ParseHeader(rest)
		if err != nil || int(h.Size) > len(rest) {
			t.Fatalf("%s, %d bytes before the end: %+v, %v", name, len(rest), h, err)
		}
		e := entry{header: h, whole: rest[:h.Size], body: rest[binlog.HeaderLen:h.Size]}
		rest = rest[h.Size:]
		if at := len(file) - len(rest); int(h.NextPos) != at && (h.NextPos != 0 || !log.format.MariaDB) {
			t.Errorf("%s: %s ends at %d, and says %d", name, h.Type, at, h.NextPos)
		}
		if h.Type == binlog.FormatDescription {
			if log.format, err = binlog.ParseFormat(e.body); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		} else if log.format.Checksum {
			end := len(e.whole) - 4
			if got, want := crc32.ChecksumIEEE(e.whole[:end]), binary.LittleEndian.Uint32(e.whole[end:]); got != want {
				t.Errorf("%s: %s has checksum %x, and says %x", name, h.Type, got, want)
			}
			e.body = e.body[:len(e.body)-4]
		}
		log.entries = append(log.entries, e)
	}
	return log
}

// recorded returns the files that servers wrote, which are in testdata.
func recorded(t testing.TB) []logFile {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.binlog")
	if err != nil || len(paths) == 0 {
		t.Fatalf("find the recorded files: %d, %v", len(paths), err)
	}
	var logs []logFile
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, readLog(t, strings.TrimSuffix(filepath.Base(path), ".binlog"), file))
	}
	return logs
}
