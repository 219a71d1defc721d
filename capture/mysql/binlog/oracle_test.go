package binlog_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
)

// An oracle reads events with go-mysql, which panics on hostile bytes and
// allocates by what they declare: ask it only about what was read before.
type oracle struct{ parser *replication.BinlogParser }

// newOracle returns an oracle for the events behind a format description.
func newOracle(t testing.TB, description entry) *oracle {
	t.Helper()
	o := &oracle{replication.NewBinlogParser()}
	body := bytes.Clone(description.body)
	body[len(body)-5] = 0 // the bodies that follow have no checksums
	format, err := binlog.ParseFormat(body)
	if err != nil {
		t.Fatal(err)
	}
	o.parser.SetIgnoreJSONDecodeError(true)
	if format.MariaDB {
		o.parser.SetFlavor("mariadb")
	}
	if _, err := o.parser.Parse(join(description.header, body)); err != nil {
		t.Fatalf("go-mysql reads a format description: %v", err)
	}
	return o
}

// join makes an event of a header and a body.
func join(h binlog.Header, body []byte) []byte {
	e := make([]byte, binlog.HeaderLen, binlog.HeaderLen+len(body))
	e[4] = byte(h.Type)
	binary.LittleEndian.PutUint32(e[5:], h.Server)
	binary.LittleEndian.PutUint32(e[9:], uint32(len(e)+len(body)))
	return append(e, body...)
}

// read returns what go-mysql makes of an event, and false if it refuses it.
func (o *oracle) read(h binlog.Header, body []byte) (e replication.Event, ok bool) {
	defer func() {
		if recover() != nil {
			e, ok = nil, false
		}
	}()
	parsed, err := o.parser.Parse(join(h, bytes.Clone(body)))
	if err != nil {
		return nil, false
	}
	return parsed.Event, true
}

// describe writes a table map in a form that describeOracle has too.
func describe(m *binlog.TableMap) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %q %q key %v full %v\n", m.ID, m.Database, m.Name, m.Key, m.Full)
	vectors := slices.ContainsFunc(m.Columns, func(c binlog.Column) bool { return c.Type == binlog.TypeVector })
	for _, c := range m.Columns {
		if vectors {
			c.Charset = 0 // go-mysql does not count vectors among the columns that have one, and gives it to others
		}
		unsigned := "unknown"
		if c.SignKnown {
			unsigned = fmt.Sprint(c.Unsigned)
		}
		fmt.Fprintf(&b, "%q %d(%d) nullable %v unsigned %s collation %d geometry %d labels %q invisible %v\n",
			c.Name, c.Type, c.Meta, c.Nullable, unsigned, c.Charset, c.Geometry, c.Labels, c.Invisible)
	}
	return b.String()
}

// describeOracle is describe of what go-mysql reads.
func describeOracle(m *replication.TableMapEvent) string {
	var b strings.Builder
	key := []int{}
	for _, i := range m.PrimaryKey {
		key = append(key, int(i))
	}
	full := len(m.ColumnName) > 0
	fmt.Fprintf(&b, "%d %q %q key %v full %v\n", m.TableID, m.Schema, m.Table, key, full)
	unsigned, collations, labelCollations := m.UnsignedMap(), m.CollationMap(), m.EnumSetCollationMap()
	enums, sets, geometries, visible := m.EnumStrValueMap(), m.SetStrValueMap(), m.GeometryTypeMap(), m.VisibilityMap()
	vectors := slices.Contains(m.ColumnType, byte(binlog.TypeVector))
	for i := range int(m.ColumnCount) {
		if vectors {
			delete(collations, i)
			delete(labelCollations, i)
		}
		var name []byte
		if full {
			name = m.ColumnName[i]
		}
		kind, meta := oracleType(m, i)
		_, nullable := m.Nullable(i)
		sign := "unknown"
		if u, ok := unsigned[i]; ok {
			sign = fmt.Sprint(u)
		}
		shown, known := visible[i]
		labels := append(slices.Clone(enums[i]), sets[i]...)
		fmt.Fprintf(&b, "%q %d(%d) nullable %v unsigned %s collation %d geometry %d labels %q invisible %v\n",
			name, kind, meta, nullable, sign, collations[i]+labelCollations[i], geometries[i], labels, known && !shown)
	}
	return b.String()
}

