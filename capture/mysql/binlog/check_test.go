package binlog_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

const roomy = 1 << 20

// TestRecordedLogsAreRead reads every event that the servers wrote, and holds
// it against go-mysql.
func TestRecordedLogsAreRead(t *testing.T) {
	for _, log := range recorded(t) {
		t.Run(log.name, func(t *testing.T) { checkLog(t, log) })
	}
}

// checkLog reads every event of a file as its type asks for.
func checkLog(t *testing.T, log logFile) {
	t.Helper()
	o := newOracle(t, log.entries[0])
	tables := map[uint64]*binlog.TableMap{}
	kinds := map[binlog.EventType]int{}
	rows := 0
	for i, e := range log.entries {
		kinds[e.header.Type]++
		var want replication.Event
		ok := i > 0 // the oracle has its own form of the first one
		if ok {
			want, ok = o.read(e.header, e.body)
		}
		if e.header.Type == binlog.TableMapEvent {
			m, err := binlog.ParseTableMap(&log.format, e.body)
			if err != nil {
				t.Errorf("a table map is refused: %v", err)
				continue
			}
			tables[m.ID] = m
			checkNames(t, log, e, m)
			if want, ok := want.(*replication.TableMapEvent); ok && !packedColumns(m) && describe(m) != describeOracle(want) {
				t.Errorf("a table map is read as\n%s, go-mysql reads\n%s", describe(m), describeOracle(want))
			}
			continue
		}
		if _, isRows := e.header.Type.RowsOp(); isRows {
			r, err := binlog.ParseRows(&log.format, e.header, e.body)
			m := tables[r.TableID]
			if err != nil || m == nil || r.Columns != len(m.Columns) {
				t.Errorf("%s is read as %+v, %v", e.header.Type, r, err)
				continue
			}
			data := r.Data
			if r.Compressed {
				if data, err = binlog.Inflate(nil, data, roomy); err != nil {
					t.Errorf("%s: %v", e.header.Type, err)
				}
			}
			images, err := rowsOf(r, data, m)
			if err != nil || len(images) == 0 {
				t.Errorf("%s of %s: %d images, %v", e.header.Type, m.Name, len(images), err)
			}
			rows += len(images)
			if want, ok := want.(*replication.RowsEvent); ok && !packedColumns(m) {
				if wanted := rowsOfOracle(want, m); !reflect.DeepEqual(sameJSON(images, m), sameJSON(wanted, m)) {
					t.Errorf("%s of %s is read as\n%q, go-mysql reads\n%q", e.header.Type, m.Name, images, wanted)
				}
			} else if !packedColumns(m) {
				t.Errorf("%s of %s: go-mysql refuses it", e.header.Type, m.Name)
			}
			continue
		}
		if err := parseOther(&log.format, e.header, e.body); err != nil {
			t.Errorf("%s is refused: %v", e.header.Type, err)
		}
		checkOther(t, e, want, ok)
	}
	if rows < 20 || kinds[binlog.TableMapEvent] < 10 || kinds[binlog.XAPrepare] < 2 {
		t.Errorf("%d rows, %v", rows, kinds)
	}
}

// sameJSON makes "some" of values that go-mysql can't tell from NULL.
func sameJSON(images [][]string, m *binlog.TableMap) [][]string {
	for _, image := range images {
		for i := range image {
			if m.Columns[i].Type == binlog.TypeJSON && image[i] == "null" {
				image[i] = "some"
			}
		}
	}
	return images
}

// packedColumns reports whether a table has a type that go-mysql does not know:
// it misreads all metadata behind it.
func packedColumns(m *binlog.TableMap) bool {
	return slices.ContainsFunc(m.Columns, func(c binlog.Column) bool {
		return c.Type == binlog.TypeBlobCompressed || c.Type == binlog.TypeVarcharCompressed
	})
}

func checkNames(t *testing.T, log logFile, e entry, m *binlog.TableMap) {
	t.Helper()
	database, name, err := binlog.TableName(&log.format, e.body)
	id, idErr := binlog.TableID(&log.format, e.body)
	if err != nil || idErr != nil || string(database) != m.Database || string(name) != m.Name || id != m.ID {
		t.Errorf("%s.%s (%d) is %s.%s (%d) in short, %v, %v", m.Database, m.Name, m.ID, database, name, id, err, idErr)
	}
}

// parseOther calls the function for an event that is neither a table map nor
// rows, if there is one.
func parseOther(f *binlog.Format, h binlog.Header, body []byte) error {
	var err error
	switch h.Type {
	case binlog.FormatDescription:
		_, err = binlog.ParseFormat(body)
	case binlog.Rotate:
		_, _, err = binlog.ParseRotate(body)
	case binlog.GTID, binlog.AnonymousGTID, binlog.GTIDTagged:
		_, err = binlog.ParseGTID(h, body)
	case binlog.MariaGTID:
		_, err = binlog.ParseMariaGTID(body)
	case binlog.Query, binlog.QueryCompressed:
		var q binlog.QueryEvent
		if h.Type == binlog.Query {
			q, err = binlog.ParseQuery(body)
		} else {
			q, err = binlog.ParseQueryCompressed(body, roomy)
		}
		if err == nil {
			_, _, err = q.Updated()
		}
	case binlog.XAPrepare:
		_, _, err = binlog.ParseXAPrepare(body)
	case binlog.TransactionPayload:
		_, err = binlog.ParsePayload(body)
	}
	return err
}

// checkOther holds the events of which go-mysql reads the same fields against it.
func checkOther(t *testing.T, e entry, want replication.Event, ok bool) {
	t.Helper()
	got := ""
	wanted := ""
	switch want := want.(type) {
	case *replication.GTIDEvent:
		got, wanted = gtidText(e), oracleGTID(want)
	case *replication.GtidTaggedLogEvent:
		got, wanted = gtidText(e), oracleGTID(&want.GTIDEvent)
	case *replication.MariadbGTIDEvent:
		g, err := binlog.ParseMariaGTID(e.body)
		got = fmt.Sprint(g.Domain, g.Sequence, g.Flags, err)
		wanted = fmt.Sprint(want.GTID.DomainID, want.GTID.SequenceNumber, want.Flags, nil)
	case *replication.QueryEvent:
		q, err := binlog.ParseQuery(e.body)
		if e.header.Type == binlog.QueryCompressed {
			q, err = binlog.ParseQueryCompressed(e.body, roomy)
		}
		got = fmt.Sprintf("%s %s %v", q.Database, q.Text, err)
		wanted = fmt.Sprintf("%s %s %v", want.Schema, want.Query, nil)
	case *replication.RotateEvent:
		file, pos, err := binlog.ParseRotate(e.body)
		got, wanted = fmt.Sprint(file, pos, err), fmt.Sprint(string(want.NextLogName), want.Position, nil)
	}
	if ok && got != wanted {
		t.Errorf("%s is read as %s, go-mysql reads %s", e.header.Type, got, wanted)
	}
}

func gtidText(e entry) string {
	g, err := binlog.ParseGTID(e.header, e.body)
	return fmt.Sprintf("%x %s %d %d %v", g.UUID, g.Tag, g.Number, g.OriginalMicros, err)
}

func oracleGTID(g *replication.GTIDEvent) string {
	return fmt.Sprintf("%x %s %d %d %v", g.SID, g.Tag.String(), g.GNO, g.OriginalCommitTimestamp, nil)
}
