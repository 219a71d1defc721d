package postgres

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
)

// Gauge is a capture.Gauge of a Postgres database. It asks on one ordinary
// connection, as the role that reads the slot: what it asks everybody may know.
type Gauge struct {
	// src judges a place by what Locate goes by. It is neither located nor opened.
	src *Source
}

var _ capture.Gauge = (*Gauge)(nil)

// NewGauge returns a Gauge of the slot that cfg names. It connects nowhere; the
// error is one of usage.
func NewGauge(cfg Config) (capture.Gauge, error) {
	cfg.Log = nil
	cfg.Temporary = false // whose slot has a name of its own
	src, err := New(cfg)
	if err != nil {
		return nil, err
	}
	src.side.cfg = src.conn.Copy()
	src.side.cfg.RuntimeParams["application_name"] = src.application() + " gauge"
	return &Gauge{src: src}, nil
}

// Close implements capture.Gauge.
func (g *Gauge) Close() error { return g.src.side.close() }

// Look implements capture.Gauge.
func (g *Gauge) Look(ctx context.Context, st checkpoint.State) (capture.Sight, error) {
	var l logInfo
	err := g.src.ask(ctx, "ask how far the server's log is", func(ctx context.Context, c *pgx.Conn) (err error) {
		l, err = queryLog(ctx, c, g.src.cfg.Slot)
		return err
	})
	if err != nil {
		return capture.Sight{}, err
	}
	sight := l.sight()
	if st.Position == "" {
		return sight, nil
	}
	at, err := parsePosition(st.Position)
	if err != nil {
		return sight, err
	}
	if err := g.otherLog(ctx, st, &l); err != nil {
		sight.Lost = err.Error()
		return sight, nil // there is no distance between places of two logs
	}
	if at <= l.end {
		sight.Behind = int64(l.end - at)
	}
	if err := g.gone(&l, at); err != nil {
		sight.Lost = err.Error()
	}
	return sight, nil
}

// otherLog says why the place of st is not one of this server's log. Whether it
// is in the history of a new timeline only a connection for replication may ask:
// that is left to the pipeline's.
func (g *Gauge) otherLog(ctx context.Context, st checkpoint.State, l *logInfo) error {
	g.src.identity = identity{cmp.Or(l.system, st.Source.System), st.Source.Timeline, l.end}
	return g.src.sameLog(ctx, &st, true)
}

// gone says why the slot does not have what is behind the place.
func (g *Gauge) gone(l *logInfo, at lsn) error {
	if s := l.slot; s != nil && s.ActivePID != 0 && s.Status != "lost" && at <= l.end {
		// A slot that is ahead of the place was moved by its reader, which has saved
		// another place meanwhile.
		return nil
	}
	return g.src.canResume(l.slot, at)
}

// A logInfo is what a server says of its log, and of the slot.
type logInfo struct {
	end    lsn
	system string    // "" if the role may not know
	slot   *slotInfo // nil if there is none
	kept   int64     // bytes from what the slot needs to the end; 0 if it needs nothing
	room   *int64    // safe_wal_size; nil if there is no limit, or the slot is lost
	limit  bool      // max_slot_wal_keep_size is set
}

func (l *logInfo) sight() capture.Sight {
	s := capture.Sight{
		Oldest: l.end.position(), Newest: l.end.position(),
		Behind: capture.Unknown, Kept: capture.Unknown, Room: capture.Unknown, Left: capture.Unknown,
	}
	if l.slot != nil {
		s.Oldest, s.Kept = l.slot.Confirmed.position(), l.kept
	}
	if l.limit && l.slot != nil {
		s.Limit = "max_slot_wal_keep_size"
		s.Room = 0 // of a lost slot; and one that is past its limit has less than none
		if l.room != nil {
			s.Room = max(0, *l.room)
		}
	}
	return s
}

// logEnd is where the log ends, as text.
const logEnd = `(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)`

// queryLog asks for the log's end after the slot: a place that was saved before
// can't lie behind it.
func queryLog(ctx context.Context, c *pgx.Conn, slot string) (l logInfo, err error) {
	if l.slot, err = querySlot(ctx, c, slot); err != nil {
		return l, err
	}
	var end string
	var known bool
	err = c.QueryRow(ctx, `
SELECT `+logEnd+`::text, greatest(0, pg_wal_lsn_diff(`+logEnd+`, s.restart_lsn))::int8, s.safe_wal_size,
       (SELECT setting::int8 FROM pg_settings WHERE name = 'max_slot_wal_keep_size') >= 0,
       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
FROM (SELECT) AS one LEFT JOIN pg_replication_slots AS s ON s.slot_name = $1`, slot).
		Scan(&end, &l.kept, &l.room, &l.limit, &known)
	if err != nil {
		return l, err
	}
	if l.end, err = parseLSN(end); err != nil {
		return l, failure.StopFrom(err, "", "the server's place is not an LSN")
	}
	if known {
		err = c.QueryRow(ctx, `SELECT system_identifier::text FROM pg_control_system()`).Scan(&l.system)
	}
	return l, err
}
