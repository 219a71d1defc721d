package verify_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/verify"
)

func TestAGoodSinkIsGood(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(s *sink)
		want verify.Report
	}{
		{"after a run without a stop", func(*sink) {}, verify.Report{Events: 8, Transactions: 3, Marks: 2, Rows: 4}},
		{"with a suffix that was sent again", func(s *sink) {
			s.runs = 1
			s.events[stock] = append(s.events[stock], s.events[stock][2:]...)
		}, verify.Report{Events: 8, Again: 3, Runs: 1, Transactions: 3, Marks: 2, Rows: 4}},
		{"with a suffix that was sent again in the middle", func(s *sink) {
			s.runs = 1
			s.events[stock] = slices.Insert(slices.Clone(s.events[stock]), 3, s.events[stock][1:3]...)
		}, verify.Report{Events: 8, Again: 2, Runs: 1, Transactions: 3, Marks: 2, Rows: 4}},
		{"with a suffix whose sending was cut off and began anew", func(s *sink) {
			s.runs = 2
			all := s.events[stock]
			s.events[stock] = slices.Concat(all, all[1:3], all[2:])
		}, verify.Report{Events: 8, Again: 5, Runs: 2, Transactions: 3, Marks: 2, Rows: 4}},
		{"with fences that hold", func(s *sink) {
			size := int64(len(strings.Join(s.events[stock][:3], "\n")) + 1)
			s.fences = []verify.Fence{{Below: below(0x3000), Sizes: map[string]int64{stock: size, journal: 1 << 20, ends: 1 << 20}}}
		}, verify.Report{Events: 8, Transactions: 3, Marks: 2, Rows: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good(t)
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

func TestEveryBrokenPromiseIsFound(t *testing.T) {
	for _, c := range []struct {
		name       string
		wreck      func(s *sink)
		file, want string
	}{
		{"the last event is lost", func(s *sink) { s.drop(stock, 4) }, stock, "lost: what writer 0 committed from line 4"},
		{"an event in the middle is lost", func(s *sink) { s.drop(stock, 1) }, stock, "it is of transaction 102; next of writer 0 is line 2"},
		{"all events of a table are lost", func(s *sink) { delete(s.events, journal) }, journal, "lost"},
		{"two events of a transaction come in the other order", func(s *sink) {
			e := s.events[stock]
			e[0], e[1] = e[1], e[0]
		}, stock, "not the event that line 1"},
		{"two transactions come in the other order", func(s *sink) {
			e := s.events[stock]
			e[1], e[2] = e[2], e[1]
		}, stock, "arrives first after a higher one"},
		{"transactions have places against the clock", func(s *sink) {
			s.txns[0].Asked, s.txns[0].Done = 100, 105
		}, stock, "committed before another"},
		{"a value is altered", func(s *sink) { s.replace(stock, 2, `"quantity":3`, `"quantity":4`) }, stock, "not the event that line 1 of the book of writer 1"},
		{"a column is left out", func(s *sink) { s.replace(stock, 2, `"remark":null,`, ``) }, stock, "not the event"},
		{"a transaction was rolled back", func(s *sink) { s.replaceAll(stock, 2, "103", "104") }, stock, "transaction 104:8192 was not committed"},
		{"the ver is not that of the place", func(s *sink) { s.replace(stock, 2, `"lsn":`, `"lsn":1`) }, stock, "source says"},
		{"an event is there twice after an orderly run", func(s *sink) {
			s.events[stock] = append(s.events[stock], s.events[stock][4])
		}, stock, "sent again, in run 1, with at most 0"},
		{"an event is sent again with other bytes", func(s *sink) {
			s.runs = 1
			s.events[stock] = append(s.events[stock], strings.Replace(s.events[stock][4], `"after":null`, `"after":null `, 1))
		}, stock, "with other bytes"},
		{"a suffix sent again has a gap", func(s *sink) {
			s.runs = 1
			s.events[stock] = append(s.events[stock], s.events[stock][2], s.events[stock][4])
		}, stock, "gap of 1 lines"},
		{"something new comes before a suffix is whole", func(s *sink) {
			s.runs = 1
			s.events[stock] = slices.Insert(slices.Clone(s.events[stock]), 3, s.events[stock][0])
		}, stock, "something new comes after a re-sent line, 2 lines before the newest"},
		{"an update meets a row that is not there", func(s *sink) {
			s.both(stock, 3, "stock.0", 2, `"before":{"warehouse":"w","sku":"a"}`, `"before":{"warehouse":"w","sku":"x"}`)
		}, stock, "changes a row that is not there"},
		{"a keyless row is changed that is not there", func(s *sink) {
			s.both(journal, 2, "journal.0", 2, `"number":1}`, `"number":7}`)
		}, journal, "changes a row that is not there"},
		{"an insert meets a row that is there", func(s *sink) {
			s.both(stock, 1, "stock.0", 1, `"sku":"b"`, `"sku":"a"`)
		}, stock, "inserts a row that is there"},
		{"the last line is torn", func(s *sink) { s.events[stock][4] += torn }, stock, "has no end"},
		{"a line is no event", func(s *sink) { s.events[stock][4] = "{" }, stock, "no event"},
		{"the checkpoint covered what had not arrived", func(s *sink) {
			s.fences = []verify.Fence{{Below: below(0x2001), Sizes: map[string]int64{stock: 10}}}
		}, stock, "said to be published"},
		{"the checkpoint's ver covered what had not arrived", func(s *sink) {
			s.fences = []verify.Fence{{Through: "00000000/0000000000003000/0000000000002801/00000000", Sizes: map[string]int64{stock: 10}}}
		}, stock, "said to be published"},
		{"an END is lost", func(s *sink) { s.drop(ends, 1) }, ends, "lost: the END of transaction 103"},
		{"an END comes twice after an orderly run", func(s *sink) {
			s.events[ends] = append(s.events[ends], s.events[ends][2])
		}, ends, "sent again"},
		{"an END counts wrongly", func(s *sink) { s.replace(ends, 1, `stock":1`, `stock":2`) }, ends, "has 1 events for stock"},
		{"an END leaves out a table", func(s *sink) { s.replace(ends, 0, `"shop.public.journal":2,`, ``) }, ends, "its END names 1"},
		{"an END is of a transaction that was rolled back", func(s *sink) { s.replace(ends, 1, `"id":"103`, `"id":"104`) }, ends, "transaction 104:8192 was not committed"},
		{"an END has the ver of another place", func(s *sink) {
			s.replace(ends, 1, "0000000000002000/f", "0000000000002001/f")
		}, ends, "want 0000000000002000/f"},
		{"progress goes back", func(s *sink) { slices.Reverse(s.events[progress]) }, progress, "progress goes back"},
		{"a schema document is missing", func(s *sink) { s.drop(schemas, 0) }, schemas, "no document for table version v"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good(t)
			c.wreck(s)
			_, err := s.verify(t)
			var v *verify.Violation
			if !errors.As(err, &v) {
				t.Fatalf("got %v, want a violation", err)
			}
			if v.File != c.file || !strings.Contains(v.What, c.want) {
				t.Errorf("got %v, want one in %s with %q", v, c.file, c.want)
			}
		})
	}
}

func (s *sink) drop(file string, i int) { s.events[file] = slices.Delete(s.events[file], i, i+1) }

func (s *sink) replace(file string, i int, old, with string) {
	s.events[file][i] = strings.Replace(s.events[file][i], old, with, 1)
}

func (s *sink) replaceAll(file string, i int, old, with string) {
	s.events[file][i] = strings.ReplaceAll(s.events[file][i], old, with)
}

// both replaces in event and truth, so that only the replica can tell.
func (s *sink) both(file string, i int, book string, k int, old, with string) {
	s.replace(file, i, old, with)
	s.books[book][k] = strings.Replace(s.books[book][k], old, with, 1)
}
