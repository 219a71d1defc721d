package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// A tableInfo is a table as the catalog has it now. It decides what is
// captured, never how rows are read.
type tableInfo struct {
	Schema, Name string
	Identity     string // pg_class.relreplident
	HasKey       bool   // what Identity promises is there
	Mixed        bool   // Identity is full, and that of a partition is not
	Owned        bool   // we may add it to a publication
}

func (t tableInfo) String() string { return t.Schema + "." + t.Name }

func (t tableInfo) quoted() string { return quote.PostgresQualified(t.Schema, t.Name) }

// identified reports whether the server can say which row an UPDATE or DELETE
// met. Publishing the changes of another table makes them fail.
func (t tableInfo) identified() bool { return t.HasKey }

// userTables lists what can be captured: permanent tables of users, partitions
// through their root. A deferrable primary key is not an identity (C3.1). The
// server asks each partition for its own identity, and that of the root is not
// handed down.
const userTables = `
WITH identified AS (
  SELECT c.oid,
         c.relreplident = 'f'
         OR c.relreplident = 'd' AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate)
         OR c.relreplident = 'i' AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indimmediate)
           AS haskey
  FROM pg_class c
  WHERE c.relkind IN ('r', 'p')
)
SELECT n.nspname AS schema, c.relname AS name, c.relreplident::text AS identity,
       o.haskey AND NOT EXISTS (
         SELECT FROM pg_partition_tree(c.oid) p JOIN identified leaf ON leaf.oid = p.relid
         WHERE c.relkind = 'p' AND p.isleaf AND NOT leaf.haskey) AS haskey,
       ` + mixed + ` AS mixed,
       pg_has_role(c.relowner, 'USAGE') AS owned
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN identified o ON o.oid = c.oid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
ORDER BY 1, 2`

// mixed says of a pg_class c whether it is a root with full identity and a
// partition without: the server then marks the partition's key as a whole old
// row, with NULL for what was not logged.
const mixed = `c.relkind = 'p' AND c.relreplident = 'f' AND EXISTS (
         SELECT FROM pg_partition_tree(c.oid) p JOIN pg_class leaf ON leaf.oid = p.relid
         WHERE p.isleaf AND leaf.relreplident <> 'f')`

func queryMixed(ctx context.Context, c *pgx.Conn, id uint32) (is bool, err error) {
	err = c.QueryRow(ctx, `SELECT coalesce(bool_or(`+mixed+`), false) FROM pg_class c WHERE c.oid = $1`, id).Scan(&is)
	return is, err
}

func queryTables(ctx context.Context, c *pgx.Conn) ([]tableInfo, error) {
	rows, err := c.Query(ctx, userTables)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[tableInfo])
}

// queryKey returns the key columns of a table in key order: those of the
// replica identity index, else of a primary key that is not deferrable; and
// false if there is no such table any more. It is asked by OID, as its name may
// be another one by now.
func queryKey(ctx context.Context, c *pgx.Conn, id uint32, identity byte) (key []string, exists bool, err error) {
	if err := c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_class WHERE oid = $1)`, id).Scan(&exists); err != nil || !exists {
		return nil, false, err
	}
	index := "i.indisprimary"
	if identity == 'i' {
		index = "i.indisreplident"
	}
	rows, err := c.Query(ctx, `
SELECT a.attname
FROM pg_index i
CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = $1 AND i.indimmediate AND `+index+` AND k.place <= i.indnkeyatts
ORDER BY k.place`, id)
	if err != nil {
		return nil, false, err
	}
	key, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return key, true, err
}

// queryType returns a type by its OID, and false if it does not exist any more.
// A true array is one whose text array_out writes.
func queryType(ctx context.Context, c *pgx.Conn, oid uint32) (Type, bool, error) {
	var t Type
	var kind, delim string
	err := c.QueryRow(ctx, `
