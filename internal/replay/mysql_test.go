package replay_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/replay"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestEventsAreComparedWithTheRowsOfMySQL(t *testing.T) {
	const (
		schema = `{"table_version":"v","db":"DB","schema":"","table":"t","columns":[{"name":"id","kind":"int"},{"name":"total","kind":"decimal"},{"name":"ratio","kind":"float"},` +
			`{"name":"at","kind":"timestamptz"},{"name":"local","kind":"timestamp"},{"name":"clock","kind":"time"},{"name":"photo","kind":"bytes"},{"name":"doc","kind":"json"},{"name":"note","kind":"string"}],"key":["id"]}`
		insert = `{"op":"c","before":null,"after":{"id":18446744073709551615,"total":"-0.50","ratio":0.1,"at":"2026-11-21T10:00:00.000001Z","local":"2026-11-21T10:00:00",` +
			`"clock":"-838:59:58.500","photo":"AP8=","doc":{"a": [1, null]},"note":"<é\n\"🔔"},"source":{"db":"DB","table":"t"},"ver":"1","table_version":"v"}`
		nothing = `{"op":"c","before":null,"after":{"id":2,"total":null,"ratio":null,"at":null,"local":null,"clock":null,"photo":null,"doc":null,"note":null},"source":{"db":"DB","table":"t"},"ver":"2","table_version":"v"}`
	)
	for _, product := range servers.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			db := servers.MySQL(t, product)
			db.Exec(t, `CREATE TABLE t (id bigint unsigned PRIMARY KEY, total decimal(5,2), ratio double, at timestamp(6) NULL, local datetime, clock time(3), photo blob, doc json, note text)`,
				`SET time_zone = '+05:00'`,
				`INSERT INTO t VALUES (18446744073709551615, -0.5, 0.1, '2026-11-21 15:00:00.000001', '2026-11-21 10:00:00', '-838:59:58.5', x'00ff', '{"a": [1, null]}', '<é\n"🔔'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`)
			tables := replay.New()
			if err := tables.Describe([]byte(strings.ReplaceAll(schema, "DB", db.Name))); err != nil {
				t.Fatal(err)
			}
			for _, event := range []string{insert, nothing} {
				if err := tables.Apply([]byte(strings.ReplaceAll(event, "DB", db.Name))); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range []struct {
				name, change string
				want         []string
			}{
				{"the rows are equal", `DO 1`, nil},
				{"a fraction of a second differs", `UPDATE t SET clock = '-838:59:58.499' WHERE clock < 0`, []string{"row id=18446744073709551615 differs in clock"}},
				{"a row is missing", `DELETE FROM t WHERE id <> 2`, []string{"row id=18446744073709551615 is only in the events"}},
				{"NULL has become something", `UPDATE t SET note = ''`, []string{"row id=2 differs in note", "row id=18446744073709551615 is only in the events"}},
			} {
				t.Run(c.name, func(t *testing.T) {
					db.Exec(t, c.change)
					got, err := tables.CompareMySQL(db.Conn(t), []string{db.Name + ".t"})
					if err != nil {
						t.Fatal(err)
					}
					if len(got) != 1 || !slices.Equal(got[0].Differences, c.want) {
						t.Errorf("got %+v, want the differences %q", got, c.want)
					}
				})
			}
		})
	}
}
