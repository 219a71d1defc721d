package replay

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// CompareMySQL compares the named tables, each db.table, with those of a server
// of the MySQL family that nobody writes to meanwhile. A table without events
// must be empty there. It changes settings of the session.
func (t *Tables) CompareMySQL(conn *client.Conn, names []string) ([]Result, error) {
	if _, err := conn.Execute("SET time_zone = '+00:00', character_set_results = 'utf8mb4'"); err != nil {
		return nil, fmt.Errorf("compare with the source: %w", err)
	}
	return t.compare(names, func(name string) ([]string, error) {
		db, table, _ := strings.Cut(name, ".")
		result, err := conn.Execute("SELECT * FROM " + quoteMySQL(db) + "." + quoteMySQL(table))
		if err != nil {
			return nil, err
		}
		defer result.Close()
		var kinds map[string]string
		if ours := t.tables[name]; ours != nil {
			kinds = ours.kinds()
		}
		var rows []string
		for _, data := range result.RowDatas {
			text, err := mysqlRow(data, result.Fields, kinds)
			if err != nil {
				return nil, err
			}
			rows = append(rows, text)
		}
		return rows, nil
	})
}

// mysqlRow makes a JSON object of a row as the server prints it (MySQL's
// protocol documentation, "Text Resultset Row": per column a string with its
// length before it, or 0xfb for NULL).
func mysqlRow(data mysql.RowData, fields []*mysql.Field, kinds map[string]string) (string, error) {
	r := make(row, len(fields))
	for _, f := range fields {
		value, null, n, err := mysql.LengthEncodedString(data)
		if err != nil {
			return "", fmt.Errorf("read a row: %w", err)
		}
		data = data[n:]
		name := string(f.Name)
		r[name] = json.RawMessage("null")
		if !null {
			r[name] = mysqlValue(kinds[name], value)
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("read a row: a column of kind JSON or number holds neither")
	}
	return string(text), nil
}

// mysqlValue returns the JSON for a value that the server prints as text.
func mysqlValue(kind string, text []byte) json.RawMessage {
	s := string(text)
	switch kind {
	case "int", "decimal", "float", "json":
		return text
	case "bytes":
		s = base64.StdEncoding.EncodeToString(text)
	case "timestamp":
		s = strings.Replace(s, " ", "T", 1)
	case "timestamptz":
		s = strings.Replace(s, " ", "T", 1) + "Z"
	}
	return json.RawMessage(marshal(s))
}

func quoteMySQL(name string) string {
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}
