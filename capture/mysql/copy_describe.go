package mysql

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/schema"
)

// describe makes the version of a table, with the codecs of what a SELECT answers.
// Its hash and key are those that the stream makes of the log, which now says as
// much of the table as binlog_row_metadata has it. Somebody holds the table's
// metadata lock.
func (c *copier) describe(ctx context.Context, t tableName) (*schema.Table, error) {
	var columns []catalogColumn
	var labels map[int][][]byte
	var level string
	var indexes []index
	err := c.src.ask(ctx, "ask for the columns of a table", func(conn *client.Conn) (err error) {
		if err = showAll(conn, &c.src.server); err != nil {
			return err
		}
		if columns, indexes, err = queryColumns(conn, t.database, t.name); err != nil {
			return err
		}
		if level, err = queryMetadata(conn); err != nil {
			return err
		}
		labels, err = queryLabels(conn, columns)
		return err
	})
	if err != nil {
		return nil, err
	}
	key := keyAmong(indexes, level == "FULL", func(name string) bool {
		return slices.ContainsFunc(columns, func(c catalogColumn) bool { return c.name == name && isVirtual(c.extra) })
	})
	key.promote(columns)
	full, err := logged(t, columns, labels, c.src.server.MariaDB)
	if err != nil {
		return nil, notRead(t.String(), err)
	}
	full.Columns = append(full.Columns, hidden(indexes, c.src.server.MariaDB)...)
	tm := full
	if level != "FULL" {
		if tm, err = fit(bare(full, level == "MINIMAL"), columns); err != nil {
			return nil, notRead(t.String(), err)
		}
	}
	table, err := c.src.describe(tm)
	if err != nil {
		return nil, err
	}
	return c.version(table, full, columns, key)
}

// version completes a version, or finds it among those that were made.
func (c *copier) version(table schema.Table, full *binlog.TableMap, columns []catalogColumn, key *index) (*schema.Table, error) {
	version, err := schema.NewTable(table)
	if err != nil {
		return nil, err
	}
	l := newCopyLayout(full, columns, key)
	version.Layout = l
	for i := range version.Columns {
		if version.Columns[i].Codec, err = values.CellFor(full.Columns[i], c.src.values()); err != nil {
			return nil, notRead(version.String(), fmt.Errorf("column %q: %w", full.Columns[i].Name, err))
		}
	}
	id := version.Version + fmt.Sprint(version.Key) + l.id()
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.versions[id]; old != nil {
		return old, nil
	}
	if len(c.versions) > mostIDs {
		clear(c.versions)
	}
	c.versions[id] = version
	return version, nil
}

// logged returns the table map that the server writes for a table with
// binlog_row_metadata=FULL.
func logged(t tableName, columns []catalogColumn, labels map[int][][]byte, mariadb bool) (*binlog.TableMap, error) {
	if len(columns) == 0 {
		return nil, errors.New("the user has no SELECT on it")
	}
	tm := &binlog.TableMap{Database: t.database, Name: t.name, Columns: make([]binlog.Column, len(columns)), Key: keyOf(columns), Full: true}
	for i := range columns {
		col, err := columns[i].logged(mariadb)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", columns[i].name, err)
		}
		col.Labels = labels[i]
		tm.Columns[i] = col
	}
	return tm, nil
}

// bare takes out of a table map what the server leaves out without
// binlog_row_metadata=FULL. MariaDB's NO_LOG leaves out everything.
func bare(full *binlog.TableMap, minimal bool) *binlog.TableMap {
	tm := *full
	tm.Columns = slices.Clone(full.Columns)
	tm.Key, tm.Full = nil, false
	for i := range tm.Columns {
		c := &tm.Columns[i]
		c.Name, c.Labels, c.Invisible = "", nil, false
		if c.Type == binlog.TypeEnum || c.Type == binlog.TypeSet {
			c.Charset = 0
		}
		if !minimal {
			c.SignKnown, c.Unsigned, c.Charset, c.Geometry, c.Dimension = false, false, 0, 0, 0
		}
	}
	return &tm
}

var geometries = map[string]uint8{
	"geometry": 0, "point": 1, "linestring": 2, "polygon": 3, "multipoint": 4, "multilinestring": 5, "multipolygon": 6,
	"geomcollection": 7, "geometrycollection": 7,
}

// addresses are MariaDB's types that its log writes as BINARY, by their bytes.
var addresses = map[string]uint16{"uuid": 16, "inet4": 4, "inet6": 16}

