package verify_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/verify"
)

// readRow is a row as a chunk of a life gave it, where the stream was at a place.
func readRow(table, row string, place uint64, life, chunk, nth int) string {
	return `{"op":"r","before":null,"after":` + row + readAt(table, place, life, chunk, nth)
}

// emptied is the truncate before the rows of a table that is read again.
func emptied(table string, place uint64, life, chunk int) string {
	return `{"op":"t","before":null,"after":null` + readAt(table, place, life, chunk, 0)
}

// readAt is such an event from its source block on. The view is that of 16 bytes
// before the place.
func readAt(table string, place uint64, life, chunk, nth int) string {
	return fmt.Sprintf(`,"source":{"connector":"postgresql","name":"shop","ts_ms":6,"snapshot":"true","schema":"public","table":"%s","txId":null,"lsn":%d,"commit_lsn":%[2]d},`+
		`"transaction":null,"ts_ms":6,"ver":"00000000/%016x/%08x%08x/%08x","table_version":"v"}`, table, place-16, place-1, life, chunk, nth)
}

// pageRead is a row of pages that was read of MySQL, as of a place in file 2.
func pageRead(row string, offset uint64, nth int) string {
	return fmt.Sprintf(`{"op":"r","before":null,"after":%s,"source":{"connector":"mysql","name":"shop","ts_ms":6,"snapshot":"true","db":"db","table":"pages",`+
		`"gtid":null,"file":"log.000002","pos":%d,"row":%d},"transaction":null,"ts_ms":6,"ver":"00000000/%016x/0000000100000001/%08x","table_version":"v"}`,
		row, offset, nth, 2<<40|offset-1, nth)
}

// insert puts lines into a file at the place at.
func (s *sink) insert(file string, at int, lines ...string) {
	s.events[file] = slices.Insert(slices.Clone(s.events[file]), at, lines...)
}

// between are the rows of stock between its second transaction and the third.
func between() []string {
	return []string{
		readRow("stock", stockRow("a", 1), 0x2100, 1, 1, 0),
		readRow("stock", stockRow("b", 2), 0x2100, 1, 1, 1),
		readRow("stock", stockRow("c", 3), 0x2100, 1, 2, 0),
	}
}

