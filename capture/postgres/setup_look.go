package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
)

// What a Setup finds on a server.
type setupFound struct {
	server serverInfo
	keep   string // max_slot_wal_keep_size
	slot   *slotInfo
	role   *setupRole // nil if there is none
	pubs   []setupPublication

	connects bool       // the role may connect
	unread   copyRights // what it lacks to copy the tables; all of it if there is no role
}

type setupRole struct{ Login, Replication bool }

// A setupPublication is a publication that is wanted, and what there is of it.
type setupPublication struct {
	publication
	exists   bool
	leaves   string // kinds of changes that it leaves out
	harms    bool   // it has updates and deletes, and its tables no identity for them
	byLeaves bool   // it has partitions in place of the roots that are wanted
	missing  []tableInfo
}

// look asks the server for all that the plan depends on, and changes nothing.
func (s *Setup) look(ctx context.Context) (f setupFound, err error) {
	if f.server, err = queryServer(ctx, s.conn); err != nil {
		return f, err
	}
	if f.server.Number < 130000 { // what is asked next is not there yet
		return f, failure.Stop("upgrade the server", "Postgres %s is too old: 13 is the oldest that is read", f.server.Version)
	}
	if s.flavor == "" {
		if s.flavor, err = queryFlavor(ctx, s.conn); err != nil {
			return f, err
		}
	}
	if err = s.conn.QueryRow(ctx, "SELECT current_setting('max_slot_wal_keep_size')").Scan(&f.keep); err != nil {
		return f, err
	}
	if f.slot, err = querySlot(ctx, s.conn, s.cfg.Slot); err != nil {
		return f, err
	}
	tables, err := queryTables(ctx, s.conn)
	if err != nil {
		return f, err
	}
	sel, _, err := selectTables(tables, s.cfg.Tables, s.cfg.InsertOnly)
	if err != nil {
		return f, err
	}
	for _, p := range wantedPublications(s.cfg.Publication, sel) {
		found, err := p.find(ctx, s.conn)
		if err != nil {
			return f, err
		}
		f.pubs = append(f.pubs, found)
	}
	tables = slices.Concat(sel.all, sel.insertOnly)
	if f.role, err = queryRole(ctx, s.conn, s.source.User); err != nil || f.role == nil {
		f.unread = rightsFor(tables)
		return f, err
	}
	if f.unread, err = queryCopyRights(ctx, s.conn, s.source.User, tables); err != nil {
		return f, err
	}
	return f, s.conn.QueryRow(ctx, `SELECT has_database_privilege($1::name, current_database(), 'CONNECT')`, s.source.User).Scan(&f.connects)
}

// wantedPublications are both, also without tables: what is made later can't
// decode what was written before.
func wantedPublications(name string, sel selection) []publication {
	return []publication{{name, allKinds, sel.all}, {name + inserts, insertKinds, sel.insertOnly}}
}

// find says what there is of p.
func (p publication) find(ctx context.Context, c *pgx.Conn) (setupPublication, error) {
	found := setupPublication{publication: p}
	err := c.QueryRow(ctx, `
SELECT concat_ws(' and ', CASE WHEN NOT pubinsert THEN 'insert' END, CASE WHEN $2 AND NOT pubupdate THEN 'update' END,
                 CASE WHEN $2 AND NOT pubdelete THEN 'delete' END, CASE WHEN NOT pubtruncate THEN 'truncate' END),
       NOT $2 AND (pubupdate OR pubdelete),
       NOT pubviaroot AND EXISTS (SELECT FROM unnest($3::text[]) t JOIN pg_class c ON c.oid = to_regclass(t) WHERE c.relkind = 'p')
FROM pg_publication WHERE pubname = $1`,
		p.name, p.kinds == allKinds, quotedNames(p.tables)).Scan(&found.leaves, &found.harms, &found.byLeaves)
	if errors.Is(err, pgx.ErrNoRows) {
		found.missing = p.tables
		return found, nil
	}
	if err != nil {
		return found, err
	}
	found.exists = true
	// Its own tables, not those of pg_publication_tables: that lists partitions in
	// place of roots as long as pubviaroot is off.
	rows, err := c.Query(ctx, `
SELECT n.nspname || '.' || c.relname FROM pg_publication p
JOIN pg_class c ON p.puballtables OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid)
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.pubname = $1 AND c.relkind IN ('r', 'p')
UNION SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = $1`, p.name)
	if err != nil {
		return found, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	has := make(map[string]bool, len(names))
	for _, n := range names {
		has[n] = true
	}
	for _, t := range p.tables {
		if !has[t.String()] {
			found.missing = append(found.missing, t)
		}
	}
	return found, err
}

func queryRole(ctx context.Context, c *pgx.Conn, name string) (*setupRole, error) {
	var r setupRole
	err := c.QueryRow(ctx, `
SELECT rolcanlogin, rolsuper OR rolreplication
       OR EXISTS (SELECT FROM pg_roles m WHERE m.rolname = 'rds_replication' AND pg_has_role(r.oid, m.oid, 'USAGE'))
FROM pg_roles r WHERE rolname = $1`, name).Scan(&r.Login, &r.Replication)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &r, err
}

// queryFlavor knows a provider by what only its servers have.
func queryFlavor(ctx context.Context, c *pgx.Conn) (capture.Flavor, error) {
	var flavor capture.Flavor
	err := c.QueryRow(ctx, `
SELECT CASE WHEN EXISTS (SELECT FROM pg_proc WHERE proname = 'aurora_version') THEN $1
            WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_superuser') THEN $2
            WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'cloudsqlsuperuser') THEN $3
            WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'azure_pg_admin') THEN $4
            ELSE $5 END::text`,
		capture.Aurora, capture.RDS, capture.CloudSQL, capture.Azure, capture.Plain).Scan(&flavor)
	return flavor, err
}
