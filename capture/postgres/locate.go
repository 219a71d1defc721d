package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// identity is what IDENTIFY_SYSTEM says.
type identity struct {
	system   string
	timeline uint32
	end      lsn // of the log that is flushed
}

// Locate implements capture.Source.
func (s *Source) Locate(ctx context.Context, st checkpoint.State, from string) (checkpoint.State, error) {
	place, err := parseStart(from)
	if err != nil {
		return st, err // before anything is made on the server
	}
	known := st.Position != ""
	if s.cfg.Temporary && known {
		return st, errTemporary(nil)
	}
	if err := s.identify(ctx); err != nil {
		return st, err
	}
	if s.cfg.Temporary {
		if err := s.prepareTemporary(ctx); err != nil {
			return st, err
		}
	}
	if known {
		if err := s.sameLog(ctx, &st, from == ""); err != nil {
			return st, err
		}
	}
	slot, err := s.idleSlot(ctx)
	if err != nil {
		return st, err
	}
	if known && from == "" {
		at, err := parsePosition(st.Position)
		if err != nil {
			return st, err
		}
		if err := s.canResume(slot, at); err != nil {
			return st, err
		}
		m, err := loadMemory(st.Memory)
		if err != nil {
			return st, err
		}
		if err := s.publish(ctx, true, m.Published); err != nil {
			return st, err
		}
		st.Memory = s.remember(m)
		return st, nil
	}
	// All that can be refused is refused before anything is made.
	if err := s.canStart(slot, place, from); err != nil {
		return st, err
	}
	if err := s.publish(ctx, false, nil); err != nil {
		return st, err
	}
	if slot == nil {
		if slot, err = s.createSlot(ctx); err != nil {
			return st, err
		}
		// A slot that was just made has nothing before its place.
		s.identity.end = slot.Confirmed
	} else if err := s.askSystem(ctx); err != nil {
		// A new publication can't decode what was written before it, so "now"
		// is where the log ends after it was made.
		return st, err
	}
	st.Source = s.source()
	return s.startAt(st, slot, place)
}

// identify makes the connection for replication and asks who is there.
func (s *Source) identify(ctx context.Context) error {
	s.dropReplication()
	conn, err := s.connectReplication(ctx)
	if err != nil {
		return err
	}
	s.repl = conn
	return s.askSystem(ctx)
}

// askSystem asks on the connection for replication who the server is and where
// its log ends.
func (s *Source) askSystem(ctx context.Context) error {
	rows, err := simple(ctx, s.repl, "IDENTIFY_SYSTEM")
	if err != nil {
		return classify("identify the server", err)
	}
	if len(rows) != 1 || len(rows[0]) < 3 {
		return failure.Stop("see whether a proxy stands between", "the server does not answer IDENTIFY_SYSTEM as Postgres does")
	}
	timeline, err := strconv.ParseUint(rows[0][1], 10, 32)
	if err != nil {
		return failure.Stop("", "the server's timeline is not a number")
	}
	end, err := parseLSN(rows[0][2])
	if err != nil {
		return failure.StopFrom(err, "", "the server's place is not an LSN")
	}
	s.identity = identity{rows[0][0], uint32(timeline), end}
	return nil
}

// sameLog holds the saved identity against the server's. A new timeline of the
// same system raises the epoch (C2.3), unless the saved place is not part of
// its history (C3.3) and is to be resumed. So does a start elsewhere in a log that
// ends before the saved place: what follows there is not what was published.
func (s *Source) sameLog(ctx context.Context, st *checkpoint.State, resume bool) error {
	if st.Source.Connector != Connector {
		return failure.Stop("name another checkpoint", "the checkpoint belongs to a source of the kind %q", st.Source.Connector)
	}
	if st.Source.System != s.identity.system {
		return failure.Stop("check the source URL; or name another checkpoint, and start with --from now after a new copy of the tables",
			"the checkpoint belongs to another server: its system identifier is %s, this one's is %s", st.Source.System, s.identity.system)
	}
	at, err := parsePosition(st.Position)
	if err != nil {
		return err
	}
	if st.Source.Timeline == s.identity.timeline {
		if !resume && at > s.identity.end {
			s.cfg.Log.Warn("the server was restored from a copy: its log ends before the checkpoint's place", zap.Stringer("end", s.identity.end), zap.Stringer("position", at))
			st.Epoch++
		}
		return nil
	}
	rows, err := simple(ctx, s.repl, "TIMELINE_HISTORY "+strconv.FormatUint(uint64(s.identity.timeline), 10))
	if err != nil {
		return classify("read the timeline's history", err)
	}
	if len(rows) != 1 || len(rows[0]) < 2 {
		return failure.Stop("", "the server does not answer TIMELINE_HISTORY as Postgres does")
	}
	left, err := leftTimeline(rows[0][1], st.Source.Timeline)
	switch {
	case !resume:
	case err != nil:
		return lost("the server is on timeline %d, and the checkpoint's timeline %d is not part of its history", s.identity.timeline, st.Source.Timeline)
	case at > left:
		return lost("the server left timeline %d at %s, before the checkpoint's place %s", st.Source.Timeline, left, at)
	}
	s.cfg.Log.Warn("the server is on a new timeline", zap.Uint32("from_timeline", st.Source.Timeline), zap.Uint32("to_timeline", s.identity.timeline))
	st.Source.Timeline = s.identity.timeline
	st.Epoch++
	return nil
}

