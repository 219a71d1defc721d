package mysql_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql/values/typestest"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// TestDocumentedValuesAreWhatASelectShows inserts each value of the
// documentation and holds its form in the event against the documentation, and
// against what the server itself shows.
func TestDocumentedValuesAreWhatASelectShows(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d := servers.MySQL(t, product)
			d.Exec(t, "CREATE TABLE first (v int)") // without a table there would be nothing to do
			r := capturetest.Start(t, newSource(t, d, nil).Source(t), checkpoint.State{}, event.Now)
			statements := []string{typestest.Setup}
			lines := make(map[string]typestest.Value)
			for _, v := range typestest.Values(t) {
				if _, ok := v.Form(product.MariaDB()); !ok {
					continue
				}
				table := fmt.Sprintf("line_%d", v.Line)
				lines[table] = v
				statements = append(statements,
					fmt.Sprintf("CREATE TABLE %s (v %s)", table, v.Type),
					fmt.Sprintf("INSERT INTO %s VALUES (%s)", table, v.Literal))
			}
			d.Exec(t, statements...)
			for _, e := range r.ToEnd() {
				v, ok := lines[e.Source.Table]
				if !ok {
					t.Errorf("an event of table %s, want one for each line", e.Source.Table)
					continue
				}
				delete(lines, e.Source.Table)
				want, _ := v.Form(product.MariaDB())
				got := strings.TrimSuffix(strings.TrimPrefix(string(e.After), `{"v":`), `}`)
				if got != want {
					t.Errorf("line %d: %s %s arrives as %s, want %s", v.Line, v.Type, v.Literal, got, want)
				}
				if why := shown(t, d, e.Source.Table, got); why != "" {
					t.Errorf("line %d: %s %s arrives as %s, and %s", v.Line, v.Type, v.Literal, got, why)
				}
			}
			for _, v := range lines {
				t.Errorf("line %d: there is no event of %s %s", v.Line, v.Type, v.Literal)
			}
		})
	}
}

// shown compares the form of a value with what a SELECT shows of it.
func shown(t *testing.T, d *servers.MySQLDatabase, table, form string) string {
	t.Helper()
	kind := d.One(t, "SELECT data_type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '"+table+"'")
	text := form
	if strings.HasPrefix(form, `"`) {
		if err := json.Unmarshal([]byte(form), &text); err != nil {
			return err.Error()
		}
	}
	one := func(expression string) string { return d.One(t, "SELECT "+expression+" FROM "+table) }
	base64 := func(expression string) string { return strings.ReplaceAll(one("TO_BASE64("+expression+")"), "\n", "") }
	switch kind {
	case "json":
		return differs(form, one("CAST(v AS CHAR)"))
	case "float", "double":
		return sameNumber(t, one("v * 1e0"), text, kind == "float")
	case "tinyint", "smallint", "mediumint", "int", "bigint", "bit", "year":
		return differs(text, one("v + 0"))
	case "date", "time", "datetime", "timestamp":
		return differs(strings.TrimSuffix(strings.Replace(text, "T", " ", 1), "Z"), one("CAST(v AS CHAR)"))
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "uuid", "inet4", "inet6":
		return differs(text, base64("CAST(v AS BINARY)"))
	case "vector":
		var numbers []float64
		if err := json.Unmarshal([]byte(form), &numbers); err != nil {
			return err.Error()
		}
		var want []float64
		if err := json.Unmarshal([]byte(one("VECTOR_TO_STRING(v)")), &want); err != nil {
			return err.Error()
		}
		return differs(fmt.Sprint(numbers), fmt.Sprint(want))
	case "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geomcollection", "geometrycollection":
		return differs(form, fmt.Sprintf(`{"srid":%s,"wkb":"%s"}`, one("ST_SRID(v)"), base64("UNHEX(SUBSTR(HEX(v), 9))")))
	}
	return differs(text, one("CONVERT(v USING utf8mb4)"))
}

func sameNumber(t *testing.T, shown, text string, narrow bool) string {
	t.Helper()
	bits := 64
	if narrow {
		bits = 32
	}
	want, err1 := strconv.ParseFloat(shown, bits)
	got, err2 := strconv.ParseFloat(text, bits)
	if err1 != nil || err2 != nil || math.Float64bits(got) != math.Float64bits(want) {
		return "a SELECT shows " + shown
	}
	return ""
}

func differs(got, want string) string {
	if got == want {
		return ""
	}
	return "a SELECT shows " + want
}
