package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// A wanted publication: tables without a replica identity have one of their
// own, since only inserts may be published of them.
type publication struct {
	name   string
	kinds  string
	tables []tableInfo
}

func (s *Source) publications() []publication { return s.sel.publications(s.cfg.Publication) }

func (s *selection) publications(name string) []publication {
	var pubs []publication
	if len(s.all) > 0 {
		pubs = append(pubs, publication{name, allKinds, s.all})
	}
	if len(s.insertOnly) > 0 {
		pubs = append(pubs, publication{name + inserts, insertKinds, s.insertOnly})
	}
	return pubs
}

const (
	allKinds    = "insert, update, delete, truncate"
	insertKinds = "insert, truncate"
	inserts     = "_inserts" // behind the name of the publication
)

// missing returns the tables of p that the server does not publish, and
// whether the publication exists at all.
func (p *publication) missing(ctx context.Context, c *pgx.Conn) (tables []tableInfo, exists bool, err error) {
	published, exists, err := queryPublished(ctx, c, p.name, p.kinds)
	for _, t := range p.tables {
		if !published[t.String()] {
			tables = append(tables, t)
		}
	}
	return tables, exists, err
}

// statement returns the SQL that publishes tables.
func (p *publication) statement(tables []tableInfo, exists bool) string {
	var names []string
	for _, t := range tables {
		names = append(names, t.quoted())
	}
	list := strings.Join(names, ", ")
	if exists {
		return "ALTER PUBLICATION " + quote.PostgresIdent(p.name) + " ADD TABLE " + list
	}
	sql := "CREATE PUBLICATION " + quote.PostgresIdent(p.name)
	if len(tables) > 0 {
		sql += " FOR TABLE " + list
	}
	return sql + " WITH (publish = '" + p.kinds + "', publish_via_partition_root = true)"
}

// publish makes the publications complete. known says that a checkpoint
// exists: a publication that is gone can't be made again then, since the log
// written meanwhile can't be decoded with the new one, and a table of before
// that was taken out, or has become another one, has lost what was changed since.
func (s *Source) publish(ctx context.Context, known bool, before []string) error {
	for _, p := range s.publications() {
		err := s.ask(ctx, "publish the tables", func(ctx context.Context, c *pgx.Conn) error {
			tables, exists, err := p.missing(ctx, c)
			if err != nil || len(tables) == 0 {
				return err
			}
			if err := p.lost(tables, exists, known, before); err != nil {
				return err
			}
			sql := p.statement(tables, exists)
			if !s.cfg.Create {
				return failure.Stop("run: "+sql+"; or tailrace setup --apply", "publication %s does not publish %s, and source.postgres.create is false", p.name, names(tables))
			}
			s.cfg.Log.Info("publishing tables", zap.String("publication", p.name), zap.Strings("tables", capture.Some(list(tables))), zap.Int("table_count", len(tables)))
			_, err = c.Exec(ctx, sql)
			return err
		})
		if err != nil {
			return err
		}
	}
	if known || !s.cfg.Create || s.cfg.Temporary || len(s.sel.insertOnly) > 0 {
		return nil
	}
	return s.ask(ctx, "make the publication for inserts", s.reserveInserts)
}

// lost says what of the log since the checkpoint can't be had any more: tables are
// those that the publication lacks, before those that were published.
func (p *publication) lost(tables []tableInfo, exists, known bool, before []string) error {
	if known && !exists {
		return lost("publication %s is gone", p.name)
	}
	for _, t := range tables {
		if slices.Contains(before, t.String()) {
			return p.takenOut(t)
		}
	}
	return nil
}

// takenOut is the error for a table that the publication had and has no more.
func (p *publication) takenOut(t tableInfo) error {
	return failure.StopFrom(capture.ErrLost, lostHint+"; if nothing was changed in the table since, run: "+p.statement([]tableInfo{t}, true),
		"table %s is not in publication %s any more: it was taken out, or another table has its name now", t, p.name)
}

// reserveInserts makes the publication for inserts without tables. Made later,
// when source.insert_only gets its first table, it could not decode what was
// written before, and the stream would end there.
func (s *Source) reserveInserts(ctx context.Context, c *pgx.Conn) error {
	p := publication{name: s.cfg.Publication + inserts, kinds: insertKinds}
	if _, exists, err := p.missing(ctx, c); err != nil || exists {
		return err
	}
	_, err := c.Exec(ctx, p.statement(nil, false))
	return err
}

// remember returns the checkpoint's memory m with what is published now.
func (s *Source) remember(m memory) []byte {
	m.Published = s.sel.names()
	return m.encode()
}

func names(tables []tableInfo) string { return strings.Join(list(tables), ", ") }

func list(tables []tableInfo) []string {
	var all []string
	for _, t := range tables {
		all = append(all, t.String())
	}
	return all
}
