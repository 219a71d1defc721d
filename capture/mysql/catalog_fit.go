package mysql

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// fit lays the catalog's columns beside those of a table map. What the log says
// itself must be the same.
func fit(tm *binlog.TableMap, columns []catalogColumn) (*binlog.TableMap, error) {
	if len(columns) == 0 {
		return nil, errors.New("the table is not there any more, or the user has no SELECT on it")
	}
	if len(columns) < len(tm.Columns) {
		return nil, fmt.Errorf("the table has %d columns now, and had %d: one was dropped, or MariaDB hides some (UNIQUE of a TEXT or BLOB, WITH SYSTEM VERSIONING), "+
			"which nothing names but the log with binlog_row_metadata=FULL", len(columns), len(tm.Columns))
	}
	if len(columns) > len(tm.Columns) {
		return nil, fmt.Errorf("the table has %d columns now, and had %d", len(columns), len(tm.Columns))
	}
	full := *tm
	full.Columns = slices.Clone(tm.Columns)
	full.Key, full.Full = keyOf(columns), true
	for i := range full.Columns {
		if err := columns[i].complete(&full.Columns[i]); err != nil {
			return nil, fmt.Errorf("column %q: %w", columns[i].name, err)
		}
	}
	return &full, nil
}

const (
	collationUTF8   = 45 // utf8mb4_general_ci, as which the catalog gives labels
	collationBinary = 63
)

// complete adds what the catalog says of a column to what the log says.
func (c *catalogColumn) complete(col *binlog.Column) error {
	if !c.is(col) {
		return fmt.Errorf("it is %s now, and had the type %d", c.kind, col.Type)
	}
	if c.nullable != col.Nullable {
		return errors.New("it takes NULL now and did not, or the other way round")
	}
	unsigned := strings.Contains(c.afterType(), "unsigned")
	if col.SignKnown && unsigned != col.Unsigned && isNumber(col.Type) {
		return errors.New("it was signed and is unsigned now, or the other way round")
	}
	if !col.SignKnown { // of a YEAR the log may know it, and the catalog never says it
		col.SignKnown, col.Unsigned = true, unsigned
	}
	if col.Charset != 0 && c.charset != 0 && col.Charset != c.charset {
		return errors.New("it has another character set or collation now")
	}
	if col.Charset == 0 {
		col.Charset = c.charset
	}
	col.Name = c.name
	if col.Type == binlog.TypeEnum || col.Type == binlog.TypeSet {
		labels, err := parseLabels(c.full)
		if err != nil {
			return err
		}
		col.Labels = labels
		if c.collation != "binary" {
			col.Charset = collationUTF8
		}
	}
	return nil
}

// afterType returns what stands behind the name of the type and its parentheses:
// a label may hold any word.
func (c *catalogColumn) afterType() string {
	return strings.ToLower(c.full[strings.LastIndex(c.full, ")")+1:])
}

func isNumber(t binlog.ColumnType) bool {
	switch t {
	case binlog.TypeTiny, binlog.TypeShort, binlog.TypeInt24, binlog.TypeLong, binlog.TypeLonglong,
		binlog.TypeFloat, binlog.TypeDouble, binlog.TypeNewDecimal:
		return true
	}
	return false
}

// kinds says as which types the log writes a type of the catalog.
var kinds = map[string][]binlog.ColumnType{
	"tinyint": {binlog.TypeTiny}, "smallint": {binlog.TypeShort}, "mediumint": {binlog.TypeInt24},
	"int": {binlog.TypeLong}, "bigint": {binlog.TypeLonglong}, "year": {binlog.TypeYear},
	"float": {binlog.TypeFloat}, "double": {binlog.TypeDouble}, "decimal": {binlog.TypeNewDecimal},
	"bit": {binlog.TypeBit}, "date": {binlog.TypeDate},
	"time":      {binlog.TypeTime2, binlog.TypeTime},
	"datetime":  {binlog.TypeDatetime2, binlog.TypeDatetime},
	"timestamp": {binlog.TypeTimestamp2, binlog.TypeTimestamp},
	"char":      {binlog.TypeString}, "binary": {binlog.TypeString},
	"varchar":   {binlog.TypeVarchar, binlog.TypeVarString, binlog.TypeVarcharCompressed},
	"varbinary": {binlog.TypeVarchar, binlog.TypeVarString, binlog.TypeVarcharCompressed},
	"tinytext":  blobs, "text": blobs, "mediumtext": blobs, "longtext": blobs,
	"tinyblob": blobs, "blob": blobs, "mediumblob": blobs, "longblob": blobs,
	"json": {binlog.TypeJSON, binlog.TypeBlob}, "enum": {binlog.TypeEnum}, "set": {binlog.TypeSet},
	"vector": {binlog.TypeVector, binlog.TypeVarchar},
	"uuid":   {binlog.TypeString}, "inet4": {binlog.TypeString}, "inet6": {binlog.TypeString},
}

var blobs = []binlog.ColumnType{binlog.TypeBlob, binlog.TypeBlobCompressed}

// widths are the bytes of the length prefix of TEXT and BLOB.
var widths = map[string]uint16{
	"tinytext": 1, "text": 2, "mediumtext": 3, "longtext": 4,
	"tinyblob": 1, "blob": 2, "mediumblob": 3, "longblob": 4,
}

// is reports whether the log may write a column of the catalog so.
func (c *catalogColumn) is(col *binlog.Column) bool {
	types, known := kinds[c.kind]
	if !known { // those of geometry have many names
		return col.Type == binlog.TypeGeometry
	}
	if !slices.Contains(types, col.Type) {
		return false
	}
	if col.Type == binlog.TypeBlob && widths[c.kind] != 0 && widths[c.kind] != col.Meta {
		return false
	}
	if col.Type == binlog.TypeNewDecimal {
		// The catalog writes decimal(10,2), and decimal(10,0) for decimal(10).
		return strings.HasPrefix(strings.ToLower(c.full), fmt.Sprintf("decimal(%d,%d)", col.Meta>>8, col.Meta&0xff))
	}
	return true
}

// parseLabels reads the labels of enum('a','b') or set(…): quotes are doubled,
// and some characters escaped with a backslash.
func parseLabels(text string) ([][]byte, error) {
	bad := errors.New("the catalog's list of its labels can't be read")
	_, rest, ok := strings.Cut(text, "(")
	labels := [][]byte{}
	for ok {
		if !strings.HasPrefix(rest, "'") {
			return nil, bad
		}
		label := []byte{}
		i := 1
		for ; ; i++ {
			if i >= len(rest) {
				return nil, bad
			}
			c := rest[i]
			if c == '\'' {
				if i+1 >= len(rest) || rest[i+1] != '\'' {
					break
				}
				i++
			} else if c == '\\' && i+1 < len(rest) {
				i++
				c = unescape(rest[i])
			}
			label = append(label, c)
		}
		labels = append(labels, label)
		rest, ok = strings.CutPrefix(rest[i+1:], ",")
	}
	if !strings.HasPrefix(rest, ")") {
		return nil, bad
	}
	return labels, nil
}

// unescape returns what stands behind a backslash as the catalog means it.
func unescape(c byte) byte {
	switch c {
	case '0':
		return 0
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	}
	return c
}