// leftTimeline finds where a history file says that a timeline was left: its
// lines are timeline, LSN and reason.
func leftTimeline(history string, timeline uint32) (lsn, error) {
	for line := range strings.Lines(history) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == strconv.FormatUint(uint64(timeline), 10) {
			return parseLSN(fields[1])
		}
	}
	return 0, errors.New("the timeline is not there")
}

func (s *Source) findSlot(ctx context.Context) (slot *slotInfo, err error) {
	err = s.ask(ctx, "ask for the slot", func(ctx context.Context, c *pgx.Conn) error {
		slot, err = querySlot(ctx, c, s.cfg.Slot)
		return err
	})
	return slot, err
}

// idleSlot returns the slot once nobody reads it, and nil if there is none. A
// predecessor that died without a word holds it until the server notices. Where
// the slot is can be relied on only then: its reader moves it.
func (s *Source) idleSlot(ctx context.Context) (*slotInfo, error) {
	deadline := time.Now().Add(s.cfg.SlotWait)
	for told := false; ; told = true {
		slot, err := s.findSlot(ctx)
		if err != nil || slot == nil || slot.ActivePID == 0 {
			return slot, err
		}
		if time.Now().After(deadline) {
			return nil, s.readBySomebody(slot)
		}
		if !told {
			s.cfg.Log.Info("waiting for the slot's other reader to end", zap.String("slot", s.cfg.Slot), zap.Int32("pid", slot.ActivePID))
		}
		if err := s.endPredecessor(ctx, slot.ActivePID); err != nil {
			return nil, err
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// readBySomebody is the error for a slot that somebody reads.
func (s *Source) readBySomebody(slot *slotInfo) error {
	return failure.Fenced(fmt.Sprintf("stop the other one: SELECT * FROM pg_stat_replication WHERE pid = %d says who it is", slot.ActivePID),
		"slot %s is read by somebody else", s.cfg.Slot)
}

// endPredecessor ends the slot's reader if it reads under our claim. A role may end
// what is its own.
func (s *Source) endPredecessor(ctx context.Context, pid int32) error {
	if s.cfg.Claim == nil || s.cfg.Claim() == "" {
		return nil
	}
	return s.ask(ctx, "end the slot's former reader", func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2 AND usename = current_user",
			pid, s.application())
		return err
	})
}

// canResume says whether the slot still has everything behind the checkpoint's
// place.
func (s *Source) canResume(slot *slotInfo, at lsn) error {
	switch {
	case slot == nil && !s.cfg.Create:
		return lostFor("changes since the checkpoint can't be read any more; run: "+setupHint+anewHint, "slot %s does not exist any more", s.cfg.Slot)
	case slot == nil:
		return lost("slot %s does not exist any more", s.cfg.Slot)
	case slot.Status == "lost":
		return s.lostSlot()
	case slot.Confirmed > at:
		return lost("slot %s is ahead of the checkpoint: it is at %s, the checkpoint at %s", s.cfg.Slot, slot.Confirmed, at)
	case at > s.identity.end:
		return lost("the checkpoint's place %s is ahead of the server's log, which ends at %s: the server was restored from a copy", at, s.identity.end)
	}
	return nil
}

// canStart says whether the server has the place that a person asked for; slot
// is nil if it is yet to be made.
func (s *Source) canStart(slot *slotInfo, p start, from string) error {
	switch {
	case slot == nil && p.past():
		return lostFor("start with --from now", "slot %s does not exist, so the server has kept nothing for a start at %s", s.cfg.Slot, from)
	case slot == nil && !s.cfg.Create:
		return failure.Stop("run: SELECT pg_create_logical_replication_slot("+quote.PostgresLiteral(s.cfg.Slot)+", 'pgoutput')",
			"slot %s does not exist, and source.postgres.create is false", s.cfg.Slot)
	case slot == nil:
		return nil
	case slot.Status == "lost":
		return s.lostSlot()
	case p.position == nil:
		return nil
	case *p.position < slot.Confirmed:
		return lostFor("--from earliest starts with what the server still has",
			"--from %s lies before the place of slot %s, which is %s", from, s.cfg.Slot, slot.Confirmed)
	case *p.position > s.identity.end:
		return lostFor("check the position; --from now starts at the log's end",
			"--from %s lies ahead of the server's log, which ends at %s", from, s.identity.end)
	}
	return nil
}

// lostSlot is the error for a slot that the server has given up.
func (s *Source) lostSlot() error {
	hint := "run: SELECT pg_drop_replication_slot(" + quote.PostgresLiteral(s.cfg.Slot) + "); then "
	if !s.cfg.Create {
		hint += setupHint
	}
	return lostFor(hint+anewHint,
		"slot %s is lost: the server removed log that it needed (max_slot_wal_keep_size)", s.cfg.Slot)
}

// A start is the place that a person asked for.
type start struct {
	position *lsn
	since    int64 // a commit time in Unix milliseconds, or 0
	earliest bool  // what the slot still has; else, without a position, now
}

func parseStart(from string) (start, error) {
	switch text, isTime := event.TimeOf(from); {
	case isTime:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return start{}, failure.Usage("write it as time:2026-11-21T10:00:00Z", "--from %s is not a time", from)
		}
		return start{since: t.UnixMilli(), earliest: true}, nil
	case from == event.Earliest:
		return start{earliest: true}, nil
	case from == event.Now, from == "":
		return start{}, nil
	}
	at, err := parsePosition(event.Position(from))
	return start{position: &at}, err
}

