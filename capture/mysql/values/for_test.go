package values_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/schema"
)

func TestColumnsHaveKindAndSQLType(t *testing.T) {
	labels := [][]byte{[]byte("a"), []byte("it's"), []byte("\xe4")}
	tests := []struct {
		column  binlog.Column
		kind    schema.Kind
		sqlType string
	}{
		{binlog.Column{Type: binlog.TypeTiny, SignKnown: true}, schema.Int, "tinyint"},
		{binlog.Column{Type: binlog.TypeShort, SignKnown: true, Unsigned: true}, schema.Int, "smallint unsigned"},
		{binlog.Column{Type: binlog.TypeInt24, SignKnown: true}, schema.Int, "mediumint"},
		{binlog.Column{Type: binlog.TypeLong, SignKnown: true, Unsigned: true}, schema.Int, "int unsigned"},
		{binlog.Column{Type: binlog.TypeLonglong, SignKnown: true}, schema.Int, "bigint"},
		{binlog.Column{Type: binlog.TypeBit, Meta: 12}, schema.Int, "bit(12)"},
		{binlog.Column{Type: binlog.TypeYear}, schema.Int, "year"},
		{binlog.Column{Type: binlog.TypeFloat, Meta: 4}, schema.Float, "float"},
		{binlog.Column{Type: binlog.TypeDouble, Meta: 8, Unsigned: true}, schema.Float, "double unsigned"},
		{binlog.Column{Type: binlog.TypeNewDecimal, Meta: 12<<8 | 2}, schema.Decimal, "decimal(12,2)"},
		{binlog.Column{Type: binlog.TypeDate}, schema.Date, "date"},
		{binlog.Column{Type: binlog.TypeTime2}, schema.Time, "time"},
		{binlog.Column{Type: binlog.TypeDatetime2, Meta: 6}, schema.Timestamp, "datetime(6)"},
		{binlog.Column{Type: binlog.TypeTimestamp2, Meta: 3}, schema.TimestampTZ, "timestamp(3)"},
		{binlog.Column{Type: binlog.TypeTime}, schema.Time, "time"},
		{binlog.Column{Type: binlog.TypeDatetime}, schema.Timestamp, "datetime"},
		{binlog.Column{Type: binlog.TypeTimestamp}, schema.TimestampTZ, "timestamp"},
		{binlog.Column{Type: binlog.TypeVarchar, Meta: 160, Charset: 255}, schema.String, "varchar(40)"},
		{binlog.Column{Type: binlog.TypeVarchar, Meta: 120, Charset: 33}, schema.String, "varchar(40)"},
		{binlog.Column{Type: binlog.TypeVarString, Meta: 40, Charset: 8}, schema.String, "varchar(40)"},
		{binlog.Column{Type: binlog.TypeString, Meta: 1020, Charset: 45}, schema.String, "char(255)"},
		{binlog.Column{Type: binlog.TypeBlob, Meta: 1, Charset: 8}, schema.String, "tinytext"},
		{binlog.Column{Type: binlog.TypeBlob, Meta: 2, Charset: 8}, schema.String, "text"},
		{binlog.Column{Type: binlog.TypeBlob, Meta: 3, Charset: 8}, schema.String, "mediumtext"},
		{binlog.Column{Type: binlog.TypeBlob, Meta: 4, Charset: 63}, schema.Bytes, "longblob"},
		{binlog.Column{Type: binlog.TypeString, Meta: 16, Charset: 63}, schema.Bytes, "binary(16)"},
		{binlog.Column{Type: binlog.TypeVarchar, Meta: 16, Charset: 63}, schema.Bytes, "varbinary(16)"},
		{binlog.Column{Type: binlog.TypeEnum, Meta: 1, Charset: 8, Labels: labels}, schema.Enum, "enum('a','it''s','ä')"},
		{binlog.Column{Type: binlog.TypeSet, Meta: 1, Charset: 8, Labels: labels}, schema.String, "set('a','it''s','ä')"},
		{binlog.Column{Type: binlog.TypeJSON, Meta: 4}, schema.JSON, "json"},
		{binlog.Column{Type: binlog.TypeGeometry, Meta: 4}, schema.JSON, "geometry"},
		{binlog.Column{Type: binlog.TypeGeometry, Meta: 4, Geometry: 6}, schema.JSON, "multipolygon"},
		{binlog.Column{Type: binlog.TypeVector, Meta: 2, Dimension: 3}, schema.Array, "vector(3)"},
		{binlog.Column{Type: binlog.TypeVector, Meta: 2}, schema.Array, "vector"},
	}
	for _, test := range tests {
		t.Run(test.sqlType, func(t *testing.T) {
			_, kind, sqlType, err := values.For(test.column, values.Options{})
			if err != nil || kind != test.kind || sqlType != test.sqlType {
				t.Errorf("For(%+v) = %s, %s, %v; want %s, %s", test.column, kind, sqlType, err, test.kind, test.sqlType)
			}
		})
	}
}

