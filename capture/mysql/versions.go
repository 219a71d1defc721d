package mysql

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// versions turns table maps into table versions.
type versions struct {
	src  *Source
	byID map[uint64]*mapped       // the server's id of an open table, which it gives anew at will
	made map[string]*schema.Table // so that a version stays one pointer
}

// A mapped is what a table map stands for.
type mapped struct {
	body  []byte        // of the event; the same bytes mean the same table
	name  string        // database.name, "" for a table that is not captured
	table *schema.Table // nil if not captured, or if its names are asked for at its commit
	hash  string        // of a table map without names
	of    *held         // whose names they are then; nil: today's
}

// A layout is what a table version keeps to cut its rows.
type layout struct {
	*binlog.Layout
	columns int
}

// mostIDs is how many ids are remembered. The server never says that one has
// gone.
const mostIDs = 4096

// dummyID stands in a rows event that only ends a statement.
const dummyID = 0xffffff

var errUnmapped = errors.New("a row event has no table map before it")

func newVersions(src *Source) versions {
	return versions{src: src, byID: make(map[uint64]*mapped), made: make(map[string]*schema.Table)}
}

// trim forgets between two transactions, each of which names its tables: ids,
// and versions that no id has. Such a one that comes again is announced again.
func (t *versions) trim() {
	if len(t.byID) > mostIDs {
		clear(t.byID)
	}
	if len(t.made) <= 2*mostIDs {
		return
	}
	used := make(map[*schema.Table]bool, len(t.byID))
	for _, m := range t.byID {
		used[m.table] = true
	}
	maps.DeleteFunc(t.made, func(_ string, table *schema.Table) bool { return !used[table] })
}

// forget makes every table map be looked at again.
func (t *versions) forget() { clear(t.byID) }

// rowsOf returns what rows of the id are of, nil if they don't count or the table
// is not captured.
func (s *stream) rowsOf(id uint64) (*mapped, error) {
	if !s.wanted() {
		return nil, nil
	}
	m := s.versions.byID[id]
	if m == nil {
		return nil, errUnmapped
	}
	if m.name == "" {
		return nil, nil
	}
	return m, nil
}

// tableMap takes what rows that follow look like.
func (s *stream) tableMap(ctx context.Context, h binlog.Header, body []byte, offset uint64, u *event.Unit) error {
	format := &s.wire.format
	id, err := binlog.TableID(format, body)
	if err != nil {
		return s.bad(err)
	}
	if !s.wanted() {
		return nil // nobody may know its columns any more, and nobody asks
	}
	m := s.versions.byID[id]
	if m == nil || !bytes.Equal(m.body, body) || m.hash != "" && !s.fits(m) {
		database, name, err := binlog.TableName(format, body)
		if err != nil {
			return s.bad(err)
		}
		m = &mapped{body: bytes.Clone(body)}
		if s.src.captures(string(database), string(name)) {
			m.name = string(database) + "." + string(name)
			if err := s.version(ctx, m, u); err != nil {
				return err
			}
		}
		s.versions.byID[id] = m
	}
	if held := s.group.preparing; held != nil && m.name != "" {
		if m.hash != "" && m.of == nil {
			held.name(m.hash, s.memory.Tables[m.hash])
		}
		return s.keep(h, body, offset)
	}
	return nil
}

// fits reports whether the names that were found for a table map without any are
// those that the transaction at hand needs.
func (s *stream) fits(m *mapped) bool {
	return m.of == s.elder() && (m.table != nil || s.group.preparing != nil)
}

// version makes the table version that a table map describes.
func (s *stream) version(ctx context.Context, m *mapped, u *event.Unit) error {
	tm, err := binlog.ParseTableMap(&s.wire.format, m.body)
	if err != nil {
		return s.bad(err)
	}
	if !tm.Full {
		m.hash, m.of = mapHash(tm), s.elder()
		if tm, err = s.named(ctx, tm, m.hash); err != nil || tm == nil {
			return err
		}
	}
	m.table, err = s.versions.make(tm, u)
	return err
}

// make makes a version, or finds it among those that were made.
func (t *versions) make(tm *binlog.TableMap, u *event.Unit) (*schema.Table, error) {
	table, err := t.src.describe(tm)
	if err != nil {
		return nil, err
	}
	return t.keep(table, u)
}

// describe makes of a table map what a version is made of. Its rows are those of
// the log.
func (s *Source) describe(tm *binlog.TableMap) (schema.Table, error) {
	full := tm.Database + "." + tm.Name
	l, err := binlog.NewLayout(tm.Columns)
	if err != nil {
		return schema.Table{}, notRead(full, err)
	}
	table := schema.Table{
		Database: tm.Database, Name: tm.Name, Columns: make([]schema.Column, len(tm.Columns)), Key: tm.Key,
		Layout: &layout{l, len(tm.Columns)},
	}
	for i, c := range tm.Columns {
		codec, kind, typ, err := values.For(c, s.values())
		if err != nil {
			return schema.Table{}, notRead(full, fmt.Errorf("column %q: %w", c.Name, err))
		}
		table.Columns[i] = schema.Column{
			Name: c.Name, Type: typ, Wire: values.Wire(c), Kind: kind, KeyFlag: slices.Contains(tm.Key, i), Codec: codec,
		}
	}
	return table, nil
}

// values says how values are written.
func (s *Source) values() values.Options {
	opts := s.cfg.Values
	opts.MariaDB = s.server.MariaDB
	return opts
}

// bare returns the version of a table of which nothing but the name is known.
func (t *versions) bare(database, name string, u *event.Unit) (*schema.Table, error) {
	return t.keep(schema.Table{Database: database, Name: name, Layout: &layout{}}, u)
}

func (t *versions) keep(table schema.Table, u *event.Unit) (*schema.Table, error) {
	version, err := schema.NewTable(table)
	if err != nil {
		return nil, err
	}
	id := version.Version + fmt.Sprint(version.Key)
	if old := t.made[id]; old != nil {
		return old, nil
	}
	t.made[id] = version
	u.Tables = append(u.Tables, version)
	return version, nil
}

// notRead is the error for a table whose rows can't be decoded.
func notRead(table string, err error) error {
	return failure.StopFrom(err, `exclude the table ("!`+table+`")`, "table %s can't be read", table)
}