// logged returns the column as the log has it (MySQL: Table_map_log_event and the
// save_field_metadata of each type).
func (c *catalogColumn) logged(mariadb bool) (binlog.Column, error) {
	col := binlog.Column{Name: c.name, Nullable: c.nullable, Charset: c.charset, Invisible: !mariadb && strings.Contains(c.extra, "INVISIBLE")}
	compressed := mariadb && strings.Contains(c.afterType(), "compressed")
	shape, isGeometry := geometries[c.kind]
	types := kinds[c.kind]
	switch {
	case isGeometry:
		col.Type, col.Meta, col.Geometry = binlog.TypeGeometry, 4, shape
		if mariadb {
			col.Charset = collationBinary
		}
		return col, nil
	case len(types) == 0:
		return col, fmt.Errorf("the type %s is not known", c.kind)
	case strings.Contains(c.full, "mariadb-5.3"): // see resolveOldTime
		col.Type = types[1]
		return col, nil
	}
	col.Type = types[0]
	switch c.kind {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "float", "double", "decimal":
		col.SignKnown, col.Unsigned = true, strings.Contains(c.afterType(), "unsigned")
	case "year":
		col.SignKnown, col.Unsigned = true, true
	}
	switch c.kind {
	case "float":
		col.Meta = 4
	case "double":
		col.Meta = 8
	case "decimal":
		col.Meta = uint16(c.precision)<<8 | uint16(c.scale)
	case "bit":
		col.Meta = uint16(c.precision)
	case "time", "datetime", "timestamp":
		col.Meta = uint16(c.digits)
	case "char", "binary":
		col.Meta = uint16(c.octets)
	case "varchar", "varbinary":
		col.Meta = uint16(c.octets)
		if compressed {
			col.Type = binlog.TypeVarcharCompressed
			col.Meta++ // for the method
		}
	case "tinytext", "text", "mediumtext", "longtext", "tinyblob", "blob", "mediumblob", "longblob":
		col.Meta = widths[c.kind]
		if compressed {
			col.Type = binlog.TypeBlobCompressed
		}
	case "json":
		col.Meta = 4
	case "vector":
		col.Charset = collationBinary
		if mariadb {
			col.Type, col.Meta = binlog.TypeVarchar, uint16(c.octets)
			break
		}
		col.Meta = 4
		_, dimension, _ := strings.Cut(strings.TrimSuffix(c.full, ")"), "(")
		n, err := strconv.ParseUint(dimension, 10, 32)
		if err != nil {
			return col, errors.New("the catalog does not tell its dimension")
		}
		col.Dimension = uint32(n)
	case "enum", "set":
		labels, err := parseLabels(c.full)
		if err != nil {
			return col, err
		}
		col.Meta = labelWidth(c.kind, len(labels))
		if c.collation == "" {
			col.Charset = collationBinary // the catalog has NULL for it
		}
	case "uuid", "inet4", "inet6":
		col.Meta, col.Charset = addresses[c.kind], collationBinary
	}
	return col, nil
}

func isVirtual(extra string) bool {
	return strings.Contains(strings.ToUpper(extra), "VIRTUAL GENERATED")
}

// labelWidth returns the bytes of the number that stands for a label, or for a set
// of them.
func labelWidth(kind string, labels int) uint16 {
	switch {
	case kind == "enum" && labels < 256:
		return 1
	case kind == "enum":
		return 2
	case labels > 32:
		return 8
	}
	return uint16(labels+7) / 8
}

// queryLabels returns the labels of columns by index as the log has them, in the
// column's character set. The catalog has them as UTF-8.
func queryLabels(conn *client.Conn, columns []catalogColumn) (map[int][][]byte, error) {
	all := make(map[int][][]byte)
	for i := range columns {
		c := &columns[i]
		if c.kind != "enum" && c.kind != "set" {
			continue
		}
		labels, err := parseLabels(c.full)
		if err != nil {
			continue // which logged says
		}
		all[i] = labels
		if strings.HasPrefix(c.set, "utf8") || c.set == "" || c.set == "binary" || len(labels) == 0 {
			continue
		}
		sql := "SELECT "
		for k, label := range labels {
			if k > 0 {
				sql += ", "
			}
			sql += "HEX(CONVERT(_utf8mb4 x'" + hex.EncodeToString(label) + "' USING " + c.set + "))"
		}
		rows, err := query(conn, sql)
		if err != nil {
			return nil, err
		}
		for k := range labels {
			if labels[k], err = hex.DecodeString(rows[0][k]); err != nil {
				return nil, errForeign
			}
		}
	}
	return all, nil
}
