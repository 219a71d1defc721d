package binlog

import (
	"bytes"
	"math"
)

// Fields of the optional metadata (MySQL:
// Table_map_event::Optional_metadata_field_type; MariaDB has them up to 11).
const (
	metaSignedness         = 1
	metaDefaultCharset     = 2
	metaColumnCharset      = 3
	metaColumnName         = 4
	metaSetLabels          = 5
	metaEnumLabels         = 6
	metaGeometryType       = 7
	metaSimpleKey          = 8
	metaPrefixedKey        = 9
	metaEnumDefaultCharset = 10
	metaEnumColumnCharset  = 11
	metaVisibility         = 12
	metaVectorDimension    = 13
)

// annotate reads the optional metadata. A field of a newer server is passed
// over. Fields are about the columns of some types only and count these alone.
func (t *TableMap) annotate(f *Format, b []byte) error {
	c := cursor{b: bytes.Clone(b)} // the labels stay
	var seen uint16
	for c.more() {
		kind := c.uint8("optional metadata")
		v := cursor{b: c.packedBytes("optional metadata")}
		if c.bad != "" {
			break
		}
		if kind <= metaVectorDimension {
			if seen&(1<<fieldGroup(kind)) != 0 {
				c.fail("optional metadata")
			}
			seen |= 1 << fieldGroup(kind)
		}
		switch kind {
		case metaSignedness:
			t.signs(&v)
		case metaDefaultCharset:
			t.defaultCharset(&v, f.isCharacter)
		case metaColumnCharset:
			t.columnCharsets(&v, f.isCharacter)
		case metaColumnName:
			t.names(&v)
		case metaSetLabels:
			t.labels(&v, TypeSet)
		case metaEnumLabels:
			t.labels(&v, TypeEnum)
		case metaGeometryType:
			for i := range t.Columns {
				if t.Columns[i].Type == TypeGeometry {
					t.Columns[i].Geometry = uint8(v.atMost(math.MaxUint8, "type of a geometry"))
				}
			}
		case metaSimpleKey, metaPrefixedKey:
			t.key(&v, kind == metaPrefixedKey)
		case metaEnumDefaultCharset:
			t.defaultCharset(&v, isLabelled)
		case metaEnumColumnCharset:
			t.columnCharsets(&v, isLabelled)
		case metaVisibility:
			visible := v.take(uint64(len(t.Columns)+7)/8, "visible columns")
			for i := range visible {
				visible[i] = ^visible[i]
			}
			for i := range t.Columns {
				t.Columns[i].Invisible = bit(visible, i)
			}
		case metaVectorDimension:
			for i := range t.Columns {
				if t.Columns[i].Type == TypeVector {
					t.Columns[i].Dimension = uint32(v.atMost(math.MaxUint32, "dimension of a vector"))
				}
			}
		default:
			continue
		}
		if v.more() {
			v.fail("optional metadata")
		}
		if err := v.err(TableMapEvent); err != nil {
			return err
		}
	}
	return c.err(TableMapEvent)
}

// fieldGroup returns one number for the fields of which a table has one at most:
// two forms of the same.
func fieldGroup(kind uint8) uint8 {
	switch kind {
	case metaColumnCharset, metaPrefixedKey, metaEnumColumnCharset:
		return kind - 1
	}
	return kind
}

// bit returns bit i of a bitmap whose highest bit comes first, false behind its
// end.
func bit(bitmap []byte, i int) bool {
	return i/8 < len(bitmap) && bitmap[i/8]<<(i%8)&0x80 != 0
}

// atMost reads a packed integer up to a limit.
func (c *cursor) atMost(limit uint64, field string) uint64 {
	v := c.packed(field)
	if v > limit {
		c.fail(field)
		return 0
	}
	return v
}

// signs reads a bit for each numeric column.
func (t *TableMap) signs(c *cursor) {
	n := 0
	for i := range t.Columns {
		if t.Columns[i].Type.isNumeric() {
			n++
		}
	}
	bitmap := c.take(uint64(n+7)/8, "signs of numbers")
	n = 0
	for i := range t.Columns {
		if column := &t.Columns[i]; column.Type.isNumeric() {
			column.SignKnown, column.Unsigned = true, bit(bitmap, n)
			n++
		}
	}
}

// defaultCharset reads a collation for the columns that has says, and pairs of
// a column, counted among these, and a collation for those that differ.
func (t *TableMap) defaultCharset(c *cursor, has func(ColumnType) bool) {
	const field = "collation"
	most := uint16(c.atMost(math.MaxUint16, field))
	var columns []*Column
	for i := range t.Columns {
		if column := &t.Columns[i]; has(column.Type) {
			column.Charset = most
			columns = append(columns, column)
		}
	}
	for c.more() {
		i, charset := c.packed(field), c.atMost(math.MaxUint16, field)
		if i >= uint64(len(columns)) {
			c.fail(field)
			return
		}
		columns[i].Charset = uint16(charset)
	}
}

// columnCharsets reads a collation for each column that has says.
func (t *TableMap) columnCharsets(c *cursor, has func(ColumnType) bool) {
	for i := range t.Columns {
		if has(t.Columns[i].Type) {
			t.Columns[i].Charset = uint16(c.atMost(math.MaxUint16, "collation"))
		}
	}
}

func (t *TableMap) names(c *cursor) {
	for i := range t.Columns {
		t.Columns[i].Name = string(c.packedBytes("name of a column"))
	}
	t.Full = true
}

// labels reads, for each column of one type, its labels.
func (t *TableMap) labels(c *cursor, of ColumnType) {
	for i := range t.Columns {
		if t.Columns[i].Type != of {
			continue
		}
		n := c.packed("number of labels")
		labels := [][]byte{}
		for ; n > 0 && c.bad == ""; n-- {
			labels = append(labels, c.packedBytes("label"))
		}
		t.Columns[i].Labels = labels
	}
}

// key reads the primary key's columns, with the lengths of their prefixes if
// some part of the key is a prefix.
func (t *TableMap) key(c *cursor, prefixed bool) {
	t.Key = nil
	for c.more() {
		i := c.packed("column of the key")
		if prefixed {
			c.packed("prefix of a column of the key")
		}
		if c.bad != "" || i >= uint64(len(t.Columns)) || len(t.Key) == len(t.Columns) {
			c.fail("column of the key")
			return
		}
		t.Key = append(t.Key, int(i))
	}
}

// isNumeric reports whether a column of the type has a bit among the signs.
func (t ColumnType) isNumeric() bool {
	switch t {
	case TypeTiny, TypeShort, TypeInt24, TypeLong, TypeLonglong, TypeNewDecimal, TypeFloat, TypeDouble, TypeYear:
		return true
	}
	return false
}

func isLabelled(t ColumnType) bool { return t == TypeEnum || t == TypeSet }

// isCharacter reports whether a column of the type has a collation. To MariaDB
// a geometry is a kind of BLOB, to MySQL a vector is.
func (f *Format) isCharacter(t ColumnType) bool {
	switch t {
	case TypeString, TypeVarString, TypeVarchar, TypeBlob, TypeBlobCompressed, TypeVarcharCompressed:
		return true
	case TypeGeometry:
		return f.MariaDB
	case TypeVector:
		return !f.MariaDB
	}
	return false
}
