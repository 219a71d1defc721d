package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/quote"
)

// A copySession is one connection of a Copier. It implements capture.CopySession.
type copySession struct {
	copier *Copier
	conn   *pgconn.PgConn // nil: the next view makes it
	wire   wire           // of a COPY, over the reader that pgconn made for conn
	reader io.Reader

	table *copyTable // of the open view, nil if there is none
	finds bool       // the view finds the operators of the table's key
}

var _ capture.CopySession = (*copySession)(nil)

const (
	// lockWait is how long a view waits for whoever alters a table. Other sessions
	// queue up behind that one and so behind us, not for us.
	lockWait = "3s"
	// viewWait is how long a view is opened again until it shows what the stream has
	// delivered: a commit that waits for a synchronous standby is in the log before
	// anybody sees it (C5.2).
	viewWait = 3 * time.Second
	// viewPause is the first pause between two such views, and viewPauses the
	// longest.
	viewPause, viewPauses = 2 * time.Millisecond, 100 * time.Millisecond
)

// copySettings are the session's beside textForm. A part is read in the order of
// the key, from the index: a plan that sorts would read the whole table for each.
// Row-level security is an error instead of rows that are left out.
var copySettings = map[string]string{
	"lock_timeout":                        lockWait,
	"idle_in_transaction_session_timeout": "0",
	"row_security":                        "off",
	"enable_seqscan":                      "off",
	"enable_bitmapscan":                   "off",
	"enable_sort":                         "off",
	"enable_incremental_sort":             "off",
	"jit":                                 "off",
	"max_parallel_workers_per_gather":     "0",
}

// Connect implements capture.Copier.
func (c *Copier) Connect(ctx context.Context) (capture.CopySession, error) {
	s := &copySession{copier: c}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// connected makes the connection again after a read that was not read to its end.
func (s *copySession) connected(ctx context.Context) error {
	if s.conn != nil && !s.conn.IsClosed() {
		return nil
	}
	return s.connect(ctx)
}

func (s *copySession) connect(ctx context.Context) error {
	cfg := s.copier.src.conn.Config.Copy()
	for name, value := range copySettings {
		cfg.RuntimeParams[name] = value
	}
	cfg.RuntimeParams["application_name"] = s.copier.src.copying()
	cfg.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		s.reader = r
		return pgproto3.NewFrontend(r, w)
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return classify("connect to copy tables", err)
	}
	// What not every version has can't be set when a connection is made.
	rows, err := simple(ctx, conn, `SELECT current_database(),
		(SELECT count(set_config(name, '0', false)) FROM pg_settings WHERE name IN ('transaction_timeout', 'idle_session_timeout'))`)
	if err == nil && len(rows) != 1 {
		err = errors.New("the server does not say which database it is")
	}
	if err != nil {
		_ = conn.Conn().Close()
		return classify("connect to copy tables", err)
	}
	s.copier.mu.Lock()
	defer s.copier.mu.Unlock()
	s.copier.src.server.Database = rows[0][0]
	s.copier.src.server.Encoding = conn.ParameterStatus("server_encoding")
	s.conn = conn
	s.wire = wire{max: s.copier.src.cfg.MaxRow, buf: make([]byte, copyBuffer)}
	return nil
}

// Open implements capture.CopySession.
func (s *copySession) Open(ctx context.Context, table string, seen capture.Delivered, exact bool) (capture.Chunk, error) {
	// In a transaction that is open the view would be that of before.
	if err := s.Finish(ctx); err != nil {
		return capture.Chunk{}, err
	}
	if err := s.connected(ctx); err != nil {
		return capture.Chunk{}, err
	}
	id, err := s.find(ctx, table)
	if err != nil {
		return capture.Chunk{}, err
	}
	begun, pause := time.Now(), viewPause
	for {
		c, lacks, err := s.open(ctx, id, seen.Txns, exact)
		if err == nil && lacks == "" {
			return c, nil
		}
		if undone := s.Finish(ctx); err == nil {
			err = undone
		}
		if err != nil {
			return capture.Chunk{}, err
		}
		if time.Since(begun) > viewWait {
			return capture.Chunk{}, fmt.Errorf("%w: %s", capture.ErrAgain, lacks)
		}
		select {
		case <-ctx.Done():
			return capture.Chunk{}, ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, viewPauses)
	}
}

