package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// Setup makes a server ready for a Source: its role, publications and slot. It
// implements capture.Setup.
type Setup struct {
	cfg    Config
	source *pgx.ConnConfig // how the Source logs in
	as     *pgx.ConnConfig // how a person does who may, nil if it was not said
	flavor capture.Flavor
	copies bool // tables are to be copied, which takes rights on them

	conn  *pgx.Conn
	steps []setupStep // of the last plan
}

var _ capture.Setup = (*Setup)(nil)

// A setupStep is a step, and what of it is not for print.
type setupStep struct {
	capture.Step
	secret string // takes the place of the placeholder at the end; "" if there is none
}

const asHint = "say with --as postgres://admin@host/ (or TAILRACE_SETUP_URL) who may"

// NewSetup returns the Setup of the Source that cfg describes. as is the URL of
// whom the server lets do it, or ""; of its database nothing is read, since the
// publications belong into that of cfg. With copies the role may also read the
// tables. It connects nowhere; the error is one of usage.
func NewSetup(cfg Config, as string, flavor capture.Flavor, copies bool) (*Setup, error) {
	source, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	s := &Setup{cfg: cfg, source: source, flavor: flavor, copies: copies}
	if s.cfg.Log == nil {
		s.cfg.Log = zap.NewNop()
	}
	if flavor == capture.Auto {
		s.flavor = capture.FlavorOf(source.Host)
	}
	if as == "" {
		return s, nil
	}
	if s.as, err = parseURL(as); err != nil {
		return nil, capture.AsError(err)
	}
	s.as.Database = source.Database
	s.as.RuntimeParams["application_name"] = "tailrace setup"
	// A statement that waits ends at the server too when ctx does.
	s.as.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: 5 * time.Second}
	}
	if flavor == capture.Auto {
		s.flavor = ""
	}
	return s, nil
}

// connect makes the connection, if there is none.
func (s *Setup) connect(ctx context.Context) error {
	if s.conn != nil && !s.conn.IsClosed() {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, s.as)
	if err != nil {
		return capture.AsError(classify("connect to set up", err))
	}
	s.conn = conn
	return nil
}

// Plan implements capture.Setup.
func (s *Setup) Plan(ctx context.Context) (capture.Plan, error) {
	s.steps = nil
	if s.as == nil {
		return s.blindPlan()
	}
	if err := s.connect(ctx); err != nil {
		return capture.Plan{}, err
	}
	found, err := s.look(ctx)
	if err != nil {
		return capture.Plan{}, classify("look at the server", err)
	}
	return s.plan(found)
}

// Removal implements capture.Setup. The slot goes first: it is what costs the
// server something.
func (s *Setup) Removal(ctx context.Context) (capture.Plan, error) {
	s.steps = nil
	if s.as == nil {
		return capture.Plan{}, failure.Usage(asHint, "nothing was said of who may remove slot and publications")
	}
	if err := s.connect(ctx); err != nil {
		return capture.Plan{}, err
	}
	server, err := queryServer(ctx, s.conn)
	if err != nil {
		return capture.Plan{}, classify("look at the server", err)
	}
	slot, err := querySlot(ctx, s.conn, s.cfg.Slot)
	if err != nil {
		return capture.Plan{}, classify("look for the slot", err)
	}
	switch {
	case slot == nil:
	case !s.owns(slot):
		return capture.Plan{}, failure.Stop("check source.postgres.slot and the database of source.url", "slot %s is of the plugin %q and the database %s: it is not this pipeline's", s.cfg.Slot, slot.Plugin, slot.Database)
	case slot.ActivePID != 0:
		return capture.Plan{}, s.errRead(ctx, slot.ActivePID)
	}
	plan := capture.Plan{Server: s.where(server.Version), As: server.Role, Flavor: s.flavor}
	if slot != nil {
		s.add("The server may forget what it kept for the pipeline.", dropSlot(s.cfg.Slot), false)
	}
	if plan.Notes, err = s.removePublications(ctx, slot != nil); err != nil {
		return capture.Plan{}, classify("look for the publications", err)
	}
	return s.done(plan), nil
}

func dropSlot(name string) string {
	return "SELECT pg_drop_replication_slot(" + quote.PostgresLiteral(name) + ")"
}

// errRead is the error for a slot that can't be dropped, as it is read.
func (s *Setup) errRead(ctx context.Context, pid int32) error {
	who := "a process that can't be seen"
	// Whom it shows depends on who asks, and the reader may have ended by now.
	_ = s.conn.QueryRow(ctx, `SELECT format('%L of role %s from %s', application_name, usename, coalesce(client_addr::text, 'the same host')) FROM pg_stat_activity WHERE pid = $1`, pid).Scan(&who)
	return failure.Fenced("stop it first", "slot %s is read by %s (pid %d)", s.cfg.Slot, who, pid)
}

func (s *Setup) owns(slot *slotInfo) bool {
	return slot.Plugin == "pgoutput" && slot.Database == s.source.Database
}

// Run implements capture.Setup.
func (s *Setup) Run(ctx context.Context, i int) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	step := s.steps[i]
	sql := step.SQL
	if step.secret != "" {
		sql = strings.TrimSuffix(sql, capture.Placeholder) + quote.PostgresLiteral(step.secret)
	}
	waiting := time.AfterFunc(5*time.Second, func() {
		s.cfg.Log.Warn("the server still waits, for older transactions to end or for a lock: see xact_start in pg_stat_activity", zap.String("statement", step.SQL))
	})
	defer waiting.Stop()
	_, err := s.conn.Exec(ctx, sql)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "55006" {
		err = failure.Fenced("stop who reads it first", "%s", pg.Message)
	}
	return classify("run "+step.SQL, err)
}

// Close implements capture.Setup.
func (s *Setup) Close() error {
	if s.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return s.conn.Close(ctx)
}

func (s *Setup) add(why, sql string, done bool) {
	s.steps = append(s.steps, setupStep{capture.Step{Why: why, SQL: sql, Done: done}, ""})
}

// done puts the steps into p.
func (s *Setup) done(p capture.Plan) capture.Plan {
	for _, step := range s.steps {
		p.Steps = append(p.Steps, step.Step)
	}
	return p
}
