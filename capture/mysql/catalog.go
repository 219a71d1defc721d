package mysql

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/failure"
)

// How far behind the log's end the catalog still speaks for a place.
const (
	catalogReach    = 64 << 20
	catalogPatience = 10 * time.Second
)

// columns completes a table map that has no names (binlog_row_metadata is not
// FULL) from the catalog. That speaks of today: so the log is read from the
// event's place to its end, and if a statement between may have changed the
// table, or the end is too far, it is a Stop. The stream's reader calls it.
func (s *Source) columns(ctx context.Context, tm *binlog.TableMap, file string, offset uint64) (*binlog.TableMap, error) {
	var full *binlog.TableMap
	var unfit error
	var end position
	err := s.ask(ctx, "ask for the columns of a table", func(c *client.Conn) error {
		full, unfit = nil, nil
		columns, _, err := queryColumns(c, tm.Database, tm.Name)
		if err != nil {
			return err
		}
		full, unfit = fit(tm, columns)
		// What was done to the table before the answer is before this place.
		end, err = s.queryEnd(c)
		return err
	})
	if err != nil {
		return nil, err
	}
	if unfit != nil {
		return nil, unnamed(tm, unfit)
	}
	if err := s.unchanged(ctx, tm, file, offset, &end); err != nil {
		return nil, err
	}
	return full, nil
}

// unnamed is the error for a table whose columns nobody can name any more.
func unnamed(tm *binlog.TableMap, why error) error {
	return failure.StopFrom(why, "run SET PERSIST binlog_row_metadata = 'FULL' (MariaDB: SET GLOBAL) so that the log names columns; "+
		"then exclude the table, or "+anewHint,
		"the log does not name the columns of table %s.%s, and the server's catalog does not speak of that place any more", tm.Database, tm.Name)
}

// unchanged reads the log from a place to the end and looks for what may have
// changed the table.
func (s *Source) unchanged(ctx context.Context, tm *binlog.TableMap, file string, offset uint64, end *position) error {
	limited, cancel := context.WithTimeout(ctx, catalogPatience)
	defer cancel()
	read := 0
	at := position{file: file}
	err := s.probe(limited, file, offset, func(f frame, to uint64) (more bool, err error) {
		if f.header.Type == binlog.Rotate {
			at.file, at.offset, err = binlog.ParseRotate(f.body)
			return err == nil, err
		}
		if read += int(f.header.Size); read > catalogReach {
			return false, unnamed(tm, errors.New("more than 64 MiB of log lie between"))
		}
		if mayChange(&f, tm.Database, tm.Name) {
			return false, unnamed(tm, errors.New("a statement that may have changed the table lies between"))
		}
		at.offset = to
		return artificial(f.header) || !reached(&at, end), nil
	})
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return unnamed(tm, errors.New("the log between was not read within 10 s"))
	}
	return err
}

// reached reports whether a place in the log is not before another one.
func reached(at, target *position) bool {
	base, _, err1 := fileNumber(at.file)
	base2, _, err2 := fileNumber(target.file)
	return err1 == nil && err2 == nil && base == base2 && max(at.commit(), at.read) >= target.commit()
}

// mayChange reports whether an event holds a statement that may change a table.
// What is no DDL of a known kind must name the table: other text can be left out
// of account where the name has one spelling only.
func mayChange(f *frame, database, name string) bool {
	var q binlog.QueryEvent
	var err error
	switch f.header.Type {
	case binlog.Query:
		q, err = binlog.ParseQuery(f.body)
	case binlog.QueryCompressed:
		q, err = binlog.ParseQueryCompressed(f.body, catalogReach)
	default:
		return false
	}
	if err != nil || f.spooled {
		return true // too large to look into
	}
	if _, _, _, isXA := binlog.XIDOfQuery(q.Text); isXA {
		return false
	}
	switch parseStatement(q.Text).kind {
	case stmtDDL:
		a := parseAltered(q.Text)
		return a.may(string(q.Database), database, name)
	case stmtData:
		return !plain(name) || bytes.Contains(bytes.ToLower(q.Text), []byte(strings.ToLower(name)))
	}
	return false
}

