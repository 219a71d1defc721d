package workload

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

var (
	states  = []string{"new", "päid", "it's", `sent "off"`, "日本"}
	colours = []string{"red", "grün", "blue", `"x"`}
)

func mysqlTables(kind Kind) []*table {
	// NOBLOB leaves out a JSON that is text, as MariaDB's, and none of MySQL.
	doc := column{name: "doc", ddl: "json", make: maybe(binaryDocument)}
	if kind == MariaDB {
		doc = column{name: "doc", ddl: "json", make: maybe(textDocument), big: true}
	}
	return []*table{
		{Table: Table{Name: Marks, Key: []string{"writer", "number"}}, columns: []column{
			{name: "writer", ddl: "int", serial: writerOf, key: true},
			{name: "number", ddl: "int", serial: number, key: true},
		}},
		{Table: Table{Name: "orders", Key: []string{"id"}}, columns: []column{
			{name: "id", ddl: "bigint unsigned AUTO_INCREMENT PRIMARY KEY", serial: number, key: true},
			{name: "writer", ddl: "int NOT NULL", serial: writerOf},
			{name: "customer", ddl: "varchar(300)", make: phrase},
			{name: "total", ddl: "decimal(12,2)", make: maybe(decimal(9, 2))},
			{name: "placed", ddl: "timestamp(6) NULL", make: timestamp},
			doc,
			{name: "state", ddl: definition("enum", states), make: maybe(label(states))},
			{name: "note", ddl: "longtext", make: maybe(long), big: true},
		}},
		{Table: Table{Name: "stock", Key: []string{"sku", "warehouse"}}, columns: []column{
			{name: "quantity", ddl: "int NOT NULL", make: integer(100000)},
			{name: "warehouse", ddl: "char(36) CHARACTER SET ascii", serial: func(_, _ int, r *rand.Rand) value { return uuid(r) }, key: true},
			{name: "remark", ddl: "varchar(200) CHARACTER SET latin1", make: maybe(western)},
			{name: "sku", ddl: "varchar(60)", serial: func(n, _ int, _ *rand.Rand) value { return text("sku \"" + strconv.Itoa(n)) }, key: true},
			{name: "seen", ddl: "datetime(3)", make: maybe(localMillis)},
		}},
		{Table: Table{Name: "pages", Key: []string{"id"}}, columns: []column{
			{name: "title", ddl: "varchar(200)", make: phrase},
			{name: "id", ddl: "int PRIMARY KEY", serial: number, key: true},
			{name: "body", ddl: "mediumtext", make: long, big: true},
			{name: "revision", ddl: "mediumint", make: integer(1000)},
			{name: "live", ddl: "tinyint(1)", make: maybe(tiny)},
			{name: "tags", ddl: definition("set", colours), make: labelled(colours)},
		}},
		{Table: Table{Name: "journal"}, twins: true, columns: []column{
			{name: "happened", ddl: "datetime(6)", make: localMicros},
			{name: "level", ddl: "smallint", make: integer(30000)},
			{name: "message", ddl: "text", make: maybe(phrase), big: true},
			{name: "number", ddl: "bigint", serial: number},
		}},
		{Table: Table{Name: "readings", Key: []string{"id"}}, emptied: true, columns: []column{
			{name: "id", ddl: "bigint PRIMARY KEY", serial: number, key: true},
			{name: "sensor", ddl: "char(36)", make: uuid},
			{name: "counter", ddl: "bigint unsigned", make: maybe(unsigned)},
			{name: "small", ddl: "smallint unsigned", make: func(r *rand.Rand) value { return plain(strconv.Itoa(r.IntN(1 << 16))) }},
			{name: "wide", ddl: "double", make: float},
			{name: "narrow", ddl: "float", make: maybe(float)},
			{name: "flags", ddl: "bit(11)", make: maybe(bits(11))},
			{name: "day", ddl: "date", make: date},
			{name: "clock", ddl: "time(3)", make: clockMillis},
			{name: "exact", ddl: "decimal(42,12)", make: maybe(decimal(30, 12))},
			{name: "raw", ddl: "blob", make: binary, big: true},
			{name: "fixed", ddl: "varbinary(40)", make: binary},
		}},
	}
}

// mysqlStatements returns the SQL of Setup.
func mysqlStatements(kind Kind) []string {
	var all []string
	for _, t := range tables(kind) {
		var defs []string
		for _, c := range t.columns {
			defs = append(defs, c.name+" "+c.ddl)
		}
		switch {
		case t.Key == nil:
			defs = append(defs, "KEY (number)")
		case len(t.Key) > 1:
			defs = append(defs, "PRIMARY KEY ("+strings.Join(t.Key, ", ")+")")
		}
		all = append(all, fmt.Sprintf("CREATE TABLE %s (%s) CHARACTER SET utf8mb4", t.Name, strings.Join(defs, ", ")))
	}
	return all
}
