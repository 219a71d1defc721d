package mysql

import (
	"cmp"
	"errors"
	"slices"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// xaSet holds the XA transactions that are prepared and wait for their end
// (C4.2). Their rows come with the PREPARE, and count from the COMMIT on.
type xaSet struct {
	held []*held // in the order of the log
	room int     // bytes of rows that may still be held in memory
	// changed says that the checkpoint is to hear of it when the group at hand
	// has ended: before, positions are those of the state before it.
	changed bool
}

// A held is a prepared transaction.
type held struct {
	prepared
	spool  *spool // its table maps and row events, for those that are captured
	before position
	gtid   groupGTID
	// again says that it is known from an earlier life, and its PREPARE is yet
	// to be read again.
	again bool
	// past says that its PREPARE lies before the start, or was read before: what
	// is remembered of tables is younger than its rows.
	past bool
}

var errXA = errors.New("an XA transaction ends in another way than it began")

// begin remembers what an earlier life has met.
func (x *xaSet) begin(src *Source, at position, known []prepared) {
	x.room = src.cfg.Memory
	for _, p := range known {
		x.held = append(x.held, &held{prepared: p, before: at, spool: newSpool(src.cfg.SpillDir, &x.room), again: true})
	}
}

// commit returns where the transaction's group begins, as a ver has it.
func (p *prepared) commit() uint64 {
	at := position{file: p.File, offset: p.Offset}
	return at.commit()
}

// name notes what a table map of it means.
func (h *held) name(id string, r remembered) {
	if h.Tables == nil {
		h.Tables = make(map[string]remembered)
	}
	h.Tables[id] = r
}

// elder returns the prepared transaction at hand if the names of its tables are
// those of its own time, nil if names are today's.
func (s *stream) elder() *held {
	if g := &s.group; g.preparing != nil && g.preparing.past {
		return g.preparing
	}
	return s.group.counting
}

func (x *xaSet) find(xid string) *held {
	i := slices.IndexFunc(x.held, func(h *held) bool { return h.XID == xid })
	if i < 0 {
		return nil
	}
	return x.held[i]
}

// oldest returns the first transaction that has to come again after a restart,
// nil if there is none.
func (x *xaSet) oldest() *held {
	i := slices.IndexFunc(x.held, func(h *held) bool { return !h.Empty })
	if i < 0 {
		return nil
	}
	return x.held[i]
}

func (x *xaSet) remove(h *held) {
	x.held = slices.DeleteFunc(x.held, func(o *held) bool { return o == h })
}

func (x *xaSet) close() {
	for _, h := range x.held {
		h.spool.close()
	}
}

// rememberXA puts the prepared transactions into what the checkpoint keeps, if
// the group that has ended changed them.
func (s *stream) rememberXA() {
	if !s.xa.changed {
		return
	}
	s.xa.changed = false
	s.memory.Prepared = nil
	for _, h := range s.xa.held {
		s.memory.Prepared = append(s.memory.Prepared, h.prepared)
	}
	s.remember = true
}

// queryXA takes the statements of an XA transaction.
func (s *stream) queryXA(verb, xid string, onePhase bool, u *event.Unit) error {
	g := &s.group
	switch verb {
	case "START":
		if g.preparing != nil {
			return s.bad(errXA)
		}
		s.startXA(xid)
		return nil
	case "END":
		return nil
	case "PREPARE":
		return s.prepare(xid, onePhase, u)
	}
	if g.preparing != nil { // its own COMMIT ONE PHASE or ROLLBACK
		if verb == "ROLLBACK" {
			return s.rollback(u, g.gtid)
		}
		return s.prepare(xid, true, u)
	}
	h := s.xa.find(xid)
	if h == nil || h.again && !h.Empty {
		if verb == "ROLLBACK" || g.skip {
			if h != nil && g.txn.Commit >= s.read { // else it is one of the same name that has ended since
				h.spool.close()
				s.xa.remove(h)
				s.xa.changed = true
			}
			return s.commit(u)
		}
		return failure.Stop(
			"start before its XA PREPARE with --from; or, if none of its rows is of a captured table, behind the "+verb+" with "+s.behind(),
			"XA %s at %s ends a transaction that was prepared before the start: its rows are not known", verb, s.place.text())
	}
	s.xa.remove(h)
	s.xa.changed = true
	if s.holes() {
		g.closes = h.gtid
	}
	if verb == "COMMIT" && !h.Empty && !g.skip {
		return s.openPrepared(h)
	}
	h.spool.close()
	return s.commit(u)
}

// startXA makes the group one whose rows are kept until it is committed.
func (s *stream) startXA(xid string) {
	g := &s.group
	g.began = true
	g.preparing = &held{
		prepared: prepared{XID: xid, GTID: string(g.txn.GTID.Append(nil)), File: s.place.file, Offset: g.start, Empty: true},
		before:   s.at.clone(), gtid: g.gtid, spool: newSpool(s.src.cfg.SpillDir, &s.xa.room),
		past: g.skip,
	}
	h := g.preparing
	if old := s.xa.find(xid); old != nil && old.again {
		h.past = true
		if old.GTID == h.GTID && (h.GTID != "" || old.commit() == h.commit()) {
			h.Tables = old.Tables
		}
	}
}

// prepare ends the group of a prepared transaction.
func (s *stream) prepare(xid string, onePhase bool, u *event.Unit) error {
	g := &s.group
	h := g.preparing
	if h == nil || h.XID != xid {
		return s.bad(errXA)
	}
	if onePhase {
		if h.Empty {
			h.spool.close()
			return s.commit(u)
		}
		return s.openPrepared(h)
	}
	if old := s.xa.find(xid); old != nil {
		if !old.again {
			return s.bad(errXA)
		}
		s.xa.remove(old) // this is it, again
	}
	s.xa.changed = true
	s.xa.held = append(s.xa.held, h)
	slices.SortFunc(s.xa.held, func(a, b *held) int { return cmp.Compare(a.commit(), b.commit()) })
	if h.Empty || !s.holes() {
		s.add(g.gtid)
	}
	s.reach(u)
	return nil
}

// keepRows keeps rows of a captured table.
func (s *stream) keepRows(h binlog.Header, body []byte, offset uint64) error {
	s.group.preparing.Empty = false
	return s.keep(h, body, offset)
}

// keep puts an event into the spool of the transaction that is being prepared.
func (s *stream) keep(h binlog.Header, body []byte, offset uint64) error {
	return s.group.preparing.spool.add(h, body, offset)
}

// openPrepared lets the rows of a prepared transaction count, in the group at
// hand.
func (s *stream) openPrepared(h *held) error {
	if s.nested.active() { // a payload that ends in COMMIT ONE PHASE
		if err := s.leavePayload(); err != nil {
			return err
		}
	}
	r, err := h.spool.reader()
	if err != nil {
		return err
	}
	s.nested.open(nestedPrepared, newFeed(r, s.src.cfg.MaxRow), h.spool)
	s.group.preparing, s.group.counting = nil, h
	return nil
}
