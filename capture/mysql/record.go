package mysql

import (
	"context"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
)

// A record is a row of an answer by the lower-case names of its columns, which
// differ in case between servers. NULL is missing.
type record map[string]string

// ask puts questions on the side connection and classifies what goes wrong.
func (s *Source) ask(ctx context.Context, doing string, f func(*client.Conn) error) error {
	return classify(doing, s.side.use(ctx, f))
}

// queryRecords returns the answer to one statement. With args it is prepared first.
func queryRecords(c *client.Conn, sql string, args ...any) ([]record, error) {
	result, err := c.Execute(sql, args...)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	if result.Resultset == nil {
		return nil, nil
	}
	records := make([]record, result.RowNumber())
	for i := range records {
		r := make(record, len(result.Fields))
		for j, field := range result.Fields {
			if null, err := result.IsNull(i, j); err != nil || null {
				continue
			}
			text, err := result.GetString(i, j)
			if err != nil {
				return nil, err
			}
			r[strings.ToLower(string(field.Name))] = strings.Clone(text) // its bytes are used again
		}
		records[i] = r
	}
	return records, nil
}

// first returns the first record, nil if there is none.
func first(records []record, err error) (record, error) {
	if err != nil || len(records) == 0 {
		return nil, err
	}
	return records[0], nil
}

// get returns the first of several columns that is there: names differ between
// products and versions.
func (r record) get(names ...string) string {
	for _, name := range names {
		if text, ok := r[name]; ok {
			return text
		}
	}
	return ""
}
