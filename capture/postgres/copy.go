package postgres

import (
	"context"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// Copier is a capture.Copier of a Postgres database. It reads with COPY, as the
// role that reads the slot.
type Copier struct {
	// src lends what a Source knows of tables. It is neither located nor opened; its
	// side connection asks for marks, and for types.
	src *Source

	mu        sync.Mutex
	relations relations
	tables    map[string]*copyTable // by what the catalog said of them
}

var _ capture.Copier = (*Copier)(nil)

// NewCopier returns a Copier of the tables that cfg captures. It connects nowhere;
// the error is one of usage.
func NewCopier(cfg Config) (capture.Copier, error) {
	src, err := New(cfg)
	if err != nil {
		return nil, err
	}
	src.side.cfg = src.conn.Copy()
	src.side.cfg.RuntimeParams["application_name"] = src.copying()
	m, err := loadMemory(nil)
	if err != nil {
		return nil, err
	}
	return &Copier{src: src, relations: newRelations(src, m), tables: make(map[string]*copyTable)}, nil
}

// copying is how the server lists connections that copy.
func (s *Source) copying() string { return "tailrace " + s.cfg.Name + " copy" }

// publicationNames lists the publications that may hold a captured table.
func (c *Copier) publicationNames() []string {
	return []string{c.src.cfg.Publication, c.src.cfg.Publication + inserts}
}

// Close implements capture.Copier.
func (c *Copier) Close() error { return c.src.side.close() }

// major returns the major version of the server.
func major(c *pgconn.PgConn) int {
	text := c.ParameterStatus("server_version")
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(text)
	}
	n, err := strconv.Atoi(text[:end])
	if err != nil {
		return math.MaxInt // a name of its own: what is asked for then exists in the newest
	}
	return n
}

// KeyOf implements capture.Copier. The log's text of a value is the one that COPY
// writes.
func (*Copier) KeyOf(t *schema.Table, row event.Row) (capture.Key, error) {
	key := make(capture.Key, len(t.Key))
	for n, i := range t.Key {
		if row[i].State != event.Present {
			return nil, failure.Stop("report this as a bug", "a row of %s has come without its key", t)
		}
		key[n] = string(row[i].Raw)
	}
	return key, nil
}

// Lag implements capture.Copier. Whoever reads a logical slot is no replica: it may
// be ourselves.
func (c *Copier) Lag(ctx context.Context) (time.Duration, error) {
	var seconds float64
	err := c.src.ask(ctx, "ask for the lag of replicas", func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `
SELECT greatest(0, coalesce(CASE
  WHEN NOT pg_is_in_recovery() THEN (
    SELECT extract(epoch FROM max(r.replay_lag)) FROM pg_stat_replication r
    WHERE NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical'))
  WHEN pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn() THEN
    extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
  END, 0))::float8`).Scan(&seconds)
	})
	return time.Duration(seconds * float64(time.Second)), err
}