// find returns the table that has the name. Which dot is the one between schema
// and table is for the catalog to say where there are several.
func (s *copySession) find(ctx context.Context, table string) (tableInfo, error) {
	var candidates []string
	for i := range len(table) {
		if table[i] == '.' {
			candidates = append(candidates, "("+quote.PostgresLiteral(table[:i])+", "+quote.PostgresLiteral(table[i+1:])+")")
		}
	}
	if len(candidates) == 1 {
		schema, name, _ := strings.Cut(table, ".")
		return tableInfo{Schema: schema, Name: name}, nil
	}
	if len(candidates) > 0 {
		rows, err := simple(ctx, s.conn, `
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN (`+strings.Join(candidates, ", ")+`) AND c.relkind IN ('r', 'p') ORDER BY 1`)
		if err != nil {
			return tableInfo{}, classify("look for table "+table, err)
		}
		if len(rows) > 0 {
			return tableInfo{Schema: rows[0][0], Name: rows[0][1]}, nil
		}
	}
	return tableInfo{}, fmt.Errorf("%w: %s", capture.ErrNoTable, table)
}

// open opens a view. lacks says what it does not show yet, or shows besides.
//
// The table is locked before the first statement that makes the transaction's view:
// what was truncated or rewritten in between would be empty in it. The place is read
// once the view is there, and not after the rows (C5.2): the view does not change any
// more, and of all that it shows the log had the commit before.
func (s *copySession) open(ctx context.Context, id tableInfo, seen []uint64, exact bool) (c capture.Chunk, lacks string, err error) {
	doing := "open a view of table " + id.String()
	results, err := s.conn.Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
LOCK TABLE `+id.quoted()+` IN ACCESS SHARE MODE;
SELECT pg_current_snapshot(), CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_insert_lsn() END,
       (extract(epoch FROM clock_timestamp()) * 1000)::int8, pg_is_in_recovery();`+
		describeColumns(id)+`;`+describePublications(id, s.copier.publicationNames(), major(s.conn))).ReadAll()
	if err != nil {
		return c, "", s.failed(doing, id.String(), err)
	}
	answers := make([][][]string, len(results))
	for i, r := range results {
		answers[i] = texts(r)
	}
	const snapshots, columns, publications = 2, 3, 4
	d := described{answers[columns], answers[publications]}
	s.finds = false
	if s.table, err = s.describe(ctx, id, d); err != nil {
		return c, "", err
	}
	taken := answers[snapshots][0]
	v, err := parseView(taken[0])
	if err != nil {
		return c, "", err
	}
	standby := taken[3] == "t"
	if standby {
		if exact && v.xmin != v.xmax {
			lacks = fmt.Sprintf("the standby does not say which of the transactions from %d on it shows", v.xmin)
		}
		// Which transactions run it does not say: only what is below all of them is
		// known to be visible (C5.2).
		v.xmax, v.running = v.xmin, nil
		taken[0] = fmt.Sprintf("%d:%d:", v.xmin, v.xmin)
	}
	for _, xid := range seen {
		if !v.shows(xid) {
			lacks = fmt.Sprintf("transaction %d is in the log, and its changes are not visible yet", xid)
		}
	}
	end, err := parseLSN(taken[1])
	if err != nil {
		return c, "", classify(doing, err)
	}
	c = capture.Chunk{Table: s.table.version, Order: s.table.sorts, End: end.position(), View: taken[0], Pos: uint64(end), Txn: event.Txn{Snapshot: true}}
	_, err = fmt.Sscan(taken[2], &c.Txn.Millis)
	return c, lacks, classify(doing, err)
}

// describe returns how a table is read of which the catalog says d.
func (s *copySession) describe(ctx context.Context, id tableInfo, d described) (*copyTable, error) {
	if len(d.columns) == 0 || len(d.publications) == 0 {
		return nil, fmt.Errorf("%w: %s is not published", capture.ErrNoTable, id)
	}
	return s.copier.table(ctx, id, d)
}

// texts returns the rows of a result, with null for NULL.
func texts(r *pgconn.Result) [][]string {
	rows := make([][]string, len(r.Rows))
	for i, row := range r.Rows {
		rows[i] = make([]string, len(row))
		for j, v := range row {
			rows[i][j] = string(v)
			if v == nil {
				rows[i][j] = null
			}
		}
	}
	return rows
}

// Finish implements capture.CopySession.
func (s *copySession) Finish(ctx context.Context) error {
	s.table = nil
	if s.conn == nil || s.conn.IsClosed() || s.conn.TxStatus() == 'I' {
		return nil
	}
	// Not ROLLBACK: reading prunes pages, which goes into the log. After a COMMIT that is
	// flushed soon, else only with the next commit of somebody, up to 15 s later, and the
	// End of another view may lie behind it.
	_, err := simple(ctx, s.conn, "COMMIT")
	return classify("close a view", err)
}

// drop closes the connection in the middle of what the server sends. It ends then
// by itself, and with it the view.
func (s *copySession) drop() {
	if s.conn != nil {
		_ = s.conn.Conn().Close()
		s.conn, s.table = nil, nil
	}
}

// Close implements capture.CopySession.
func (s *copySession) Close() error {
	if s.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.conn.Close(ctx)
	s.conn, s.table = nil, nil
	return err
}
