package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// relations turns Relation messages into table versions.
type relations struct {
	src     *Source
	memory  memory
	changed bool // memory has, since it was last handed on

	byID     map[uint32]*schema.Table // nil for a table that is not captured
	versions map[string]*schema.Table // by hash and key, so that a version stays one pointer
	names    map[uint32]typeName      // of types that are not built in
}

func newRelations(src *Source, m memory) relations {
	return relations{
		src: src, memory: m,
		byID: make(map[uint32]*schema.Table), versions: make(map[string]*schema.Table), names: make(map[uint32]typeName),
	}
}

// table returns the version that a row of the relation has, nil if it is not
// captured, and false if the relation was never described.
func (r *relations) table(id uint32) (*schema.Table, bool) {
	t, ok := r.byID[id]
	return t, ok
}

// name keeps what a Type message says.
func (r *relations) name(m typeName) { r.names[m.oid] = m }

// add makes m the version of its relation from here on.
func (r *relations) add(ctx context.Context, m relation, u *event.Unit) error {
	old, again := r.byID[m.id]
	if name := (tableInfo{Schema: m.schema, Name: m.name}); !r.src.sel.captures(name) {
		if old != nil && !r.src.sel.excludes(name) {
			return failure.Stop(`name the new one in source.tables, or exclude it ("!`+name.String()+`")`,
				"table %s.%s was renamed to %s, which source.tables does not name", old.Schema, old.Name, name)
		}
		r.byID[m.id] = nil
		return nil
	}
	t, err := r.describe(ctx, m)
	if err != nil {
		return err
	}
	version, err := schema.NewTable(t)
	if err != nil {
		return err
	}
	if t.Key, err = r.key(ctx, m, version, again); err != nil {
		return err
	}
	if version, err = schema.NewTable(t); err != nil {
		return err
	}
	id := version.Version + fmt.Sprint(version.Key)
	if old := r.versions[id]; old != nil {
		r.byID[m.id] = old
		return nil
	}
	r.versions[id], r.byID[m.id] = version, version
	u.Tables = append(u.Tables, version)
	return nil
}

// describe returns the version that m gives its relation, as yet without a key.
func (r *relations) describe(ctx context.Context, m relation) (schema.Table, error) {
	t := schema.Table{Database: r.src.server.Database, Schema: m.schema, Name: m.name, Columns: make([]schema.Column, len(m.columns))}
	for i, c := range m.columns {
		typ, err := r.typ(ctx, c.oid)
		if err != nil {
			return schema.Table{}, err
		}
		values := r.src.cfg.Values
		values.CheckUTF8 = r.src.server.Encoding == "SQL_ASCII"
		codec, kind := codecFor(typ, c.typmod, r.known, values)
		t.Columns[i] = schema.Column{
			Name: c.name, Type: formatType(typ, c.typmod, r.known), Kind: kind, KeyFlag: c.key, Codec: codec,
			Wire: strconv.FormatUint(uint64(c.oid), 10) + "/" + strconv.FormatInt(int64(c.typmod), 10),
		}
	}
	return t, nil
}

// key returns the identity key of a version as indexes of its columns. The
// flags of the log say which columns, the catalog in which order, and under
// REPLICA IDENTITY FULL, where every column is flagged, the catalog says which
// (C3.1). What the catalog adds is remembered with the version; it is asked
// anew when the server describes the same version again, as it does after the
// table has changed.
func (r *relations) key(ctx context.Context, m relation, version *schema.Table, again bool) ([]int, error) {
	if m.keyless() {
		return nil, nil
	}
	names, known := r.memory.Keys[version.Version]
	if !known || again {
		err := r.src.ask(ctx, "ask for the key of "+m.schema+"."+m.name, func(ctx context.Context, c *pgx.Conn) error {
			now, exists, err := queryKey(ctx, c, m.id, m.identity)
			if err != nil || !exists {
				return err // what is remembered of a table that was dropped stands
			}
			if names = now; m.identity != 'f' {
				return nil
			}
			mixed, err := queryMixed(ctx, c, m.id)
			if err == nil && mixed {
				err = errMixed(m.schema + "." + m.name)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	key := m.key(names)
	if m.identity != 'f' && len(key) < 2 {
		return key, nil // the flags say it all, whatever becomes of the table
	}
	if !known || !slices.Equal(names, r.memory.Keys[version.Version]) {
		r.memory.Keys[version.Version] = names
		r.changed = true
	}
	return key, nil
}

// keyless reports whether the log says that there is no key.
func (m relation) keyless() bool {
	return m.identity == 'n' || m.identity != 'f' && len(flaggedColumns(m)) == 0
}

// key returns the key of m, which is not keyless, if the catalog says that names
// are its columns.
func (m relation) key(names []string) []int {
	key, flagged := indexes(m, names), flaggedColumns(m)
	if m.identity != 'f' && !sameSet(key, flagged) {
		return flagged // the catalog has gone on since: the log's own word stands
	}
	return key
}

func flaggedColumns(m relation) []int {
	var key []int
	for i, c := range m.columns {
		if c.key {
			key = append(key, i)
		}
	}
	return key
}

// indexes returns where the named columns are, and nothing if one is missing.
func indexes(m relation, names []string) []int {
	var key []int
	for _, name := range names {
		i := slices.IndexFunc(m.columns, func(c relationColumn) bool { return c.name == name })
		if i < 0 {
			return nil
		}
		key = append(key, i)
	}
	return key
}

func sameSet(a, b []int) bool {
	a = slices.Sorted(slices.Values(a))
	return slices.Equal(a, b)
}

// typ returns the type with the OID and makes known every type that it refers
// to. A type that was dropped since is read as the server's own text.
func (r *relations) typ(ctx context.Context, oid uint32) (Type, error) {
	if t, ok := builtin(oid); ok {
		return t, nil
	}
	t, ok := r.memory.Types[oid]
	if !ok {
		err := r.src.ask(ctx, "ask for a column's type", func(ctx context.Context, c *pgx.Conn) error {
			var err error
			t, ok, err = queryType(ctx, c, oid)
			return err
		})
		if err != nil {
			return Type{}, err
		}
		if !ok {
			n := r.names[oid]
			t = Type{OID: oid, Schema: n.schema, Name: n.name, Kind: 'b', Typmod: -1, Delim: ','}
		}
		r.memory.Types[oid] = t
		r.changed = true
	}
	for _, next := range []uint32{t.Elem, t.Base} {
		if next != 0 {
			if _, err := r.typ(ctx, next); err != nil {
				return Type{}, err
			}
		}
	}
	return t, nil
}

func (r *relations) known(oid uint32) (Type, bool) {
	t, ok := r.memory.Types[oid]
	return t, ok
}