SELECT t.oid, n.nspname, t.typname, t.typtype::text,
       CASE WHEN t.typoutput = 'array_out'::regproc THEN t.typelem ELSE 0 END,
       t.typbasetype, t.typtypmod, t.typdelim::text
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = $1`, oid).
		Scan(&t.OID, &t.Schema, &t.Name, &kind, &t.Elem, &t.Base, &t.Typmod, &delim)
	if errors.Is(err, pgx.ErrNoRows) {
		return Type{}, false, nil
	}
	if err != nil {
		return Type{}, false, err
	}
	t.Kind, t.Delim = kind[0], delim[0]
	return t, true, nil
}

// A slotInfo is a row of pg_replication_slots.
type slotInfo struct {
	Plugin    string
	Database  string
	Confirmed lsn
	Status    string // wal_status
	ActivePID int32  // 0: nobody reads
}

// querySlot returns nil if there is no such slot.
func querySlot(ctx context.Context, c *pgx.Conn, name string) (*slotInfo, error) {
	var s slotInfo
	var confirmed string
	err := c.QueryRow(ctx, `
SELECT coalesce(plugin, ''), coalesce(database, ''), coalesce(confirmed_flush_lsn, '0/0')::text,
       coalesce(wal_status, 'lost'), coalesce(active_pid, 0)
FROM pg_replication_slots WHERE slot_name = $1`, name).
		Scan(&s.Plugin, &s.Database, &confirmed, &s.Status, &s.ActivePID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.Confirmed, err = parseLSN(confirmed)
	return &s, err
}

// queryPublished returns the tables of a publication, and false if there is no
// such publication. One that leaves out changes of the given kinds is a Stop, and
// its tables are returned all the same.
func queryPublished(ctx context.Context, c *pgx.Conn, publication, kinds string) (map[string]bool, bool, error) {
	var has []string
	err := c.QueryRow(ctx, `
SELECT array_remove(ARRAY[CASE WHEN pubinsert THEN 'insert' END, CASE WHEN pubupdate THEN 'update' END,
                          CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN 'truncate' END], NULL)
FROM pg_publication WHERE pubname = $1`, publication).Scan(&has)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var leavesOut error
	if absent := slices.DeleteFunc(strings.Split(kinds, ", "), func(kind string) bool { return slices.Contains(has, kind) }); len(absent) > 0 {
		leavesOut = failure.Stop("run: ALTER PUBLICATION "+quote.PostgresIdent(publication)+" SET (publish = '"+kinds+"')",
			"publication %s leaves out every %s", publication, strings.Join(absent, " and "))
	}
	rows, err := c.Query(ctx, `SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = $1`, publication)
	if err != nil {
		return nil, false, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	published := make(map[string]bool, len(names))
	for _, n := range names {
		published[n] = true
	}
	return published, true, errors.Join(err, leavesOut)
}

// serverInfo is what is asked of a server once per connection.
type serverInfo struct {
	Version     string // 18.1
	Number      int    // 180001
	WALLevel    string
	Encoding    string // server_encoding
	Database    string
	Role        string
	Replication bool // the role may replicate
	CanCreate   bool // the role may create publications
	Standby     bool
	Slots       int // max_replication_slots
	Senders     int // max_wal_senders
	FreeSlots   int
	FreeSenders int
}

func queryServer(ctx context.Context, c *pgx.Conn) (serverInfo, error) {
	rows, err := c.Query(ctx, `
SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
       current_setting('server_version_num')::int AS number,
       current_setting('wal_level') AS wallevel,
       current_setting('server_encoding') AS encoding,
       current_database()::text AS database, current_user::text AS role,
       (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user)
         OR EXISTS (SELECT FROM pg_roles WHERE rolname IN ('rds_replication') AND pg_has_role(oid, 'USAGE')) AS replication,
       has_database_privilege(current_database(), 'CREATE') AS cancreate,
       pg_is_in_recovery() AS standby,
       current_setting('max_replication_slots')::int AS slots, current_setting('max_wal_senders')::int AS senders,
       current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots)::int AS freeslots,
       current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication)::int AS freesenders`)
	if err != nil {
		return serverInfo{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[serverInfo])
}