func TestRowsThatASnapshotReadAreGood(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(s *sink)
		want verify.Report
	}{
		{"between transactions, and behind them", func(s *sink) {
			s.insert(stock, 5, readRow("stock", stockRow("a", 9), 0x3100, 1, 3, 0), readRow("stock", stockRow("c", 3), 0x3100, 1, 3, 2))
			s.insert(stock, 3, between()...)
		}, verify.Report{Events: 8, Read: 5, Transactions: 3, Marks: 2, Rows: 4}},
		{"and do not come again with the suffix they stood in", func(s *sink) {
			s.runs = 1
			again := slices.Clone(s.events[stock][2:])
			s.insert(stock, 5, again...)
			s.insert(stock, 3, between()...)
		}, verify.Report{Events: 8, Read: 3, Again: 3, Runs: 1, Transactions: 3, Marks: 2, Rows: 4}},
		{"and come again behind that suffix with other vers", func(s *sink) {
			s.runs = 1
			again := slices.Clone(s.events[stock][3:])
			s.insert(stock, 5, again...)
			s.insert(stock, 7, readRow("stock", stockRow("a", 9), 0x3100, 2, 1, 0))
			s.insert(stock, 5, readRow("stock", stockRow("a", 9), 0x3100, 1, 1, 0))
		}, verify.Report{Events: 8, Read: 2, Again: 2, Runs: 1, Transactions: 3, Marks: 2, Rows: 4}},
		{"and come again in the suffix byte for byte", func(s *sink) {
			s.runs = 1
			s.insert(stock, 3, between()...)
			again := slices.Clone(s.events[stock][2:])
			s.insert(stock, 8, again...)
		}, verify.Report{Events: 8, Read: 3, Again: 6, Runs: 1, Transactions: 3, Marks: 2, Rows: 4}},
		{"below what is said to be published", func(s *sink) {
			size := int64(len(strings.Join(s.events[stock][:3], "\n")) + 1)
			s.fences = []verify.Fence{{Below: below(0x2800), Sizes: map[string]int64{stock: size, journal: 1 << 20, ends: 1 << 20}}}
			s.insert(stock, 3, between()...)
		}, verify.Report{Events: 8, Read: 3, Transactions: 3, Marks: 2, Rows: 4}},
		{"as of the header of a page that the stream stands before", func(s *sink) {
			s.insert(stock, 2, strings.Replace(readRow("stock", stockRow("a", 1), 0x2000, 1, 1, 0), `:8176,"commit_lsn":8176`, `:8216,"commit_lsn":8216`, 1))
		}, verify.Report{Events: 8, Read: 1, Transactions: 3, Marks: 2, Rows: 4}},
		{"of a keyless table behind a truncate", func(s *sink) {
			s.insert(journal, 2, emptied("journal", 0x2100, 1, 1),
				readRow("journal", journalRow(1), 0x2100, 1, 1, 1), readRow("journal", journalRow(1), 0x2100, 1, 1, 2))
		}, verify.Report{Events: 8, Read: 2, Transactions: 3, Marks: 2, Rows: 4}},
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

func TestEveryBrokenPromiseOfASnapshotIsFound(t *testing.T) {
	one := func(row string, place uint64) string { return readRow("stock", row, place, 1, 1, 0) }
	rowA := stockRow("a", 1)
	for _, c := range []struct {
		name       string
		wreck      func(s *sink)
		file, want string
	}{
		{"a row is handed on before its place", func(s *sink) { s.insert(stock, 3, one(rowA, 0x3100)) }, stock, "arrives first after a higher one"},
		{"a row is handed on behind its place", func(s *sink) { s.insert(stock, 5, one(rowA, 0x2100)) }, stock, "arrives first after a higher one"},
		{"a row has the commit of the transaction before it", func(s *sink) {
			s.insert(stock, 3, one(rowA, 0x2001))
		}, stock, "a snapshot read only one of them"},
		{"a row has the commit of the transaction behind it", func(s *sink) {
			s.insert(stock, 3, strings.Replace(one(rowA, 0x3001), "0000000100000001/", "0000000000000001/", 1))
		}, stock, "a snapshot read only one of them"},
		{"chunks at one place are not in the order of their numbers", func(s *sink) {
			rows := between()
			s.insert(stock, 3, rows[2], rows[0])
		}, stock, "arrives first after a higher one"},
		{"a row is there twice after an orderly run", func(s *sink) {
			s.insert(stock, 3, one(rowA, 0x2100), one(rowA, 0x2100))
		}, stock, "sent again, in run 1, with at most 0"},
		{"two rows have one ver", func(s *sink) {
			s.insert(stock, 3, one(rowA, 0x2100), one(stockRow("b", 2), 0x2100))
		}, stock, "with other bytes"},
		{"a row comes within a suffix that is sent again", func(s *sink) {
			s.runs = 1
			again := slices.Clone(s.events[stock][3:])
			s.insert(stock, 5, again[0], one(stockRow("a", 9), 0x3100), again[1])
		}, stock, "something new comes after a re-sent line, 1 lines before the newest"},
		{"a suffix sent again lacks more than rows that were read", func(s *sink) {
			s.runs = 1
			last := s.events[stock][4]
			s.insert(stock, 5, s.events[stock][2], last)
			s.insert(stock, 3, between()...)
		}, stock, "a gap of 4 lines"},
		{"an older value comes last", func(s *sink) { s.insert(stock, 5, one(rowA, 0x3100)) }, stock, "a snapshot read column quantity not as the row had it"},
		{"a deleted row comes back", func(s *sink) { s.insert(stock, 5, one(stockRow("b", 2), 0x3100)) }, stock, "a snapshot read a row that was not there"},
		{"a row of a keyless table was not there", func(s *sink) {
			s.insert(journal, 2, readRow("journal", journalRow(2), 0x2100, 1, 1, 0))
		}, journal, "a snapshot read a row that was not there"},
		{"a column is left out", func(s *sink) {
			s.insert(stock, 3, one(strings.Replace(rowA, `"remark":null,`, "", 1), 0x2100))
		}, stock, "a snapshot read column remark not as"},
		{"a column is there that the table has not", func(s *sink) {
			s.insert(stock, 3, one(strings.Replace(rowA, `"remark":null,`, `"remark":null,"more":1,`, 1), 0x2100))
		}, stock, "a snapshot read 6 columns"},
		{"a column is absent", func(s *sink) {
			s.insert(stock, 3, one(rowA+`,"absent":["seen"]`, 0x2100))
		}, stock, "lacks columns"},
		{"a row has an old one", func(s *sink) {
			s.insert(stock, 3, strings.Replace(one(rowA, 0x2100), `"before":null`, `"before":`+rowA, 1))
		}, stock, "has an old row"},
		{"a table with a key is emptied", func(s *sink) { s.insert(stock, 3, emptied("stock", 0x2100, 1, 1)) }, stock, "empties a table that has a key"},
		{"a row that was read says otherwise", func(s *sink) {
			s.insert(stock, 3, strings.Replace(one(rowA, 0x2100), `"snapshot":"true"`, `"snapshot":"false"`, 1))
		}, stock, "source.snapshot is not true"},
		{"an insert says that it was read", func(s *sink) {
			s.insert(stock, 3, strings.Replace(one(rowA, 0x2100), `"op":"r"`, `"op":"c"`, 1))
		}, stock, "and the op is c"},
		{"a row is of a transaction", func(s *sink) {
			s.insert(stock, 3, strings.Replace(one(rowA, 0x2100), `"transaction":null`, `"transaction":{"id":"103:8192"}`, 1))
		}, stock, "is of transaction 103:8192"},
		{"a row names a transaction as its origin", func(s *sink) {
			s.insert(stock, 3, strings.Replace(one(rowA, 0x2100), `"txId":null`, `"txId":103`, 1))
		}, stock, "source says transaction 103"},
		{"a row shows what is behind its place", func(s *sink) {
			s.insert(stock, 3, strings.ReplaceAll(one(rowA, 0x2100), ":8432", ":8449"))
		}, stock, "what was read is as of 8449, behind that"},
		{"the schema document of a row is missing", func(s *sink) {
			s.insert(stock, 3, strings.Replace(one(rowA, 0x2100), `"table_version":"v"`, `"table_version":"w"`, 1))
		}, schemas, "no document for table version w"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good(t)
			c.wreck(s)
			_, err := s.verify(t)
			wantViolation(t, err, c.file, c.want)
		})
	}
}

