package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/quote"
)

// from returns what is behind SELECT … for the rows of a part: FROM and WHERE.
func (t *copyTable) from(p capture.Part) string {
	var all []string
	if p.After != nil {
		all = append(all, t.row()+" > "+t.literal(p.After))
	}
	if p.UpTo != nil {
		all = append(all, t.row()+" <= "+t.literal(p.UpTo))
	}
	if p.Keys != nil {
		all = append(all, t.row()+" IN ("+t.values(p.Keys)+")")
	}
	for _, condition := range []string{t.filter, p.Where} {
		if condition != "" {
			all = append(all, "("+condition+"\n)") // a comment ends with its line
		}
	}
	sql := " FROM " + t.name
	if len(all) > 0 {
		sql += " WHERE " + strings.Join(all, " AND ")
	}
	return sql
}

// row is the key as an expression. Columns are qualified, since ORDER BY would take
// a bare name for that of what is selected.
func (t *copyTable) row() string { return parenthesized(t.qualified()) }

func (t *copyTable) qualified() []string {
	names := make([]string, len(t.keys))
	for i, k := range t.keys {
		names[i] = t.name + "." + k
	}
	return names
}

// order is ORDER BY for the rows of a part in key order. The server compares, by
// the collation of the column.
func (t *copyTable) order() string { return " ORDER BY " + strings.Join(t.qualified(), ", ") }

// literal is a key as an expression.
func (t *copyTable) literal(k capture.Key) string {
	parts := make([]string, len(k))
	for i, text := range k {
		parts[i] = quote.PostgresLiteral(text) + "::" + t.types[i]
	}
	return parenthesized(parts)
}

func parenthesized(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// values is a query of keys: the planner looks each up in the index. A list of them
// is an OR of as many conditions, if they have several columns.
func (t *copyTable) values(keys []capture.Key) string {
	var sql strings.Builder
	sql.WriteString("VALUES ")
	for i, k := range keys {
		if i > 0 {
			sql.WriteString(", ")
		}
		sql.WriteByte('(')
		for n, text := range k {
			if n > 0 {
				sql.WriteString(", ")
			}
			sql.WriteString(quote.PostgresLiteral(text))
			sql.WriteString("::")
			sql.WriteString(t.types[n])
		}
		sql.WriteByte(')')
	}
	return sql.String()
}

// searching is the statement that lets the operators of the key be found, until the
// transaction ends; "" where they are found anyway.
func (t *copyTable) searching() string {
	if t.path == "" {
		return ""
	}
	return `SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', nullif(pg_catalog.current_setting('search_path'), ''), ` +
		quote.PostgresLiteral(t.path) + `), true); `
}

// copySQL is the statements that send a part, once the operators of the key are found.
func (t *copyTable) copySQL(p capture.Part, rows int) string {
	sql, body := "", "SELECT "+t.columns+t.from(p)
	if p.Whole {
		sql += "SET LOCAL enable_seqscan = on; "
	} else if p.Keys == nil {
		body += t.order()
	}
	if rows > 0 {
		body += fmt.Sprintf(" LIMIT %d", rows)
	}
	return sql + "COPY (" + body + ") TO STDOUT"
}

// Split implements capture.CopySession. The server's text of a key is the one that
// COPY writes; cast to text, some types have another.
func (s *copySession) Split(ctx context.Context, p capture.Part, rows int) (capture.Key, error) {
	if err := s.connected(ctx); err != nil {
		return nil, err
	}
	id, err := s.find(ctx, p.Table)
	if err != nil {
		return nil, err
	}
	doing := "look for a key of table " + p.Table
	results, err := s.conn.Exec(ctx, describeColumns(id)+";"+describePublications(id, s.copier.publicationNames(), major(s.conn))).ReadAll()
	if err != nil {
		return nil, s.failed(doing, p.Table, err)
	}
	t, err := s.describe(ctx, id, described{texts(results[0]), texts(results[1])})
	if err != nil {
		return nil, err
	}
	if !t.keyed(p.After, p.UpTo) {
		return nil, errOtherKey(p.Table)
	}
	sql := "BEGIN READ ONLY; " + t.searching() + "SELECT " + strings.Join(t.qualified(), ", ") + t.from(p) + t.order() + fmt.Sprintf(" OFFSET %d LIMIT 1", rows)
	results, err = s.conn.Exec(ctx, sql).ReadAll()
	if undone := s.Finish(ctx); err == nil {
		err = undone
	}
	if err != nil {
		return nil, s.refused(doing, p, err)
	}
	found := texts(results[len(results)-1])
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}
