package mysql

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/quote"
)

var errNoSeek = errors.New("the table has no key that a part could be given by")

// read returns the statement that reads a part. ordered says that its rows come in
// the order of the key.
func (l *copyLayout) read(t tableName, p *capture.Part, limit int) (sql string, err error) {
	if p.Whole {
		return l.statement(t, l.list, p.Where, nil, "", ""), nil
	}
	if len(l.key) == 0 {
		return "", errNoSeek
	}
	if p.Keys != nil {
		if len(p.Keys) == 0 {
			return l.statement(t, l.list, "", []string{"FALSE"}, "", ""), nil
		}
		keys, err := l.among(p.Keys)
		return l.statement(t, l.list, p.Where, []string{keys}, "", ""), err
	}
	bounds, err := l.bounds(p)
	if err != nil {
		return "", err
	}
	tail := l.order()
	if limit > 0 {
		tail += fmt.Sprintf(" LIMIT %d", limit)
	}
	return l.statement(t, l.list, p.Where, bounds, l.force(), tail), nil
}

// seek returns the statement for the key that has so many rows of a part before it.
func (l *copyLayout) seek(t tableName, p *capture.Part, rows int) (string, error) {
	if len(l.key) == 0 {
		return "", errNoSeek
	}
	bounds, err := l.bounds(p)
	if err != nil {
		return "", err
	}
	lists := make([]string, len(l.key))
	for i := range l.key {
		lists[i] = l.key[i].list
	}
	return l.statement(t, strings.Join(lists, ", "), p.Where, bounds, l.force(), l.order()+fmt.Sprintf(" LIMIT 1 OFFSET %d", rows)), nil
}

// force keeps the optimizer from sorting what another index gives: rows come from
// the first on, and no more of them are looked at than are wanted.
func (l *copyLayout) force() string { return " FORCE INDEX (" + quote.MySQLIdent(l.index) + ")" }

func (l *copyLayout) order() string {
	names := make([]string, len(l.key))
	for i := range l.key {
		names[i] = l.key[i].name
	}
	return " ORDER BY " + strings.Join(names, ", ")
}

// bounds returns the conditions for a range.
func (l *copyLayout) bounds(p *capture.Part) (all []string, err error) {
	if p.After != nil {
		sql, err := l.beyond(p.After, ">", ">")
		if err != nil {
			return nil, err
		}
		all = append(all, sql)
	}
	if p.UpTo != nil {
		sql, err := l.beyond(p.UpTo, "<", "<=")
		if err != nil {
			return nil, err
		}
		all = append(all, sql)
	}
	return all, nil
}

func (l *copyLayout) statement(t tableName, list, where string, conditions []string, hint, tail string) string {
	sql := "SELECT " + list + " FROM " + quote.MySQLQualified(t.database, t.name) + hint
	if where != "" {
		conditions = append(conditions, "(\n"+where+"\n)") // a comment at its end ends there
	}
	if len(conditions) > 0 {
		sql += " WHERE " + strings.Join(conditions, " AND ")
	}
	return sql + tail
}
