package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// CheckPlace returns every reason why Locate would refuse st and from now, joined.
// What is no reason yet, and may become one, it tells the log. Unlike Locate it
// makes nothing, ends nobody and waits for nobody; that somebody reads the slot is
// an error with the exit code of a Fenced, and what their reading moves is then not
// looked at. It is called after Check, which has named what prevents a connection.
func (s *Source) CheckPlace(ctx context.Context, st checkpoint.State, from string) error {
	place, err := parseStart(from)
	if err != nil || s.server.Number < oldest {
		return err
	}
	c := placeChecker{Source: s, resume: st.Position != "" && from == ""}
	if s.server.Replication && s.server.FreeSenders > 0 {
		err := s.identify(ctx)
		defer s.dropReplication()
		if c.identified = err == nil; err != nil {
			c.errs = append(c.errs, err)
		}
	}
	if st.Position != "" && c.identified {
		// The timeline may be another one from here on, which Locate would save.
		c.errs = append(c.errs, s.sameLog(ctx, &st, c.resume))
	}
	err = s.ask(ctx, "check the place", func(ctx context.Context, conn *pgx.Conn) error { return c.look(ctx, conn, st, place, from) })
	return errors.Join(append(c.errs, err)...)
}

// A placeChecker collects what CheckPlace finds.
type placeChecker struct {
	*Source
	resume     bool // at the checkpoint, and not at a place that a person names
	identified bool // what IDENTIFY_SYSTEM says is known
	errs       []error
}

// look asks the server. Its error is one of asking.
func (c *placeChecker) look(ctx context.Context, conn *pgx.Conn, st checkpoint.State, place start, from string) error {
	slot, err := querySlot(ctx, conn, c.cfg.Slot)
	if err != nil {
		return err
	}
	if !c.identified {
		end, err := queryEnd(ctx, conn)
		if err != nil {
			return err
		}
		c.identity.end = end
	}
	switch {
	case slot != nil && slot.ActivePID != 0:
		c.errs = append(c.errs, c.readBySomebody(slot))
	case c.resume:
		at, err := parsePosition(st.Position)
		if err == nil {
			err = c.canResume(slot, at)
		}
		c.errs = append(c.errs, err)
	default:
		c.errs = append(c.errs, c.canStart(slot, place, from))
	}
	if err := c.checkPublished(ctx, conn, st); err != nil {
		return err
	}
	return c.warnOfRetention(ctx, conn, slot)
}

// checkPublished says what publish would find beside what Check has named.
func (c *placeChecker) checkPublished(ctx context.Context, conn *pgx.Conn, st checkpoint.State) error {
	m, err := loadMemory(st.Memory)
	if err != nil {
		c.errs = append(c.errs, err)
		return nil
	}
	for _, p := range c.publications() {
		tables, exists, err := p.missing(ctx, conn)
		if stop := (*failure.StopError)(nil); err != nil && !errors.As(err, &stop) { // a Stop is Check's
			return err
		}
		if c.resume && len(tables) > 0 {
			c.errs = append(c.errs, p.lost(tables, exists, true, m.Published))
		}
	}
	if c.resume || !c.cfg.Create || c.server.CanCreate || len(c.sel.insertOnly) > 0 {
		return nil
	}
	reserved := publication{name: c.cfg.Publication + inserts, kinds: insertKinds}
	_, exists, err := reserved.missing(ctx, conn)
	if err != nil {
		if stop := (*failure.StopError)(nil); !errors.As(err, &stop) {
			return err
		}
		c.errs = append(c.errs, err)
		return nil
	}
	if !exists {
		c.errs = append(c.errs, failure.Stop(
			"run as the database's owner: "+reserved.statement(nil, false)+"; or set source.postgres.create to false, since the tables are published already",
			"role %s may not create publication %s, for tables that are listed under source.insert_only later", c.server.Role, reserved.name))
	}
	return nil
}

// few is below which part of its limit the room for a slot is told.
const few = 5

// warnOfRetention tells how an outage of ours ends by the server's settings: with
// a disk that is full, or with a slot that is lost.
func (c *placeChecker) warnOfRetention(ctx context.Context, conn *pgx.Conn, slot *slotInfo) error {
	var limit, room int64 // in bytes; -1 for none
	var status string
	err := conn.QueryRow(ctx, `
SELECT (SELECT CASE WHEN setting::bigint < 0 THEN -1 ELSE setting::bigint * 1024 * 1024 END FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),
       coalesce((SELECT safe_wal_size FROM pg_replication_slots WHERE slot_name = $1), -1),
       coalesce((SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1), '')`, c.cfg.Slot).Scan(&limit, &room, &status)
	if err != nil {
		return err
	}
	const raise = "ALTER SYSTEM SET max_slot_wal_keep_size = '" + keepSize + "', or more than the server writes in the longest outage of Tailrace, then SELECT pg_reload_conf()"
	fix := func(text string) zap.Field { return zap.String("fix", text) }
	switch {
	case limit < 0:
		c.cfg.Log.Warn("max_slot_wal_keep_size is -1: while Tailrace is away the server keeps all of its log for the slot, and its disk may fill up", fix(raise))
	case slot == nil || status == "lost":
	case status == "unreserved":
		c.cfg.Log.Warn("the server gives slot "+c.cfg.Slot+" up at its next checkpoint: it is further behind than max_slot_wal_keep_size allows",
			zap.Int64("max_slot_wal_keep_size", limit), fix("start Tailrace now, or "+raise))
	case room < limit/few:
		c.cfg.Log.Warn("the server soon gives slot "+c.cfg.Slot+" up",
			zap.Int64("bytes_left", room), zap.Int64("max_slot_wal_keep_size", limit), fix("start Tailrace now, or "+raise))
	}
	return nil
}

// queryEnd asks where the log ends.
func queryEnd(ctx context.Context, conn *pgx.Conn) (lsn, error) {
	var end string
	err := conn.QueryRow(ctx, "SELECT "+logEnd+"::text").Scan(&end)
	if err != nil {
		return 0, err
	}
	return parseLSN(end)
}

// Captured returns the tables that are captured now, without their columns, in the
// words of the events. It is called after Check.
func (s *Source) Captured(context.Context) ([]schema.Table, error) {
	var all []schema.Table
	for _, t := range slices.Concat(s.sel.all, s.sel.insertOnly) {
		all = append(all, schema.Table{Database: s.server.Database, Schema: t.Schema, Name: t.Name})
	}
	return all, nil
}
