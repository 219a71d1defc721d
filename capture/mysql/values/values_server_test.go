package values_test

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/capture/mysql/values/typestest"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestDocumentedValuesAreWhatServersLog(t *testing.T) {
	documented := typestest.Values(t)
	eachProduct(t, func(t *testing.T, d *servers.MySQLDatabase) {
		statements := []string{typestest.Setup}
		want := make(map[string]typestest.Value)
		for _, v := range documented {
			if _, ok := v.Form(d.Product.MariaDB()); !ok {
				continue
			}
			table := fmt.Sprintf("line_%d", v.Line)
			want[table] = v
			statements = append(statements,
				fmt.Sprintf("CREATE TABLE %s (v %s)", table, v.Type),
				fmt.Sprintf("INSERT INTO %s VALUES (%s)", table, v.Literal))
		}
		for _, row := range images(t, d, statements...) {
			v, ok := want[row.table]
			if !ok {
				t.Errorf("a row of table %s, want one for each line", row.table)
				continue
			}
			delete(want, row.table)
			form, _ := v.Form(d.Product.MariaDB())
			if got := row.form(t, 0, values.Options{MariaDB: d.Product.MariaDB()}); got != form {
				t.Errorf("line %d: %s %s has the form %s, want %s", v.Line, v.Type, v.Literal, got, form)
			}
		}
		for _, v := range want {
			t.Errorf("line %d: the log has no row of %s %s", v.Line, v.Type, v.Literal)
		}
	})
}
