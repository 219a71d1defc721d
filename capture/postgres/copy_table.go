package postgres

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/schema"
)

// A copyTable is how one version of a table is read. It is immutable.
type copyTable struct {
	version *schema.Table
	name    string   // quoted
	columns string   // quoted, in table order
	filter  string   // SQL of the publication's row filter, "" for none (C5.6)
	keys    []string // quoted columns that tell rows apart, in key order; none: it is read whole
	types   []string // of keys, quoted
	sorts   string   // what the order of keys depends on beside types: their collations
	path    string   // schemas to search for the operators of keys
}

// A described is what the catalog says of a table: rows of text, as psql has them.
type described struct {
	columns      [][]string // see describeColumns
	publications [][]string // see describePublications
}

// describeColumns asks for the columns of a table, as the log would describe them,
// and for what place each has in the key. It is one row with NULLs where a table has
// no columns, and none where there is no table.
func describeColumns(id tableInfo) string {
	return `
SELECT c.oid, c.relreplident, a.attname, a.attnum, a.atttypid, a.atttypmod, a.attgenerated, tn.nspname, t.typname, k.place, a.attcollation
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN LATERAL (
  SELECT p.place FROM pg_catalog.pg_index i CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS p (attnum, place)
  WHERE i.indrelid = c.oid AND ` + identityIndex("c") + ` AND p.place <= i.indnkeyatts AND p.attnum = a.attnum
) AS k ON true
WHERE n.nspname = ` + quote.PostgresLiteral(id.Schema) + ` AND c.relname = ` + quote.PostgresLiteral(id.Name) + ` AND c.relkind IN ('r', 'p')
ORDER BY a.attnum`
}

// The columns of describeColumns.
const (
	describedOID = iota
	describedIdentity
	describedColumn
	describedNumber
	describedType
	describedTypmod
	describedGenerated
	describedTypeSchema
	describedTypeName
	describedPlace
	describedCollation
)

// describePublications asks what the publications publish of a table: each that
// has it is a row of the numbers of the columns or NULL for all, of the filter or
// NULL for none, and whether generated columns are among them.
func describePublications(id tableInfo, publications []string, version int) string {
	list := make([]string, len(publications))
	for i, p := range publications {
		list[i] = quote.PostgresLiteral(p)
	}
	has := publishes(version)
	return `
SELECT CASE WHEN NOT w.whole THEN ` + has.columns + ` END, CASE WHEN NOT w.whole THEN ` + has.filter + ` END, ` + has.generated + `
FROM pg_catalog.pg_publication p
CROSS JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)
LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = c.oid
CROSS JOIN LATERAL (SELECT ` + has.whole + ` AS whole) AS w
WHERE p.pubname IN (` + strings.Join(list, ", ") + `) AND (w.whole OR r.oid IS NOT NULL)
  AND n.nspname = ` + quote.PostgresLiteral(id.Schema) + ` AND c.relname = ` + quote.PostgresLiteral(id.Name) + `
ORDER BY p.pubname`
}

// null stands for NULL in rows of a described.
const null = "\x00"

// table returns how a table is read of which the catalog says d. What it said once
// is the same version for ever.
func (c *Copier) table(ctx context.Context, id tableInfo, d described) (*copyTable, error) {
	var said strings.Builder
	for _, row := range slices.Concat([][]string{{id.Schema, id.Name}}, d.columns, d.publications) {
		for _, cell := range row {
			said.WriteString(strconv.Quote(cell))
		}
		said.WriteByte('\n')
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tables[said.String()]; t != nil {
		return t, nil
	}
	t, err := c.newTable(ctx, id, d)
	if err != nil {
		return nil, err
	}
	c.tables[said.String()] = t
	return t, nil
}

func (c *Copier) newTable(ctx context.Context, id tableInfo, d described) (*copyTable, error) {
	m := relation{schema: id.Schema, name: id.Name, identity: d.columns[0][describedIdentity][0]}
	t := &copyTable{name: id.quoted(), filter: d.filter()}
	names := make([]string, d.keyLength())
	var quoted []string
	types, collations := make(map[string]string), make(map[string]string)
	for _, row := range d.columns {
		name := row[describedColumn]
		if place, err := strconv.Atoi(row[describedPlace]); err == nil {
			names[place-1] = name
		}
		if name == null || !d.publishes(row) {
			continue
		}
		oid, err1 := strconv.ParseUint(row[describedType], 10, 32)
		typmod, err2 := strconv.ParseInt(row[describedTypmod], 10, 32)
		if err1 != nil || err2 != nil {
			panic("postgres: the catalog has a type that is no number")
		}
		m.columns = append(m.columns, relationColumn{
			key:  m.identity == 'f' || row[describedPlace] != null,
			name: name, oid: uint32(oid), typmod: int32(typmod),
		})
		quoted = append(quoted, quote.PostgresIdent(name))
		// With its modifier, or by its SQL name, a type may cut a literal.
		collations[name] = row[describedCollation]
		types[name] = quote.PostgresQualified(row[describedTypeSchema], row[describedTypeName])
	}
	t.columns = strings.Join(quoted, ", ")
	version, err := c.relations.describe(ctx, m)
	if err != nil {
		return nil, err
	}
	if !m.keyless() {
		version.Key = m.key(names)
	}
	if t.version, err = schema.NewTable(version); err != nil {
		return nil, err
	}
	if len(names) == 0 || len(indexes(m, names)) != len(names) {
		return t, nil // the part of a key that is published does not tell rows apart
	}
	schemas := make(map[string]bool)
	for _, i := range version.Key {
		t.keys = append(t.keys, quote.PostgresIdent(m.columns[i].name))
		t.types = append(t.types, types[m.columns[i].name])
		t.sorts += collations[m.columns[i].name] + ","
		c.operatorSchemas(m.columns[i].oid, schemas)
	}
	var path []string
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		path = append(path, quote.PostgresIdent(name))
	}
	t.path = strings.Join(path, ", ")
	return t, nil
}

// operatorSchemas adds the schemas in which the operators of a type may be. If they
// were not searched, a citext would be compared as text: in another order than that
// of the key.
func (c *Copier) operatorSchemas(oid uint32, schemas map[string]bool) {
	for range maxTypeDepth {
		typ, ok := c.relations.known(oid)
		if !ok {
			return // built in
		}
		schemas[typ.Schema] = true
		oid = typ.Base
	}
}

// keyLength returns how many columns the key has.
func (d described) keyLength() int {
	n := 0
	for _, row := range d.columns {
		if row[describedPlace] != null {
			n++
		}
	}
	return n
}

// publishes reports whether a column is sent. Publications that have a table in
// common have the same columns of it: the server refuses another list.
func (d described) publishes(column []string) bool {
	attrs, generated := d.publications[0][0], d.publications[0][2] == "t"
	if attrs != null {
		return slices.Contains(strings.Fields(attrs), column[describedNumber])
	}
	return column[describedGenerated] == "" || column[describedGenerated] == "s" && generated
}

// filter returns which rows are sent: those that one of the publications sends.
func (d described) filter() string {
	var all []string
	for _, p := range d.publications {
		if p[1] == null {
			return ""
		}
		all = append(all, "("+p[1]+")")
	}
	return strings.Join(all, " OR ")
}

// keyed reports whether parts of the table can be named by keys of that length.
func (t *copyTable) keyed(keys ...capture.Key) bool {
	return len(t.keys) > 0 && !slices.ContainsFunc(keys, func(k capture.Key) bool { return k != nil && len(k) != len(t.keys) })
}
