package postgres_test

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"

	"github.com/tailrace/tailrace/capture/postgres"
)

// FuzzMessages holds the parser of every message of pgoutput that is no row
// against pglogrepl's.
func FuzzMessages(f *testing.F) {
	f.Fuzz(func(t *testing.T, message []byte, cut uint16) {
		if len(message) == 0 {
			return
		}
		got, err := postgres.ParseMessage(message)
		if !saneTimes(message) {
			return
		}
		if m, ok := got.(*pglogrepl.TruncateMessage); ok && m.RelationNum == 0 {
			return // of no table, which pglogrepl refuses
		}
		want, ok := oracle(message, err == nil)
		if err != nil {
			if ok {
				t.Fatalf("%q is refused: %v; pglogrepl reads %+v", message, err, want)
			}
			return
		}
		if !ok {
			t.Fatalf("%q is read as %+v; pglogrepl refuses it", message, got)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as %+v; pglogrepl reads %+v", message, got, want)
		}
		shorter := message[:1+int(cut)%len(message)]
		if less, err := postgres.ParseMessage(shorter); err == nil && !reflect.DeepEqual(less, got) {
			t.Fatalf("%q is read as %+v, without its end %q as %+v", message, got, shorter, less)
		}
	})
}

// FuzzKeepalives is FuzzMessages for the message beside those of pgoutput.
func FuzzKeepalives(f *testing.F) {
	valid := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 0x16B3748), 848_000_000_000_000)
	f.Add(append(valid, 1))
	f.Add(append(valid, 0))
	f.Add(valid)
	f.Fuzz(func(t *testing.T, message []byte) {
		got, err := postgres.ParseKeepalive(message)
		want, wantErr := pglogrepl.ParsePrimaryKeepaliveMessage(message)
		if len(message) > 17 || len(message) == 17 && (message[16] > 1 || !saneTime(message[8:])) {
			return // pglogrepl wants the exact length, and takes other bytes than 1 for true
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v; pglogrepl says %v", message, err, wantErr)
		}
		want.ServerTime = inMillis(want.ServerTime)
		if err == nil && got != want {
			t.Errorf("%q is read as %+v; pglogrepl reads %+v", message, got, want)
		}
	})
}

// oracle returns what pglogrepl reads, as far as a stream keeps it, and false if
// it refuses the message or panics. What pglogrepl makes room for, whatever the
// message's length, is asked only if the message is known to be bounded.
func oracle(message []byte, bounded bool) (m pglogrepl.Message, ok bool) {
	switch pglogrepl.MessageType(message[0]) {
	case pglogrepl.MessageTypeTruncate:
		if !bounded {
			return nil, false
		}
	case pglogrepl.MessageTypeBegin, pglogrepl.MessageTypeCommit, pglogrepl.MessageTypeRelation, pglogrepl.MessageTypeType:
	default:
		return nil, false // none that the test is about
	}
	defer func() {
		if recover() != nil {
			m, ok = nil, false
		}
	}()
	m, err := pglogrepl.Parse(bytes.Clone(message))
	if err != nil {
		return nil, false
	}
	switch m := m.(type) {
	case *pglogrepl.BeginMessage:
		m.CommitTime = inMillis(m.CommitTime)
	case *pglogrepl.CommitMessage:
		m.CommitTime, m.Flags = time.Time{}, 0
	case *pglogrepl.RelationMessage:
		if m.Namespace == "" {
			m.Namespace = "pg_catalog"
		}
		for _, c := range m.Columns {
			c.Flags &= 1
		}
	case *pglogrepl.TruncateMessage:
		m.Option = 0
	}
	return m, true
}

// saneTimes reports whether pglogrepl's arithmetic holds for the timestamp of a
// message, if it has one.
func saneTimes(message []byte) bool {
	switch pglogrepl.MessageType(message[0]) {
	case pglogrepl.MessageTypeBegin:
		return len(message) < 17 || saneTime(message[9:])
	case pglogrepl.MessageTypeCommit:
		return len(message) < 26 || saneTime(message[18:])
	}
	return true
}

func saneTime(b []byte) bool {
	const limit = 1 << 52 // more than a century
	micros := int64(binary.BigEndian.Uint64(b))
	return micros > 0 && micros < limit
}

func inMillis(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()) }