// A catalogColumn is a row of information_schema.columns.
type catalogColumn struct {
	name      string
	kind      string // data_type: int, varchar
	full      string // column_type: int unsigned, enum('a','b')
	nullable  bool
	collation string
	charset   uint16 // the collation's number, 0 if there is none
	place     int    // in the primary key from 1, 0 if it is not in it

	// What a table map says besides, for one that is made of the catalog.
	set              string // name of the character set
	octets           int    // bytes of the longest text
	precision, scale int    // of numbers
	digits           int    // of a second
	extra            string // VIRTUAL GENERATED, INVISIBLE
	prefix           bool   // only a part of it is in the primary key
}

// queryColumns returns the columns and the indexes of a table; nil if it is not
// there, or not for us. The catalog's own table of indexes is not asked: a MariaDB
// opens all tables for that, and its names are compared as texts of a collation.
func queryColumns(c *client.Conn, database, table string) ([]catalogColumn, []index, error) {
	records, err := queryRecords(c, `SELECT c.column_name AS n, c.data_type AS k, c.column_type AS f, c.is_nullable AS o, c.collation_name AS l,
	c.character_set_name AS cs, c.character_octet_length AS b, c.numeric_precision AS np, c.numeric_scale AS ns, c.datetime_precision AS dp, c.extra AS e
FROM information_schema.columns c WHERE c.table_schema = ? AND c.table_name = ? ORDER BY c.ordinal_position`, database, table)
	if err != nil || len(records) == 0 {
		return nil, nil, err
	}
	indexes, err := queryIndexes(c, tableName{database, table})
	if my := serverError(err); my != nil && (my.Code == errNoSuchTable || my.Code == errNoDatabase || isDenied(err)) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	collations, err := queryCollations(c, records)
	if err != nil {
		return nil, nil, err
	}
	columns := make([]catalogColumn, len(records))
	for i, r := range records {
		columns[i] = catalogColumn{
			name: r["n"], kind: strings.ToLower(r["k"]), full: r["f"], nullable: r["o"] == "YES",
			collation: r["l"], charset: collations[r["l"]],
			set: r["cs"], octets: number(r["b"]), precision: number(r["np"]), scale: number(r["ns"]), digits: number(r["dp"]),
			extra: strings.ToUpper(r["e"]),
		}
		switch columns[i].kind {
		case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "uuid", "inet4", "inet6", "vector":
			columns[i].charset = collationBinary // the catalog has NULL for it
		}
	}
	for i := range indexes {
		if indexes[i].name == primary {
			indexes[i].mark(columns)
		}
	}
	return columns, indexes, nil
}

// number reads a number of the catalog, which is 0 where it has none.
func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// queryCollations returns the numbers of the collations of columns, by name: of the
// hundreds that there are a table has a few, and each chunk of a copy asks. MariaDB has
// some that are one name for several character sets: there the full names are in
// another table, in versions that have such.
func queryCollations(c *client.Conn, columns []record) (map[string]uint16, error) {
	var names []any
	for _, r := range columns {
		if name := r["l"]; name != "" && !slices.Contains(names, any(name)) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	in := " IN (?" + strings.Repeat(", ?", len(names)-1) + ")"
	records, err := queryRecords(c, `SELECT full_collation_name AS n, id AS i FROM information_schema.collation_character_set_applicability WHERE full_collation_name`+in, names...)
	if serverError(err) != nil {
		records, err = queryRecords(c, `SELECT collation_name AS n, id AS i FROM information_schema.collations WHERE collation_name`+in, names...)
	}
	if err != nil {
		return nil, err
	}
	ids := make(map[string]uint16, len(records))
	for _, r := range records {
		if id, err := strconv.ParseUint(r["i"], 10, 16); err == nil {
			ids[r["n"]] = uint16(id)
		}
	}
	return ids, nil
}

// keyOf returns the primary key as indexes of columns, in key order.
func keyOf(columns []catalogColumn) []int {
	var key []int
	for i, c := range columns {
		if c.place > 0 {
			key = append(key, i)
		}
	}
	slices.SortFunc(key, func(a, b int) int { return columns[a].place - columns[b].place })
	return key
}
