package values_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// eachProduct runs a test on every product of the MySQL family.
func eachProduct(t *testing.T, test func(t *testing.T, d *servers.MySQLDatabase)) {
	for _, product := range servers.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) { test(t, servers.MySQL(t, product)) })
	}
}

// An image is a row that was inserted, as the log has it.
type image struct {
	table   string
	columns []binlog.Column
	row     event.Row
}

// form returns the event form of a column's value.
func (i image) form(t testing.TB, column int, o values.Options) string {
	t.Helper()
	switch i.row[column].State {
	case event.Null:
		return "null"
	case event.Absent:
		t.Fatalf("column %d of table %s is absent", column, i.table)
	}
	codec, _, _, err := values.For(i.columns[column], o)
	if err != nil {
		t.Errorf("table %s, For(%+v): %v", i.table, i.columns[column], err)
		return ""
	}
	form, err := codec.AppendJSON(nil, i.row[column].Raw)
	if err != nil {
		t.Errorf("table %s, AppendJSON(%x): %v", i.table, i.row[column].Raw, err)
	}
	return string(form)
}

// images runs statements in one session and returns the rows that they insert,
// read from the server's own files.
func images(t testing.TB, d *servers.MySQLDatabase, statements ...string) []image {
	t.Helper()
	status := "SHOW MASTER STATUS"
	if d.Product == local.MySQL97 {
		status = "SHOW BINARY LOG STATUS"
	}
	begin := d.Rows(t, status)[0]
	d.Exec(t, statements...)
	end := d.Rows(t, status)[0]
	if begin[0] != end[0] {
		t.Fatalf("the log went from file %s to %s meanwhile", begin[0], end[0])
	}
	file, err := os.ReadFile(filepath.Join(d.Server.DataDir, begin[0]))
	if err != nil {
		t.Fatalf("read the log: %v", err)
	}
	return insertedRows(t, d.Name, file, parseInt(t, begin[1]), parseInt(t, end[1]))
}

// insertedRows reads the part of a file between two offsets.
func insertedRows(t testing.TB, database string, file []byte, begin, end int) (rows []image) {
	t.Helper()
	const magicLen, checksumLen = 4, 4
	var format binlog.Format
	tables := make(map[uint64]*binlog.TableMap)
	for at := magicLen; at < end; {
		h, err := binlog.ParseHeader(file[at:])
		if err != nil {
			t.Fatalf("read the log at %d: %v", at, err)
		}
		body := file[at+binlog.HeaderLen : at+int(h.Size)]
		at += int(h.Size)
		if h.Type == binlog.FormatDescription {
			if format, err = binlog.ParseFormat(body); err != nil {
				t.Fatalf("read the log's format: %v", err)
			}
		}
		if at <= begin {
			continue
		}
		if format.Checksum {
			body = body[:len(body)-checksumLen]
		}
		switch h.Type {
		case binlog.TableMapEvent:
			m, err := binlog.ParseTableMap(&format, body)
			if err != nil {
				t.Fatalf("read a table map: %v", err)
			}
			tables[m.ID] = m
		case binlog.WriteRows, binlog.WriteRowsV1:
			r, err := binlog.ParseRows(&format, h, body)
			if err != nil {
				t.Fatalf("read rows: %v", err)
			}
			if m := tables[r.TableID]; m != nil && m.Database == database {
				rows = append(rows, cut(t, m, r)...)
			}
		}
	}
	return rows
}

func cut(t testing.TB, m *binlog.TableMap, r binlog.Rows) (rows []image) {
	t.Helper()
	layout, err := binlog.NewLayout(m.Columns)
	if err != nil {
		t.Fatalf("table %s: %v", m.Name, err)
	}
	for data := r.Data; len(data) > 0; {
		row := make(event.Row, len(m.Columns))
		n, err := layout.Cut(r.After, data, row)
		if err != nil {
			t.Fatalf("cut a row of table %s: %v", m.Name, err)
		}
		rows = append(rows, image{m.Name, m.Columns, row})
		data = data[n:]
	}
	return rows
}

func parseInt(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("parse a number of the server: %v", err)
	}
	return n
}
