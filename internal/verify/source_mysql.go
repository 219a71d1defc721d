package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/tailrace/tailrace/internal/workload"
)

// binlogServer is a MySQL or MariaDB. It writes the text that the JSON of an
// event must hold by itself, so that no code of ours vouches for another.
type binlogServer struct{ conn *client.Conn }

func (s binlogServer) close() {
	_ = s.conn.Close() // it only asked questions
}

func (s binlogServer) compare(_ context.Context, t workload.Table, documents []string) (missing, extra int, err error) {
	count := make(map[string]int)
	if err := s.rows(t, func(row string) { count[row]++ }); err != nil {
		return 0, 0, err
	}
	for _, d := range documents {
		row, err := plainRow(t, d)
		if err != nil {
			return 0, 0, err
		}
		count[row]--
	}
	for _, n := range count {
		missing += max(n, 0)
		extra += max(-n, 0)
	}
	return missing, extra, nil
}

// rows calls f with each row of a table, as plainRow writes them.
func (s binlogServer) rows(t workload.Table, f func(row string)) error {
	for _, sql := range []string{"SET NAMES utf8mb4", "SET time_zone = '+00:00'"} {
		if _, err := s.conn.Execute(sql); err != nil {
			return err
		}
	}
	types, err := s.conn.Execute("SELECT DATA_TYPE FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '" +
		t.Name + "' ORDER BY ordinal_position")
	if err != nil {
		return err
	}
	var list []string
	for i, name := range t.Columns {
		kind, err := types.GetString(i, 0)
		if err != nil {
			return err
		}
		list = append(list, expression(kind, name))
	}
	var answer mysql.Result
	return s.conn.ExecuteSelectStreaming("SELECT "+strings.Join(list, ", ")+" FROM "+t.Name, &answer, func(values []mysql.FieldValue) error {
		var b strings.Builder
		for i := range values {
			if values[i].Type == mysql.FieldValueTypeNull {
				b.WriteString("null\x00")
				continue
			}
			fmt.Fprintf(&b, "=%s\x00", values[i].AsString())
		}
		f(b.String())
		return nil
	}, nil)
}

// expression returns SQL for the text of a column in events.
func expression(kind, name string) string {
	switch kind {
	case "timestamp":
		return "CONCAT(REPLACE(CAST(" + name + " AS CHAR), ' ', 'T'), 'Z')"
	case "datetime":
		return "REPLACE(CAST(" + name + " AS CHAR), ' ', 'T')"
	case "bit":
		return "CAST(" + name + " + 0 AS CHAR)"
	case "float": // by itself it prints six digits
		return "CAST(" + name + " + 0e0 AS CHAR)"
	case "blob", "varbinary":
		return "REPLACE(TO_BASE64(" + name + "), '\n', '')"
	}
	return "CAST(" + name + " AS CHAR)"
}

// plainRow writes the columns of a JSON object without JSON's quotes.
func plainRow(t workload.Table, document string) (string, error) {
	o, err := parse(json.RawMessage(document))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range t.Columns {
		text := string(o[name])
		if text == "null" {
			b.WriteString("null\x00")
			continue
		}
		if strings.HasPrefix(text, `"`) {
			if err := json.Unmarshal(o[name], &text); err != nil {
				return "", err
			}
		}
		b.WriteString("=" + text + "\x00")
	}
	return b.String(), nil
}
