package mysql_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
)

// A copying is a Copier of a test and one session of it, which writes what it reads
// as events.
type copying struct {
	capture.Copier
	session capture.CopySession
	t       *testing.T
	enc     *encode.Native
}

// copyOf returns a Copier for what the source of a test captures.
func copyOf(t *testing.T, d source) *copying {
	t.Helper()
	cfg := d.config()
	if d.change != nil {
		d.change(&cfg)
	}
	return copyWith(t, d, cfg)
}

func copyWith(t *testing.T, d source, cfg mysql.Config) *copying {
	t.Helper()
	c, err := mysql.NewCopier(cfg)
	if err != nil {
		t.Fatalf("make the copier: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	s, err := c.Connect(t.Context())
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	name := mysql.MySQL
	if d.Product.MariaDB() {
		name = mysql.MariaDB
	}
	return &copying{Copier: c, session: s, t: t, enc: encode.NewNative(name, "test")}
}

// A copiedRow is a row that a Copier has read.
type copiedRow struct {
	After   string `json:"-"`
	Version string `json:"table_version"`
	Key     capture.Key
}

// open opens a view, and again where that is asked for.
func (c *copying) open(table string, seen capture.Delivered, exact bool) capture.Chunk {
	c.t.Helper()
	var chunk capture.Chunk
	eventually.True(c.t, patience, "the view shows what was delivered", func() bool {
		var err error
		chunk, err = c.session.Open(c.t.Context(), table, seen, exact)
		if err != nil && !errors.Is(err, capture.ErrAgain) {
			c.t.Fatalf("open a view of %s: %v", table, err)
		}
		return err == nil
	})
	return chunk
}

// read reads a part in a view.
func (c *copying) read(chunk *capture.Chunk, p capture.Part, l capture.Limits) []copiedRow {
	c.t.Helper()
	var units []*event.Unit
	next := func() (*event.Unit, error) {
		u := &event.Unit{}
		units = append(units, u)
		return u, nil
	}
	if err := c.session.Read(c.t.Context(), chunk, p, l, next); err != nil {
		c.t.Fatalf("read a part of %s: %v", p.Table, err)
	}
	var rows []copiedRow
	for _, u := range units {
		rows = append(rows, c.rows(chunk, u)...)
	}
	if len(rows) != chunk.Rows {
		c.t.Fatalf("the chunk says that it has %d rows, and has %d", chunk.Rows, len(rows))
	}
	return rows
}

// rows are the events of a unit.
func (c *copying) rows(chunk *capture.Chunk, u *event.Unit) (rows []copiedRow) {
	c.t.Helper()
	txn := chunk.Txn
	for i := range u.Items {
		it := &u.Items[i]
		change := event.Change{Op: it.Op, Table: it.Table, Txn: &txn, Ver: event.Ver{Commit: 1, Event: 1, Row: it.Row}}
		err := u.Split.Split(u, it, &change, func(change *event.Change) error {
			text, err := c.enc.AppendValue(nil, change)
			if err != nil {
				return err
			}
			var e struct {
				After        json.RawMessage `json:"after"`
				TableVersion string          `json:"table_version"`
			}
			if err := json.Unmarshal(text, &e); err != nil {
				return fmt.Errorf("%w: %s", err, text)
			}
			row := copiedRow{After: string(e.After), Version: e.TableVersion}
			if len(change.Table.Key) > 0 {
				row.Key, err = c.KeyOf(change.Table, change.After)
			}
			rows = append(rows, row)
			return err
		})
		if err != nil {
			c.t.Fatalf("split a row: %v", err)
		}
	}
	return rows
}

// finish closes the view.
func (c *copying) finish() {
	c.t.Helper()
	if err := c.session.Finish(c.t.Context()); err != nil {
		c.t.Fatalf("close a view: %v", err)
	}
}

// chunks reads a table in parts of so many rows.
func (c *copying) chunks(table string, seen capture.Delivered, l capture.Limits, where string) (rows []copiedRow, chunks int) {
	c.t.Helper()
	p := capture.Part{Table: table, Where: where}
	for {
		chunk := c.open(table, seen, false)
		rows = append(rows, c.read(&chunk, p, l)...)
		c.finish()
		chunks++
		if chunk.Done {
			return rows, chunks
		}
		p.After = chunk.Last
	}
}

func afters(rows []copiedRow) []string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r.After
	}
	return all
}