// oracleType returns the unpacked type and metadata of a column.
func oracleType(m *replication.TableMapEvent, i int) (kind byte, meta uint16) {
	kind, meta = m.ColumnType[i], m.ColumnMeta[i]
	high, low := byte(meta>>8), meta&0xff
	switch binlog.ColumnType(kind) {
	case binlog.TypeString:
		switch {
		case high == 0:
			return kind, low
		case high&0x30 == 0x30:
			return high, low
		}
		return high | 0x30, low | uint16(high&0x30^0x30)<<4
	case binlog.TypeBit:
		return kind, uint16(high)*8 + low
	}
	return kind, meta
}

// rowsOf cuts the images of an event, each as the texts of its values.
func rowsOf(r binlog.Rows, data []byte, m *binlog.TableMap) ([][]string, error) {
	l, err := binlog.NewLayout(m.Columns)
	if err != nil {
		return nil, err
	}
	var images [][]string
	row := make(event.Row, len(m.Columns))
	presents := map[event.Op][][]byte{event.Insert: {r.After}, event.Update: {r.Before, r.After}, event.Delete: {r.Before}}
	for len(data) > 0 {
		for _, present := range presents[r.Op] {
			n, err := l.Cut(present, data, row)
			if skipped, skipErr := l.Skip(present, data); skipped != n || (skipErr == nil) != (err == nil) {
				return nil, fmt.Errorf("cut %d, %w; skipped %d, %v", n, err, skipped, skipErr)
			}
			if err != nil {
				return nil, err
			}
			var texts []string
			for i, v := range row {
				texts = append(texts, valueText(m.Columns[i], v))
			}
			images = append(images, texts)
			data = data[n:]
		}
	}
	return images, nil
}

// valueText writes a value as far as it can be compared without reading its type.
func valueText(c binlog.Column, v event.Value) string {
	switch v.State {
	case event.Absent:
		return "absent"
	case event.Null:
		return "null"
	}
	switch c.Type {
	case binlog.TypeTiny, binlog.TypeShort, binlog.TypeInt24, binlog.TypeLong, binlog.TypeLonglong, binlog.TypeEnum, binlog.TypeSet:
		var word [8]byte
		copy(word[:], v.Raw)
		n := int64(binary.LittleEndian.Uint64(word[:]))
		if shift := 64 - 8*len(v.Raw); !c.Unsigned && c.Type != binlog.TypeEnum && c.Type != binlog.TypeSet {
			n = n << shift >> shift
		}
		return fmt.Sprint(n)
	case binlog.TypeVarchar, binlog.TypeVarString, binlog.TypeString, binlog.TypeBlob, binlog.TypeGeometry, binlog.TypeVector:
		return fmt.Sprintf("%q", v.Raw)
	}
	return "some"
}

// rowsOfOracle is rowsOf of what go-mysql reads.
func rowsOfOracle(e *replication.RowsEvent, m *binlog.TableMap) [][]string {
	var images [][]string
	for i, values := range e.Rows {
		var texts []string
		for j, v := range values {
			text := "some"
			switch {
			case slices.Contains(e.SkippedColumns[i], j):
				text = "absent"
			case v == nil && m.Columns[j].Type != binlog.TypeJSON: // its empty document is nil too
				text = "null"
			case valueText(m.Columns[j], event.Value{State: event.Present}) == "some":
			default:
				switch v := v.(type) {
				case string, []byte:
					text = fmt.Sprintf("%q", v)
				default:
					text = fmt.Sprint(v)
					if u, ok := v.(uint64); ok {
						text = fmt.Sprint(int64(u))
					}
				}
			}
			texts = append(texts, text)
		}
		images = append(images, texts)
	}
	return images
}
