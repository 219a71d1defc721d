package mysql_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// sparse are servers whose log does not name columns.
var sparse = []kind{
	{"MySQL", local.MySQL97, map[string]string{"binlog-row-metadata": "MINIMAL"}},
	{"MariaDB 10.11", local.MariaDB1011, map[string]string{"binlog-row-metadata": "NO_LOG"}},
	{"MariaDB 11.4, minimal", local.MariaDB114, map[string]string{"binlog-row-metadata": "MINIMAL"}},
}

// varied is a table with a column of every kind that the catalog adds to.
const varied = `CREATE TABLE varied (
	t tinyint unsigned, s smallint, m mediumint unsigned zerofill, i int, b bigint unsigned, f float, d double unsigned, n decimal(12,3) unsigned,
	y year, da date, ti time(3), dt datetime(6), ts timestamp(2) NULL, bi bit(9),
	c char(10) CHARACTER SET latin1, v varchar(300) COLLATE utf8mb4_bin, vb varbinary(20), bn binary(4),
	tt tinytext, te text CHARACTER SET latin1, me mediumtext, lt longtext, bl blob, lb longblob, j json,
	e enum('a','b''c','d\\e','ü','(,)') CHARACTER SET latin1, st set('x','y z','unsigned') NOT NULL, g geometry, k2 int NOT NULL, k1 varchar(20) NOT NULL,
	PRIMARY KEY (k1, k2))`

const variedRow = `INSERT INTO varied VALUES (255, -1, 7, -2, 18446744073709551615, 1.5, 2.5, 123456789.125,
	2026, '2026-11-21', '10:00:00.123', '2026-11-21 10:00:00.123456', '2026-11-21 10:00:00.12', b'101',
	'caf\xc3\xa9', 'v', x'00ff', x'01020304', 'tt', 'te\xc3\xa9', 'me', 'lt', x'00', x'01', '{"a": 1}',
	'd\\e', 'x,unsigned', ST_GeomFromText('POINT(1 2)'), 7, 'key')`

func TestTheCatalogNamesWhatTheLogDoesNot(t *testing.T) {
	for _, kind := range sparse {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			d := newSource(t, pool.Server(t, kind.product, kind.settings).Database(t), nil)
			d.Exec(t, varied)
			r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
			insert := strings.NewReplacer(`\xc3\xa9`, "é").Replace(variedRow)
			d.Exec(t, insert, "DELETE FROM varied")
			without := r.ToEnd()
			d.Exec(t, "SET GLOBAL binlog_row_metadata = 'FULL'")
			d.Exec(t, insert, "DELETE FROM varied")
			with := r.ToEnd()
			capturetest.Equal(t, capturetest.Strings(without), capturetest.Strings(with))
			if len(with) != 2 || !strings.Contains(with[0].Text, `"e":"d\\e","st":"x,unsigned"`) || with[0].Key != `{"k1":"key","k2":7}` {
				t.Errorf("got %v, want the labels and the key in them", capturetest.Texts(with))
			}
		})
	}
}

func TestTheCatalogDoesNotSpeakOfThePast(t *testing.T) {
	kind := sparse[0]
	server := pool.Server(t, kind.product, kind.settings)
	for _, c := range []struct {
		name string
		then []string
		want string // "" if the row can be read
	}{
		{"nothing was done", nil, ""},
		{"another table was made", []string{"CREATE TABLE another (id int)"}, ""},
		{"rows were changed", []string{"INSERT INTO orders VALUES (NULL)", "DELETE FROM orders WHERE id = 2"}, ""},
		{"a column was added", []string{"ALTER TABLE orders ADD note int"}, "has 2 columns now, and had 1"},
		{"a column was added and dropped", []string{"ALTER TABLE orders ADD note int", "ALTER TABLE orders DROP note"}, "may have changed the table"},
		{"a column got another name", []string{"ALTER TABLE orders RENAME COLUMN id TO number"}, "may have changed the table"},
		{"a column got another type", []string{"ALTER TABLE orders MODIFY id bigint AUTO_INCREMENT"}, "it is bigint now"},
		{"a column lost its sign", []string{"ALTER TABLE orders MODIFY id int unsigned AUTO_INCREMENT"}, "it was signed"},
		{"the table was dropped", []string{"DROP TABLE orders"}, "not there any more"},
		{"the table got another name, and another one its own", []string{
			"CREATE TABLE other_orders LIKE orders", "RENAME TABLE orders TO old_orders, other_orders TO orders",
		}, "may have changed the table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newSource(t, server.Database(t), nil)
			d.Exec(t, orders, "CREATE TABLE rest (id int)")
			r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
			d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			d.Exec(t, c.then...)
			if c.want == "" {
				if events := r.ToEnd(); len(events) == 0 || events[0].Key != `{"id":1}` {
					t.Errorf("got %v, want the row", capturetest.Strings(events))
				}
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for {
				if _, err := r.Next(ctx); err != nil {
					wantStop(t, err, c.want, "binlog_row_metadata = 'FULL'", d.Name+".orders")
					return
				}
			}
		})
	}
}