// past reports whether only a slot that is already there can have the place.
func (p start) past() bool {
	return p.position != nil || p.since != 0 && p.since < time.Now().UnixMilli()
}

// startAt takes the place that a person asked for.
func (s *Source) startAt(st checkpoint.State, slot *slotInfo, p start) (checkpoint.State, error) {
	m, err := loadMemory(st.Memory)
	if err != nil {
		return st, err
	}
	m.Since = p.since
	at := s.identity.end
	switch {
	case p.position != nil:
		at = *p.position
	case p.earliest:
		at = slot.Confirmed
	}
	if at > slot.Confirmed {
		s.cfg.Log.Info("starting behind the slot's place: what lies between is skipped",
			zap.Stringer("confirmed", slot.Confirmed), zap.Stringer("position", at))
	}
	st.Position, st.Bound, st.Memory = at.position(), uint64(at), s.remember(m)
	return st, nil
}

// createSlot makes the slot. The server waits for transactions that are older.
func (s *Source) createSlot(ctx context.Context) (*slotInfo, error) {
	waiting := time.AfterFunc(5*time.Second, func() {
		s.cfg.Log.Warn("the server makes the slot once every older transaction has ended: see xact_start in pg_stat_activity", zap.String("slot", s.cfg.Slot))
	})
	defer waiting.Stop()
	temporary := ""
	if s.cfg.Temporary {
		temporary = " TEMPORARY"
	}
	rows, err := simple(ctx, s.repl, "CREATE_REPLICATION_SLOT "+quote.PostgresIdent(s.cfg.Slot)+temporary+" LOGICAL pgoutput NOEXPORT_SNAPSHOT")
	if err != nil {
		return nil, classify("create slot "+s.cfg.Slot, err)
	}
	if len(rows) != 1 || len(rows[0]) < 2 {
		return nil, failure.Stop("", "the server does not answer CREATE_REPLICATION_SLOT as Postgres does")
	}
	at, err := parseLSN(rows[0][1])
	if err != nil {
		return nil, failure.StopFrom(err, "", "the slot's place is not an LSN")
	}
	s.cfg.Log.Info("made the slot", zap.String("slot", s.cfg.Slot), zap.Stringer("position", at))
	return &slotInfo{Confirmed: at, Status: "reserved"}, nil
}
