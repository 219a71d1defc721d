package workload

import "strings"

// insertion returns an INSERT of rows.
func insertion(s session, t *table, rows [][]value) (sql string, args []any) {
	var b strings.Builder
	b.WriteString("INSERT INTO " + t.Name + " VALUES ")
	for i, row := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		sep := "("
		for _, v := range row {
			var text string
			text, args = s.value(v, args)
			b.WriteString(sep + text)
			sep = ", "
		}
		b.WriteByte(')')
	}
	return b.String(), args
}

// where appends the condition that finds a row.
func where(s session, t *table, sql string, args []any, values []value) (string, []any) {
	word := " WHERE "
	for _, i := range t.find {
		var text string
		text, args = s.value(values[i], args)
		sql += word + t.columns[i].name + " = " + text
		word = " AND "
	}
	return sql, args
}
