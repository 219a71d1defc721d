package verify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/verify"
)

func TestAGoodStreamIsGood(t *testing.T) {
	want := verify.Report{Events: 9, Transactions: 4, Rows: 4}
	again := want
	again.Again, again.Runs = 4, 1
	for _, c := range []struct {
		name, packing string
		make          func(s *stream)
		want          verify.Report
	}{
		{"with lines in a record", verify.PackedLines, func(*stream) {}, want},
		{"with one event in a record", verify.PackedNone, func(*stream) {}, want},
		{"as the Kinesis Producer Library packs it", verify.PackedKPL, func(*stream) {}, want},
		{"with a record whose answer was lost", verify.PackedKPL, func(s *stream) {
			s.runs = 1
			s.again(0, 1)
		}, again},
		{"with fences that hold", verify.PackedLines, func(s *stream) {
			s.fences = []verify.Fence{{Below: below(0x3000), Sizes: at(1500 * time.Millisecond)}}
		}, want},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := goodStream(t, c.packing)
			c.make(s)
			got, err := s.verify(t)
			if err != nil {
				t.Fatal(err)
			}
			if got.Bytes = 0; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// at is the size of a stream at a time after its beginning.
func at(after time.Duration) map[string]int64 {
	return map[string]int64{"stream.tsv": began.Add(after).UnixMilli()}
}

func TestEveryBrokenPromiseOfAStreamIsFound(t *testing.T) {
	for _, c := range []struct {
		name, packing string
		wreck         func(s *stream)
		want          string
	}{
		{"a record is lost", verify.PackedLines, func(s *stream) { s.records = s.records[1:] }, "next of writer 0 is line 1"},
		{"the last record of a key is lost", verify.PackedLines, func(s *stream) {
			s.records = append(s.records[:2], s.records[3:]...)
		}, "lost: what writer 0 committed from line 3"},
		{"two records of a lane are swapped", verify.PackedLines, func(s *stream) {
			s.records[0], s.records[2] = s.records[2], s.records[0]
		}, "arrives first after a higher one"},
		{"events of two tables in a lane are swapped", verify.PackedNone, func(s *stream) {
			s.records[1], s.records[2] = s.records[2], s.records[1]
		}, "arrives first after a higher one"},
		{"a record comes again that is not the newest of its lane", verify.PackedNone, func(s *stream) {
			s.runs = 1
			s.again(0, 2)
		}, "something new comes after a re-sent line"},
		{"a record comes again, and no answer was lost", verify.PackedLines, func(s *stream) { s.again(0, 1) }, "sent again, in run 1, with at most 0"},
		{"a record comes again with other bytes", verify.PackedNone, func(s *stream) {
			s.runs = 1
			s.again(0, 1)
			s.records[1].Data = []byte(strings.Replace(string(s.records[1].Data), `"before":null`, `"before":null `, 1))
		}, "with other bytes"},
		{"a key is in two lanes", verify.PackedLines, func(s *stream) {
			s.records[2].PartitionKey = "4"
		}, "what shares a partition by key was in partition 3 before"},
		{"a truncate is not in all lanes", verify.PackedLines, func(s *stream) { s.records = s.records[:len(s.records)-1] }, "a truncate is in 1023 partitions of 1024"},
		{"the checkpoint covered what had not arrived", verify.PackedLines, func(s *stream) {
			s.fences = []verify.Fence{{Below: below(0x3001), Sizes: at(1500 * time.Millisecond)}}
		}, "said to be published"},
		{"an event is of a table that nobody knows", verify.PackedNone, func(s *stream) {
			s.records[0].Data = []byte(strings.Replace(string(s.records[0].Data), `"table":"stock"`, `"table":"stocks"`, 1))
		}, "it is of no table of the workload"},
		{"a record's partition key is no lane", verify.PackedLines, func(s *stream) { s.records[0].PartitionKey = "1024" }, "not the number of a lane"},
		{"a record's last event has no line break", verify.PackedLines, func(s *stream) {
			s.records[0].Data = s.records[0].Data[:len(s.records[0].Data)-1]
		}, "no line break"},
		{"a record that was not to be packed holds two events", verify.PackedNone, func(s *stream) {
			s.records[0].Data = append(s.records[0].Data, s.records[1].Data...)
		}, "2 events are in one record"},
		{"a bit of an aggregate is flipped", verify.PackedKPL, func(s *stream) { s.records[0].Data[99] ^= 1 }, "not the checksum"},
		{"an aggregate is cut off", verify.PackedKPL, func(s *stream) { s.records[0].Data = s.records[0].Data[:9] }, "no room for its checksum"},
		{"an aggregate is of another lane", verify.PackedKPL, func(s *stream) {
			s.records[0].Data = []byte(aggregate("3", pointOf(4), "{}", "{}"))
		}, "the key of another lane"},
		{"a lone event is aggregated", verify.PackedKPL, func(s *stream) {
			s.records[0].Data = []byte(aggregate("3", pointOf(3), "{}"))
		}, "1 events are aggregated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := goodStream(t, c.packing)
			c.wreck(s)
			_, err := s.verify(t)
			var v *verify.Violation
			if !errors.As(err, &v) {
				t.Fatalf("got %v, want a violation", err)
			}
			if v.File != "stream.tsv" || !strings.Contains(v.What, c.want) {
				t.Errorf("got %v, want one in stream.tsv with %q", v, c.want)
			}
		})
	}
}
