package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// Connector is how events and checkpoints name this kind of source.
const Connector = "postgresql"

// Config says what to capture. The zero values of the rest are the defaults.
type Config struct {
	Name string // of the pipeline, for application_name
	// Claim returns the name of what only one instance of the pipeline holds at a
	// time, and this one from Locate on: who reads the slot under the same claim is a
	// predecessor that has lost it, and is ended. nil or "": there is none, and
	// another reader is waited for.
	Claim       func() string
	URL         string   // postgres://user:password@host/database; a secret
	Tables      []string // patterns: schema.name, *, and ! for exclusions; none: every user table
	InsertOnly  []string // tables without a replica identity whose inserts are wanted
	Slot        string
	Publication string
	Create      bool // make slot and publication when they are missing
	// Temporary gives the slot and the publication names of their own; they
	// end with the connection and with Close.
	Temporary bool
	Values    Values
	MaxRow    int           // longest message that is read, in bytes; 0: 32 MiB
	NewTables time.Duration // how often to look for new tables; 0: 30 s
	SlotWait  time.Duration // how long to wait for a slot that somebody reads; 0: 15 s
	Log       *zap.Logger   // nil: none
}

// Source is a Postgres database that is followed through a replication slot.
// It implements capture.Source.
type Source struct {
	cfg  Config
	conn *pgx.ConnConfig
	side side

	server serverInfo
	sel    selection
	// repl is made by Locate and taken by Open, so that what was found out on
	// it, and a temporary slot, hold for the stream.
	repl     *pgconn.PgConn
	pacer    pacer     // repl's socket, nil where there is none
	reader   io.Reader // repl's, see hijacked
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	identity identity
}

var _ capture.Source = (*Source)(nil)

// New returns a Source. It connects nowhere; the error is one of usage.
func New(cfg Config) (*Source, error) {
	conn, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Temporary {
		cfg.Slot = temporaryName()
		cfg.Publication, cfg.Create = cfg.Slot, true
	}
	if cfg.MaxRow == 0 {
		cfg.MaxRow = 32 << 20
	}
	if cfg.NewTables == 0 {
		cfg.NewTables = 30 * time.Second
	}
	if cfg.SlotWait == 0 {
		cfg.SlotWait = 15 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	return &Source{cfg: cfg, conn: conn, side: side{cfg: conn}, dial: dial}, nil
}

// Describe implements capture.Source.
func (s *Source) Describe() capture.Description {
	return capture.Description{
		Server:  net.JoinHostPort(s.conn.Host, strconv.Itoa(int(s.conn.Port))),
		Version: "PostgreSQL " + s.server.Version,
		Tables:  s.sel.names(),
	}
}

// Reached implements capture.Source. A target at the start of a page is
// rounded down to the page: the log has a header there, so that no position
// may ever be exactly behind it (C1.6).
func (s *Source) Reached(at, target event.Position) bool {
	const page, longHeader = 8192, 40
	a, err1 := parsePosition(at)
	t, err2 := parsePosition(target)
	if err1 != nil || err2 != nil {
		panic("postgres: Reached was asked about a position of another source")
	}
	if off := t % page; off <= longHeader {
		t -= off
	}
	return a >= t
}

// Range implements capture.Source: from the slot's confirmed place to the end
// of the log.
func (s *Source) Range(ctx context.Context) (oldest, newest event.Position, err error) {
	err = s.ask(ctx, "ask for the server's range", func(ctx context.Context, c *pgx.Conn) error {
		slot, err := querySlot(ctx, c, s.cfg.Slot)
		if err != nil {
			return err
		}
		var end string
		if err := c.QueryRow(ctx, `SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)::text`).Scan(&end); err != nil {
			return err
		}
		to, err := parseLSN(end)
		if err != nil {
			return err
		}
		newest, oldest = to.position(), to.position()
		if slot != nil {
			oldest = slot.Confirmed.position()
		}
		return nil
	})
	return oldest, newest, err
}

// ask puts questions on the side connection and classifies what goes wrong.
func (s *Source) ask(ctx context.Context, doing string, f func(context.Context, *pgx.Conn) error) error {
	return classify(doing, s.side.use(ctx, f))
}

// Close implements capture.Source.
func (s *Source) Close() error {
	s.dropReplication()
	if s.cfg.Temporary {
		return errors.Join(s.dropTemporary(), s.side.close())
	}
	return s.side.close()
}

func (s *Source) dropReplication() {
	if s.repl == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = s.repl.Close(ctx) // an idle connection: nothing depends on how it ends
	s.repl = nil
}

// start returns the identity part of a checkpoint.
func (s *Source) source() checkpoint.Identity {
	return checkpoint.Identity{Connector: Connector, System: s.identity.system, Timeline: s.identity.timeline}
}
