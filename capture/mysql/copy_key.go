package mysql

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/schema"
)

// A copyLayout is how a version of a snapshot is read: what a SELECT names, and how
// values of its key are written in one.
type copyLayout struct {
	columns int         // that are selected; behind them may be some that no SELECT shows
	list    string      // of expressions that are selected
	index   string      // of the key
	key     []keyColumn // in key order; nil if its values can't be given
}

// A keyColumn is a column of a key in statements.
type keyColumn struct {
	index int
	name  string // quoted
	list  string // the expression that is selected
	form  keyForm
	set   string // the character set of text
}

// A keyForm is how a value of a key is written: as text in a Key, and from that in
// a statement.
type keyForm uint8

const (
	keyNone   keyForm = iota // in none that a range of an index could be made of
	keyNumber                // digits
	keyTime                  // as in an event, but as SQL has it
	keyText                  // hex of the bytes in the column's character set
	keyBytes                 // base64, as in an event
	keyUUID                  // likewise, of MariaDB's UUID
	keyInet4                 // likewise
	keyInet6                 // likewise
)

// keyForms are the forms by the catalog's types. What is compared otherwise than it
// is sorted, or as a number that is not exact, is missing.
var keyForms = map[string]keyForm{
	"tinyint": keyNumber, "smallint": keyNumber, "mediumint": keyNumber, "int": keyNumber, "bigint": keyNumber,
	"decimal": keyNumber, "year": keyNumber, "bit": keyNumber,
	"date": keyTime, "time": keyTime, "datetime": keyTime, "timestamp": keyTime,
	"char": keyText, "varchar": keyText, "binary": keyBytes, "varbinary": keyBytes,
	"uuid": keyUUID, "inet4": keyInet4, "inet6": keyInet6,
}

// canSeek reports whether keys of a type of the catalog can be given in a statement.
func canSeek(kind string) bool { return keyForms[strings.ToLower(kind)] != keyNone }

func newCopyLayout(tm *binlog.TableMap, columns []catalogColumn, key *index) *copyLayout {
	l := &copyLayout{columns: len(columns)}
	if key != nil {
		l.index = key.name
	}
	lists := make([]string, len(columns))
	for i := range columns {
		lists[i] = columns[i].list()
	}
	l.list = strings.Join(lists, ", ")
	for _, i := range tm.Key {
		c := &columns[i]
		form := keyForms[c.kind]
		if form == keyText && (c.set == "" || c.charset == collationBinary) {
			form = keyBytes // VARCHAR CHARACTER SET binary
		}
		if form == keyNone || c.prefix {
			l.key = nil
			return l
		}
		l.key = append(l.key, keyColumn{index: i, name: quote.MySQLIdent(c.name), list: lists[i], form: form, set: c.set})
	}
	return l
}

// list returns what is selected for a column: see values.CellFor.
func (c *catalogColumn) list() string {
	name := quote.MySQLIdent(c.name)
	switch c.kind {
	case "float", "double":
		// All of its bits, at the price of an integer. To print a DOUBLE takes a server a
		// microsecond, a quarter of what it needs for a row of a dozen columns.
		return "POINT(" + name + ", 0e0)"
	case "uuid", "inet4", "inet6":
		return fmt.Sprintf("CAST(%s AS BINARY(%d))", name, addresses[c.kind])
	}
	return name
}

// id tells layouts of one version apart: the log does not carry everything that is
// selected.
func (l *copyLayout) id() string { return l.list + fmt.Sprint(l.key) + l.index }

// KeyOf implements capture.Copier.
func (c *copier) KeyOf(t *schema.Table, row event.Row) (capture.Key, error) {
	key := make(capture.Key, len(t.Key))
	for k, i := range t.Key {
		text, err := keyTextOf(&t.Columns[i], row[i])
		if err != nil {
			return nil, failure.StopFrom(err, "exclude the table", "the key of a row of %s can't be read", t)
		}
		key[k] = text
	}
	return key, nil
}

var errNoKey = errors.New("it is not there")

// keyTextOf returns a value of a key as a Key has it. The values of the log and of a
// SELECT give the same.
func keyTextOf(column *schema.Column, v event.Value) (string, error) {
	if v.State != event.Present {
		return "", errNoKey
	}
	if column.Kind == schema.String && !strings.HasPrefix(column.Type, "set(") {
		return hex.EncodeToString(v.Raw), nil
	}
	text, err := column.Codec.AppendText(nil, v.Raw)
	return string(text), err
}

var errKeyForm = errors.New("a bound does not fit the key")

// literal returns a value of a key as SQL that needs no quotes to be trusted: the
// text was made by a Copier, but may have been kept in a file since.
func (k *keyColumn) literal(text string) (string, error) {
	switch k.form {
	case keyNumber:
		digits := strings.TrimPrefix(text, "-")
		if digits == "" || strings.Trim(digits, "0123456789.") != "" {
			return "", errKeyForm
		}
		return text, nil
	case keyTime:
		text = strings.TrimSuffix(strings.Replace(text, "T", " ", 1), "Z")
		if text == "" || strings.Trim(text, "0123456789-: .") != "" {
			return "", errKeyForm
		}
		return "'" + text + "'", nil
	case keyText:
		if _, err := hex.DecodeString(text); err != nil {
			return "", errKeyForm
		}
		// In the column's own character set, so that nothing is converted and the
		// column's collation decides.
		return "_" + k.set + " x'" + text + "'", nil
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", errKeyForm
	}
	sql := "x'" + hex.EncodeToString(b) + "'"
	switch k.form {
	case keyUUID:
		return "CAST(" + sql + " AS UUID)", nil
	case keyInet4:
		return "CAST(" + sql + " AS INET4)", nil
	case keyInet6:
		return "CAST(" + sql + " AS INET6)", nil
	}
	return sql, nil
}

// literals returns the values of a key as SQL.
func (l *copyLayout) literals(key capture.Key) ([]string, error) {
	if len(key) != len(l.key) {
		return nil, errKeyForm
	}
	all := make([]string, len(key))
	for i := range key {
		var err error
		if all[i], err = l.key[i].literal(key[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// beyond returns the condition for keys on one side of a key, in the form that both
// servers make ranges of: (a > 1 OR (a = 1 AND b >= 2)).
func (l *copyLayout) beyond(key capture.Key, operator, last string) (string, error) {
	values, err := l.literals(key)
	if err != nil {
		return "", err
	}
	sql := ""
	for i, column := range slices.Backward(l.key) {
		if sql == "" {
			sql = column.name + " " + last + " " + values[i]
			continue
		}
		sql = column.name + " " + operator + " " + values[i] + " OR (" + column.name + " = " + values[i] + " AND (" + sql + "))"
	}
	return "(" + sql + ")", nil
}

// among returns the condition for exactly some keys.
func (l *copyLayout) among(keys []capture.Key) (string, error) {
	parts := make([]string, len(keys))
	for i, key := range keys {
		values, err := l.literals(key)
		if err != nil {
			return "", err
		}
		for k := range values {
			values[k] = l.key[k].name + " = " + values[k]
		}
		parts[i] = "(" + strings.Join(values, " AND ") + ")"
	}
	return "(" + strings.Join(parts, " OR ") + ")", nil
}