func wantViolation(t *testing.T, err error, file, want string) {
	t.Helper()
	var v *verify.Violation
	if !errors.As(err, &v) {
		t.Fatalf("got %v, want a violation", err)
	}
	if v.File != file || !strings.Contains(v.What, want) {
		t.Errorf("got %v, want one in %s with %q", v, file, want)
	}
}

func TestRowsReadOfABinlog(t *testing.T) {
	// In pages of goodBinlog, two rows were inserted at 0x1000, and one of them was changed at 0x3000.
	rows := []string{pageRead(pageRow(1, 1), 0x2000, 0), pageRead(pageRow(2, 1), 0x2000, 1)}
	for _, c := range []struct {
		name     string
		old, new string // in the second row
		want     string // "": it is good
	}{
		{"rows between transactions are good", "", "", ""},
		{"rows as of the next file's start are good", "log.000002", "log.000003", ""},
		{"a row is as of a later file", "log.000002", "log.000004", "as of log.000004, behind that"},
		{"a file has no number", "log.000002", "log", "has no number"},
		{"the row is not that of the ver", `"row":1`, `"row":0`, "source says row 0"},
		{"a row has a GTID", `"gtid":null`, `"gtid":"uuid:1"`, "has the GTID uuid:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := goodBinlog()
			s.insert(pages, 2, rows[0], strings.Replace(rows[1], c.old, c.new, 1))
			got, err := s.verify(t)
			if c.want != "" {
				wantViolation(t, err, pages, c.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got.Bytes = 0
			if want := (verify.Report{Events: 6, Read: 2, Transactions: 3, Rows: 4}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestRowsReadIntoATopic(t *testing.T) {
	s := goodKafka(t, verify.ByKey)
	rows := []string{stockRow("a", 9), stockRow("c", 3)}
	for i, key := range []string{stockKeyOf("a"), stockKeyOf("c")} {
		s.append(part(i), key, readRow("stock", rows[i], 0x5100, 1, 1, i))
	}
	got, err := s.verify(t)
	if err != nil {
		t.Fatal(err)
	}
	got.Bytes = 0
	if want := (verify.Report{Events: 9, Read: 2, Transactions: 4, Marks: 2, Rows: 4}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.append(part(1), stockKeyOf("a"), readRow("stock", rows[0], 0x5100, 1, 2, 0))
	_, err = s.verify(t)
	wantViolation(t, err, part(1), "was in partition 0 before")
}

func TestRowsReadIntoAStream(t *testing.T) {
	s := goodStream(t, verify.PackedLines)
	s.runs = 1
	s.put(3, readRow("stock", stockRow("a", 9), 0x5100, 1, 1, 0), readRow("journal", journalRow(1), 0x5100, 1, 2, 0))
	s.put(700, readRow("stock", stockRow("c", 3), 0x5100, 1, 1, 2))
	s.again(len(s.records)-2, len(s.records)-1)
	got, err := s.verify(t)
	if err != nil {
		t.Fatal(err)
	}
	got.Bytes = 0
	if want := (verify.Report{Events: 9, Read: 3, Again: 2, Runs: 1, Transactions: 4, Rows: 4}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// In a lane there is an order among the rows of several tables.
	s.put(3, readRow("stock", stockRow("a", 9), 0x5100, 1, 1, 3))
	_, err = s.verify(t)
	wantViolation(t, err, "stream.tsv", "arrives first after a higher one")
}

// stockKeyOf is the key that a record of goodKafka has.
func stockKeyOf(sku string) string { return fmt.Sprintf(`{"sku":"%s","warehouse":"w"}`, sku) }
