package binlog

// A ColumnType is the type of a column as a table map writes it, after
// unpacking: ENUM and SET stand in the log as STRING (MySQL: enum_field_types).
type ColumnType uint8

// The types of columns that row events are made of.
//
// TypeTimestamp, TypeTime and TypeDatetime are those of tables made before MySQL
// 5.6, or on MariaDB without mysql56_temporal_format. They are read as having no
// fraction. MariaDB has old columns with a fraction too, whose values are longer,
// and the log does not tell the two apart: who reads a MariaDB must know from the
// catalog that such a column has none.
const (
	TypeDecimal    ColumnType = 0 // before MySQL 5.0, refused
	TypeTiny       ColumnType = 1
	TypeShort      ColumnType = 2
	TypeLong       ColumnType = 3
	TypeFloat      ColumnType = 4
	TypeDouble     ColumnType = 5
	TypeNull       ColumnType = 6
	TypeTimestamp  ColumnType = 7 // old, as are 11 and 12: see below
	TypeLonglong   ColumnType = 8
	TypeInt24      ColumnType = 9
	TypeDate       ColumnType = 10
	TypeTime       ColumnType = 11
	TypeDatetime   ColumnType = 12
	TypeYear       ColumnType = 13
	TypeVarchar    ColumnType = 15
	TypeBit        ColumnType = 16
	TypeTimestamp2 ColumnType = 17
	TypeDatetime2  ColumnType = 18
	TypeTime2      ColumnType = 19
	TypeVector     ColumnType = 242
	TypeJSON       ColumnType = 245
	TypeNewDecimal ColumnType = 246
	TypeEnum       ColumnType = 247
	TypeSet        ColumnType = 248
	TypeBlob       ColumnType = 252
	TypeVarString  ColumnType = 253
	TypeString     ColumnType = 254
	TypeGeometry   ColumnType = 255

	// MariaDB's compressed columns.
	TypeBlobCompressed    ColumnType = 140
	TypeVarcharCompressed ColumnType = 141
)

// A Column is one column of a table map.
type Column struct {
	Type ColumnType
	// Meta depends on Type. Varchar, VarString, String, VarcharCompressed:
	// largest length in bytes (of the compressed one, as it is stored). Blob,
	// JSON, Geometry, Vector, BlobCompressed: bytes of the length prefix, 1 to 4.
	// Enum, Set: bytes of the number, 1, 2 (Enum) to 8 (Set). NewDecimal:
	// precision<<8 | scale. Bit: number of bits. Float, Double: bytes.
	// Timestamp2, Datetime2, Time2: digits of the fraction. Else 0.
	Meta     uint16
	Nullable bool

	// What follows is optional metadata (binlog_row_metadata). With MINIMAL
	// there is SignKnown, Unsigned, Charset (but of Enum and Set) and Geometry.
	SignKnown bool
	Unsigned  bool     // numbers only; YEAR is one, and unsigned
	Charset   uint16   // id of the collation; 63 is binary; 0 if not known or if the type has none
	Geometry  uint8    // Geometry: subtype
	Dimension uint32   // Vector: number of elements, 0 if not known
	Name      string   // "" if not known
	Labels    [][]byte // Enum, Set: in the column's character set; nil if not known
	Invisible bool
}

// A TableMap describes a table from one event on to the next table map of its
// id (TABLE_MAP_EVENT).
type TableMap struct {
	ID       uint64
	Database string
	Name     string
	Columns  []Column
	// Key holds the primary key as indexes of Columns, in key order; empty if
	// there is none or it is not known. Which parts are prefixes is not kept.
	Key []int
	// Full says that the metadata has names, labels and key
	// (binlog_row_metadata=FULL).
	Full bool
}
