package binlog

import "fmt"

// maxColumns is the most columns that a table can have (MySQL and MariaDB:
// MAX_FIELDS).
const maxColumns = 4096

// TableID returns the id at the start of the body of a table map or rows event.
func TableID(f *Format, body []byte) (uint64, error) {
	c := cursor{b: body}
	id := c.fixed(f.tableID, "table id")
	return id, c.err(TableMapEvent)
}

// TableName returns the names in a table map, which point into its body, without
// reading the rest of it.
func TableName(f *Format, body []byte) (database, name []byte, err error) {
	c := cursor{b: body}
	_, database, name = c.table(f)
	return database, name, c.err(TableMapEvent)
}

func (c *cursor) table(f *Format) (id uint64, database, name []byte) {
	id = c.fixed(f.tableID, "table id")
	c.uint16("flags")
	database = c.shortBytes("database's name")
	c.zero("end of the database's name")
	name = c.shortBytes("table's name")
	c.zero("end of the table's name")
	return id, database, name
}

// ParseTableMap reads a TABLE_MAP_EVENT with its optional metadata (MySQL:
// "Table_map_event"; MariaDB: "TABLE_MAP_EVENT"). The body has no checksum, and
// what is returned does not point into it. A type of column that is not read is
// no error here: see NewLayout.
func ParseTableMap(f *Format, body []byte) (*TableMap, error) {
	c := cursor{b: body}
	id, database, name := c.table(f)
	n := c.packed("number of columns")
	if n > maxColumns {
		c.fail("number of columns")
	}
	types := c.take(n, "types of columns")
	meta := cursor{b: c.packedBytes("metadata of columns")}
	nullable := c.take((n+7)/8, "nullable columns")
	if err := c.err(TableMapEvent); err != nil {
		return nil, err
	}
	t := &TableMap{ID: id, Database: string(database), Name: string(name), Columns: make([]Column, n)}
	for i := range t.Columns {
		column := &t.Columns[i]
		column.Nullable = nullable[i/8]>>(i%8)&1 != 0
		if column.Type = ColumnType(types[i]); !column.describe(&meta) {
			return nil, fmt.Errorf("%s: metadata of column %d of type %d can't be read", TableMapEvent, i, types[i])
		}
	}
	if meta.more() {
		return nil, malformed(TableMapEvent, "metadata of columns")
	}
	if err := t.annotate(f, c.b); err != nil {
		return nil, err
	}
	return t, nil
}

// describe reads the metadata of a column, whose length depends on its type
// (MySQL: "Table_map_event column types"), and reports whether it makes sense.
func (column *Column) describe(c *cursor) bool {
	const field = "metadata"
	switch column.Type {
	case TypeVarchar, TypeVarString, TypeVarcharCompressed:
		column.Meta = c.uint16(field)
	case TypeBlob, TypeJSON, TypeGeometry, TypeVector, TypeBlobCompressed:
		column.Meta = uint16(c.uint8(field))
		return column.Meta >= 1 && column.Meta <= 4
	case TypeFloat:
		column.Meta = uint16(c.uint8(field))
		return column.Meta == 4
	case TypeDouble:
		column.Meta = uint16(c.uint8(field))
		return column.Meta == 8
	case TypeTimestamp2, TypeDatetime2, TypeTime2:
		column.Meta = uint16(c.uint8(field))
		return c.bad == "" && column.Meta <= 6
	case TypeNewDecimal:
		precision, scale := c.uint8(field), c.uint8(field)
		column.Meta = uint16(precision)<<8 | uint16(scale)
		return precision >= 1 && precision <= 65 && scale <= precision
	case TypeBit:
		bits, bytes := c.uint8(field), c.uint8(field)
		column.Meta = uint16(bytes)*8 + uint16(bits)
		return bits < 8 && column.Meta >= 1 && column.Meta <= 64
	case TypeString:
		return column.describeString(c.uint8(field), c.uint8(field)) && c.bad == ""
	}
	return c.bad == ""
}

// describeString unpacks the metadata of a STRING, which may be an ENUM or SET.
// The length of a long CHAR has two of its bits, inverted, in the byte of the
// type, where all types have ones.
func (column *Column) describeString(kind, length uint8) bool {
	const stolen = 0x30
	column.Meta = uint16(length)
	if kind == 0 { // very old servers
		return true
	}
	column.Type = ColumnType(kind | stolen)
	switch column.Type {
	case TypeString:
		column.Meta |= uint16(^kind&stolen) << 4
		return true
	case TypeEnum:
		return kind&stolen == stolen && (length == 1 || length == 2)
	case TypeSet:
		return kind&stolen == stolen && length >= 1 && length <= 8
	}
	return false
}