func TestColumnsThatCantBeReadAreRefusedByName(t *testing.T) {
	tests := []struct {
		name   string
		column binlog.Column
		o      values.Options
		want   string
	}{
		{"a type of the future", binlog.Column{Type: 244}, values.Options{}, "number 244"},
		{"a decimal of the past", binlog.Column{Type: binlog.TypeDecimal}, values.Options{}, "decimal"},
		{"an integer without a sign", binlog.Column{Type: binlog.TypeInt24}, values.Options{}, "whether the mediumint is unsigned"},
		{"text without a character set", binlog.Column{Type: binlog.TypeBlob, Meta: 2}, values.Options{}, "does not tell the character set"},
		{"a collation of the future", binlog.Column{Type: binlog.TypeBlob, Meta: 2, Charset: 1023}, values.Options{}, "1023"},
		{"a MariaDB collation of the future", binlog.Column{Type: binlog.TypeBlob, Meta: 2, Charset: 65535}, values.Options{}, "65535"},
		{"text of swe7", binlog.Column{Type: binlog.TypeBlob, Meta: 2, Charset: 10}, values.Options{}, "swe7"},
		{"an enum without labels", binlog.Column{Type: binlog.TypeEnum, Meta: 1, Charset: 8}, values.Options{}, "labels of the enum"},
		{"a set without labels", binlog.Column{Type: binlog.TypeSet, Meta: 1, Charset: 8}, values.Options{}, "labels of the set"},
		{"an enum without a character set", binlog.Column{Type: binlog.TypeEnum, Meta: 1, Labels: [][]byte{{'a'}}}, values.Options{}, "character set"},
		{"a label that is no text", binlog.Column{Type: binlog.TypeEnum, Meta: 1, Charset: 255, Labels: [][]byte{{'a'}, {0xff}}}, values.Options{}, "label 2"},
		{"a set of 65 labels", binlog.Column{Type: binlog.TypeSet, Meta: 8, Charset: 8, Labels: make([][]byte, 65)}, values.Options{}, "65 labels"},
		{"a decimal of 66 digits", binlog.Column{Type: binlog.TypeNewDecimal, Meta: 66 << 8}, values.Options{}, "66 digits"},
		{"a decimal of no digits", binlog.Column{Type: binlog.TypeNewDecimal}, values.Options{}, "0 digits"},
		{"a bit of 65 bits", binlog.Column{Type: binlog.TypeBit, Meta: 65}, values.Options{}, "65 bits"},
		{"a datetime with nanoseconds", binlog.Column{Type: binlog.TypeDatetime2, Meta: 9}, values.Options{}, "9 digits"},
		{"a binary of 256 bytes", binlog.Column{Type: binlog.TypeString, Meta: 256, Charset: 63}, values.Options{}, "256 bytes"},
		{"an old datetime of MariaDB", binlog.Column{Type: binlog.TypeDatetime}, values.Options{MariaDB: true}, "mysql56_temporal_format"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			codec, _, _, err := values.For(test.column, test.o)
			if err == nil || codec != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("For(%+v): got %v, %v; want an error with %q", test.column, codec, err, test.want)
			}
		})
	}
}

func TestWireTellsColumnsApart(t *testing.T) {
	labels := func(texts ...string) (l [][]byte) {
		for _, text := range texts {
			l = append(l, []byte(text))
		}
		return l
	}
	columns := []binlog.Column{
		{Type: binlog.TypeLong},
		{Type: binlog.TypeLonglong},
		{Type: binlog.TypeLong, Nullable: true},
		{Type: binlog.TypeLong, Unsigned: true},
		{Type: binlog.TypeVarchar, Meta: 40, Charset: 8},
		{Type: binlog.TypeVarchar, Meta: 80, Charset: 8},
		{Type: binlog.TypeVarchar, Meta: 40, Charset: 255},
		{Type: binlog.TypeGeometry, Meta: 4},
		{Type: binlog.TypeGeometry, Meta: 4, Geometry: 1},
		{Type: binlog.TypeVector, Meta: 4, Dimension: 3},
		{Type: binlog.TypeVector, Meta: 4, Dimension: 4},
		{Type: binlog.TypeEnum, Meta: 1, Charset: 8},
		{Type: binlog.TypeEnum, Meta: 1, Charset: 8, Labels: labels("ab", "c")},
		{Type: binlog.TypeEnum, Meta: 1, Charset: 8, Labels: labels("a", "bc")},
		{Type: binlog.TypeSet, Meta: 1, Charset: 8, Labels: labels("ab", "c")},
	}
	seen := make(map[string]int)
	for i, c := range columns {
		wire := values.Wire(c)
		if j, ok := seen[wire]; ok {
			t.Errorf("Wire(%+v) = %s, which is also that of %+v", c, wire, columns[j])
		}
		seen[wire] = i
	}
	c := binlog.Column{Type: binlog.TypeEnum, Meta: 1, Nullable: true, Charset: 8, Labels: labels("ab", "c")}
	if got, want := values.Wire(c), "247/1,null,charset=8,labels=c150b536a0d7450f"; got != want {
		t.Errorf("Wire(%+v) = %s, want %s for ever: it is part of the table version", c, got, want)
	}
}
