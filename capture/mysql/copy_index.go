package mysql

import (
	"fmt"
	"slices"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/quote"
)

// primary is the name of every primary key.
const primary = "PRIMARY"

// An index is one of a table.
type index struct {
	name    string
	columns []string // "" for an expression
	parts   []bool   // of columns: only a prefix is in it
	unique  bool
	null    bool // a column takes NULL
	prefix  bool // of any column
	hash    bool // a MariaDB keeps a hash of what is too long for a tree
}

// queryIndexes returns the indexes of a table in the server's own order.
func queryIndexes(conn *client.Conn, t tableName) ([]index, error) {
	rows, err := queryRecords(conn, "SHOW INDEX FROM "+quote.MySQLQualified(t.database, t.name))
	return indexesOf(rows), err
}

// indexesOf reads what SHOW INDEX says of one table.
func indexesOf(rows []record) (all []index) {
	for _, r := range rows {
		if len(all) == 0 || all[len(all)-1].name != r["key_name"] {
			all = append(all, index{name: r["key_name"], unique: r["non_unique"] == "0", hash: r["index_type"] == "HASH"})
		}
		i := &all[len(all)-1]
		i.columns = append(i.columns, r["column_name"])
		i.null = i.null || r["null"] == "YES"
		i.parts = append(i.parts, r["sub_part"] != "")
		i.prefix = i.prefix || r["sub_part"] != ""
	}
	return all
}

// keyAmong returns the index that is a table's key in the log; nil if there is none.
// With binlog_row_metadata=FULL it may be one that is not declared as primary: the
// first unique one of whole columns that are NOT NULL and stored (MySQL and MariaDB:
// primary_key of TABLE_SHARE).
func keyAmong(all []index, promotes bool, virtual func(column string) bool) *index {
	for i := range all {
		if all[i].name == primary {
			return &all[i]
		}
	}
	for i := range all {
		if x := &all[i]; promotes && x.unique && !x.null && !x.prefix && !x.hash && !slices.Contains(x.columns, "") && !slices.ContainsFunc(x.columns, virtual) {
			return x
		}
	}
	return nil
}

// promote gives columns their places in a key that is not declared as primary.
func (x *index) promote(columns []catalogColumn) {
	if x == nil || x.name == primary {
		return
	}
	x.mark(columns)
}

// mark gives columns their places in the index.
func (x *index) mark(columns []catalogColumn) {
	for place, name := range x.columns {
		for i := range columns {
			if columns[i].name == name {
				columns[i].place, columns[i].prefix = place+1, x.parts[place]
			}
		}
	}
}

// hidden returns the columns in which a MariaDB keeps hashes. They are in the log,
// and no SELECT shows them: rows that are read lack them.
func hidden(all []index, mariadb bool) (columns []binlog.Column) {
	for i := range all {
		if x := &all[i]; mariadb && x.hash && x.unique {
			columns = append(columns, binlog.Column{
				Name: fmt.Sprintf("DB_ROW_HASH_%d", len(columns)+1), Type: binlog.TypeLonglong, Nullable: x.null, SignKnown: true, Unsigned: true,
			})
		}
	}
	return columns
}
