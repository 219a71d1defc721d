package binlog_test

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// TestRecordedXIDsAreEqual follows the XA transactions of a log: their XID is
// written in statements, in the events that prepare them, and in MariaDB's GTIDs.
func TestRecordedXIDsAreEqual(t *testing.T) {
	const committed, rolledBack, onePhase = "X'6762',X'6272616e6368',7", "X'6261636b',X'',1", "X'6f6e65',X'',1"
	for _, log := range recorded(t) {
		t.Run(log.name, func(t *testing.T) {
			var got []string
			for _, e := range log.entries {
				switch e.header.Type {
				case binlog.XAPrepare:
					one, xid, err := binlog.ParseXAPrepare(e.body)
					if err != nil || one != (xid == onePhase) {
						t.Errorf("%s is prepared in one phase: %v, %v", xid, one, err)
					}
					got = append(got, "prepared "+xid)
				case binlog.Query:
					q, err := binlog.ParseQuery(e.body)
					if err != nil {
						t.Fatal(err)
					}
					if verb, xid, _, ok := binlog.XIDOfQuery(q.Text); ok {
						got = append(got, verb+" "+xid)
					} else if strings.HasPrefix(string(q.Text), "XA") {
						t.Errorf("%s is not read", q.Text)
					}
				case binlog.MariaGTID:
					g, err := binlog.ParseMariaGTID(e.body)
					if err != nil {
						t.Fatal(err)
					}
					if g.Flags&binlog.PreparedXA != 0 {
						got = append(got, "START "+g.XID)
					}
					if g.Flags&binlog.CompletedXA != 0 {
						got = append(got, "completes "+g.XID)
					}
				}
			}
			want := []string{"START " + committed, "END " + committed, "prepared " + committed}
			if log.format.MariaDB {
				want = append(want, "completes "+committed)
			}
			want = append(want, "COMMIT "+committed)
			if !log.format.MariaDB { // MariaDB writes a commit in one phase as any transaction
				want = append(want, "START "+onePhase, "END "+onePhase, "prepared "+onePhase)
			}
			want = append(want, "START "+rolledBack, "END "+rolledBack, "prepared "+rolledBack)
			if log.format.MariaDB {
				want = append(want, "completes "+rolledBack)
			}
			want = append(want, "ROLLBACK "+rolledBack)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%q, want\n%q", got, want)
			}
		})
	}
}

func TestRecordedGTIDsAreOfOneServer(t *testing.T) {
	for _, log := range recorded(t) {
		t.Run(log.name, func(t *testing.T) {
			if log.format.MariaDB {
				last := uint64(0)
				for _, e := range log.entries {
					if e.header.Type == binlog.MariaGTID {
						g, err := binlog.ParseMariaGTID(e.body)
						if err != nil || g.Domain != 0 || last != 0 && g.Sequence != last+1 {
							t.Errorf("after %d: %+v, %v", last, g, err)
						}
						last = g.Sequence
					}
				}
				return
			}
			tags := map[string]uint64{} // the last number of each
			for _, e := range log.entries {
				if e.header.Type != binlog.GTID && e.header.Type != binlog.GTIDTagged {
					continue
				}
				g, err := binlog.ParseGTID(e.header, e.body)
				tag := string(g.Tag)
				if last := tags[tag]; err != nil || last != 0 && g.Number != last+1 {
					t.Errorf("after %d: %+v, %v", last, g, err)
				}
				if behind := int64(g.OriginalMicros/1e6) - int64(e.header.Timestamp); behind < -1 || behind > 60 {
					t.Errorf("committed %d seconds behind its header", behind)
				}
				tags[tag] = g.Number
			}
			if len(tags) != 2 || tags["night_batch"] != 1 {
				t.Errorf("got the tags %v", tags)
			}
		})
	}
}

func TestRecordedDDLNamesItsDatabases(t *testing.T) {
	for _, log := range recorded(t) {
		for _, e := range log.entries {
			if e.header.Type != binlog.Query {
				continue
			}
			q, err := binlog.ParseQuery(e.body)
			if err != nil {
				t.Fatal(err)
			}
			names, said, err := q.Updated()
			want := q.Database
			if strings.HasSuffix(string(q.Text), "DATABASE other") {
				want = []byte("other")
			}
			if strings.HasPrefix(string(q.Text), "CREATE") || strings.HasPrefix(string(q.Text), "DROP") {
				if err != nil || said == log.format.MariaDB || said && (len(names) != 1 || !bytes.Equal(names[0], want)) {
					t.Errorf("%s: %q changed %q, %v, %v", log.name, q.Text, names, said, err)
				}
			}
		}
	}
}

// TestARecordedPayloadIsWhole holds a payload against what go-mysql unpacks.
func TestARecordedPayloadIsWhole(t *testing.T) {
	log := formats(t)[0]
	payloads := 0
	for _, e := range log.entries {
		if e.header.Type != binlog.TransactionPayload {
			continue
		}
		payloads++
		p, err := binlog.ParsePayload(e.body)
		event, ok := newOracle(t, log.entries[0]).read(e.header, e.body)
		if err != nil || !ok {
			t.Fatalf("%+v, %v, go-mysql %v", p, err, ok)
		}
		want := event.(*replication.TransactionPayloadEvent)
		size := 0
		for _, inner := range want.Events {
			size += int(inner.Header.EventSize)
		}
		if !bytes.Equal(p.Data, want.Payload) || p.Size != want.Size || p.Compression != binlog.Zstd || p.Uncompressed != uint64(size) {
			t.Errorf("got %d of %d bytes %s for %d, want %d bytes for %d", len(p.Data), p.Size, hex.EncodeToString(e.body[:p.HeaderLen]), p.Uncompressed, want.Size, size)
		}
	}
	if payloads == 0 {
		t.Error("there is none")
	}
}
