package values

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

var integerNames = map[binlog.ColumnType]string{
	binlog.TypeTiny: "tinyint", binlog.TypeShort: "smallint", binlog.TypeInt24: "mediumint",
	binlog.TypeLong: "int", binlog.TypeLonglong: "bigint",
}

var geometryNames = []string{
	"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geomcollection",
}

// blobNames are by the bytes of the length.
var blobNames = [5]string{"", "tiny", "", "medium", "long"}

func integerWidth(t binlog.ColumnType) uint8 {
	switch t {
	case binlog.TypeTiny:
		return 1
	case binlog.TypeShort:
		return 2
	case binlog.TypeInt24:
		return 3
	case binlog.TypeLong:
		return 4
	}
	return 8
}

// typeName names a type that there is no codec for.
func typeName(t binlog.ColumnType) string {
	switch t {
	case binlog.TypeDecimal:
		return "decimal, from before MySQL 5.0"
	case binlog.TypeNull:
		return "null"
	}
	return fmt.Sprintf("number %d of the log", t)
}

// sqlTypeOf is for a column that has a codec.
func sqlTypeOf(c binlog.Column) string {
	switch c.Type {
	case binlog.TypeTiny, binlog.TypeShort, binlog.TypeInt24, binlog.TypeLong, binlog.TypeLonglong:
		return integerNames[c.Type] + unsigned(c)
	case binlog.TypeBit:
		return fmt.Sprintf("bit(%d)", c.Meta)
	case binlog.TypeYear:
		return "year"
	case binlog.TypeFloat:
		return "float" + unsigned(c)
	case binlog.TypeDouble:
		return "double" + unsigned(c)
	case binlog.TypeNewDecimal:
		return fmt.Sprintf("decimal(%d,%d)", c.Meta>>8, c.Meta&0xff) + unsigned(c)
	case binlog.TypeDate:
		return "date"
	case binlog.TypeTime2:
		return "time" + digits(c)
	case binlog.TypeDatetime2:
		return "datetime" + digits(c)
	case binlog.TypeTimestamp2:
		return "timestamp" + digits(c)
	case binlog.TypeTime, binlog.TypeDatetime, binlog.TypeTimestamp:
		return oldTimeNames[c.Type]
	case binlog.TypeEnum:
		return "enum" + labelList(c)
	case binlog.TypeSet:
		return "set" + labelList(c)
	case binlog.TypeJSON:
		return "json"
	case binlog.TypeGeometry:
		return geometryNames[min(int(c.Geometry), len(geometryNames)-1)]
	case binlog.TypeVector:
		if c.Dimension == 0 {
			return "vector"
		}
		return fmt.Sprintf("vector(%d)", c.Dimension)
	}
	return textTypeOf(c)
}

func textTypeOf(c binlog.Column) string {
	set, err := charsetOf(c.Charset)
	if err != nil {
		panic("values: a text column without a character set has a codec: " + err.Error())
	}
	char, text := "char", "text"
	if set.name == "binary" {
		char, text = "binary", "blob"
	}
	length := int(c.Meta) / set.maxLen
	switch c.Type {
	case binlog.TypeString:
		return fmt.Sprintf("%s(%d)", char, length)
	case binlog.TypeBlob:
		return blobNames[min(int(c.Meta), 4)] + text
	case binlog.TypeBlobCompressed:
		return blobNames[min(int(c.Meta), 4)] + text + " compressed"
	case binlog.TypeVarcharCompressed:
		// It has a byte more than it says, for the method.
		return fmt.Sprintf("var%s(%d) compressed", char, max(int(c.Meta)-1, 0)/set.maxLen)
	}
	return fmt.Sprintf("var%s(%d)", char, length)
}

func unsigned(c binlog.Column) string {
	if c.Unsigned {
		return " unsigned"
	}
	return ""
}

func digits(c binlog.Column) string {
	if c.Meta == 0 {
		return ""
	}
	return fmt.Sprintf("(%d)", c.Meta)
}

// labelList writes the labels as SQL does. They have a codec, so they have a
// UTF-8 form.
func labelList(c binlog.Column) string {
	set, err := charsetOf(c.Charset)
	if err != nil {
		panic("values: labels without a character set have a codec: " + err.Error())
	}
	text := set.codec(true)
	quoted := make([]string, len(c.Labels))
	for i, raw := range c.Labels {
		label, err := text.AppendText(nil, raw)
		if err != nil {
			panic("values: a codec that replaces what has no form failed: " + err.Error())
		}
		quoted[i] = "'" + strings.ReplaceAll(string(label), "'", "''") + "'"
	}
	return "(" + strings.Join(quoted, ",") + ")"
}
