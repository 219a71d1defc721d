package verify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/verify"
	"github.com/tailrace/tailrace/internal/workload"
)

const (
	marks    = "shop.db.marks.ndjson"
	pages    = "shop.db.pages.ndjson"
	readings = "shop.db.readings.ndjson"
)

func pageRow(id, revision int) string {
	return fmt.Sprintf(`{"title":"t","id":%d,"body":"b","revision":%d,"live":null,"tags":""}`, id, revision)
}

// goodBinlog returns a sink without a fault that followed MySQL: two writers,
// two marked transactions and a TRUNCATE.
func goodBinlog() *sink {
	s := &sink{events: make(map[string][]string), books: make(map[string][]string), mysql: true}
	s.group("0-1", 0, 0x1000, "uuid:1", map[string][]string{
		"marks": {inserted(`{"writer":0,"number":1}`)},
		"pages": {inserted(pageRow(1, 1)), inserted(pageRow(2, 1))},
	})
	s.group("0-2", 0, 0x2000, "", map[string][]string{"readings": {`{"op":"t","before":null,"after":null`}})
	s.group("1-1", 1, 0x3000, "", map[string][]string{
		"marks": {inserted(`{"writer":1,"number":1}`)},
		"pages": {`{"op":"u","before":{"id":1},"after":{"id":1,"revision":2},"absent":["title","body","live","tags"]`},
	})
	s.events[schemas] = []string{`{"table_version":"v"}`}
	return s
}

// group adds a transaction to truth and sink.
func (s *sink) group(id string, writer int, offset uint64, gtid string, changes map[string][]string) {
	n := int64(len(s.txns))
	x := workload.Transaction{ID: id, Writer: writer, Counts: make(map[string]int), Asked: 10 * n, Done: 10*n + 5}
	named, field := fmt.Sprintf("log.000002:%d", offset), "null"
	if gtid != "" {
		named, field = gtid, `"`+gtid+`"`
	}
	place := uint64(0)
	var counts []string
	for _, table := range []string{"marks", "pages", "readings"} {
		if len(changes[table]) == 0 {
			continue
		}
		x.Counts[table] = len(changes[table])
		counts = append(counts, fmt.Sprintf(`"shop.db.%s":%d`, table, len(changes[table])))
		place += 0x10
		for row, c := range changes[table] {
			book := fmt.Sprintf("%s.%d", table, writer)
			s.books[book] = append(s.books[book], id+" "+c)
			file := "shop.db." + table + ".ndjson"
			s.events[file] = append(s.events[file], c+fmt.Sprintf(
				`,"source":{"connector":"mysql","name":"shop","ts_ms":5,"db":"db","table":"%s","gtid":%s,"file":"log.000002","pos":%d,"row":%d},`+
					`"transaction":{"id":"%s"},"ts_ms":5,"ver":"00000000/%016x/%016x/%08x","table_version":"v"}`,
				table, field, offset+place, row, named, 2<<40|offset, place, 2*row))
		}
	}
	s.txns = append(s.txns, x)
	s.events[ends] = append(s.events[ends], fmt.Sprintf(
		`{"id":"%s","ver":"00000000/%016x/ffffffffffffffff/00000000","ts_ms":5,"counts":{%s}}`, named, 2<<40|offset, strings.Join(counts, ",")))
}

func TestAGoodSinkOfABinlogIsGood(t *testing.T) {
	got, err := goodBinlog().verify(t)
	if err != nil {
		t.Fatal(err)
	}
	got.Bytes = 0
	if want := (verify.Report{Events: 6, Transactions: 3, Rows: 4}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestEveryBrokenPromiseOfABinlogIsFound(t *testing.T) {
	for _, c := range []struct {
		name       string
		wreck      func(s *sink)
		file, want string
	}{
		{"a transaction that nobody made has a mark", func(s *sink) { s.replace(marks, 1, `"number":1}`, `"number":7}`) }, marks, "transaction 1-7"},
		{"a transaction has two marks", func(s *sink) { s.replace(marks, 1, `"writer":1,`, `"writer":0,`) }, marks, "is called both uuid:1 and log.000002:12288"},
		{"a transaction has no mark", func(s *sink) { s.drop(marks, 1) }, marks, "lost: what writer 1 committed"},
		{"rows are in a transaction without a mark", func(s *sink) { s.replaceAll(pages, 0, "uuid:1", "uuid:2") }, pages, "transaction uuid:2 was not committed"},
		{"a TRUNCATE is there that nobody made", func(s *sink) {
			s.events[readings] = append(s.events[readings], strings.NewReplacer("8192", "16384", "8208", "16400", "2000/", "4000/").Replace(s.events[readings][0]))
		}, readings, "(log.000002:16384) was not committed"},
		{"the ver names another file", func(s *sink) { s.replace(pages, 0, "0000020000001000/", "0000030000001000/") }, pages, "the file log.000002"},
		{"the ver names another transaction", func(s *sink) { s.replace(marks, 1, "0000020000003000/", "0000020000003001/") }, marks, "source says log.000002:12289"},
		{"the change lies before its transaction", func(s *sink) { s.replace(pages, 0, `"pos":4128`, `"pos":4096`) }, pages, "the change is before it"},
		{"the row is not that of the ver", func(s *sink) { s.replace(pages, 1, `"row":1`, `"row":0`) }, pages, "source says row 0"},
		{"the event says another database", func(s *sink) { s.replace(pages, 0, `"db":"db"`, `"db":"other"`) }, pages, "the source block names"},
		{"a column that was not carried is NULL", func(s *sink) { s.replace(pages, 2, `"absent":["title",`, `"absent":[`) }, pages, "not the event"},
		{"an END names another transaction", func(s *sink) { s.replace(ends, 0, "uuid:1", "uuid:2") }, ends, "transaction uuid:2 was not committed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := goodBinlog()
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
