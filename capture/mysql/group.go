package mysql

import (
	"strings"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/gtid"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// A group is the transaction at hand: the events from its GTID to the one that
// ends it (C4.1).
type group struct {
	open bool
	txn  event.Txn
	gtid groupGTID

	start     uint64    // offset in the file where its first event begins
	began     bool      // BEGIN was read, or is implied; else one statement is all of it
	skip      bool      // its rows don't count if it ends here: it is before the start that was asked for, or was read before
	payload   bool      // it came compressed
	preparing *held     // what keeps its rows if it is an XA transaction
	counting  *held     // the prepared transaction that it commits, while its rows are read
	closes    groupGTID // of the PREPARE that it ends, which was a hole until now (C4.2)

	items  int // how many were put into units
	handed int // how many of them are in units that were handed on
	begin  savepoint
	saves  []savepoint
}

// groupGTID is what a group adds to the positions behind it.
type groupGTID struct {
	known  bool
	source gtid.Source // MySQL
	domain uint32      // MariaDB
	server uint32      // MariaDB
	number uint64
}

// A savepoint is a place in a transaction that ROLLBACK TO can go back to.
type savepoint struct {
	name  string
	items int    // of the group
	unit  uint64 // in which it was set
	at    extent // of that unit
}

// An extent is how much there is in a unit.
type extent struct{ items, raw, txns, cost int }

func extentOf(u *event.Unit) extent { return extent{len(u.Items), len(u.Raw), len(u.Txns), u.Cost} }

// begin opens a group at a GTID event or, where the server writes none, at BEGIN.
func (s *stream) begin(txn event.Txn, g groupGTID, u *event.Unit) error {
	if s.group.open {
		return s.bad(errBegins)
	}
	s.versions.trim()
	txn.Commit, txn.File = s.place.commit(), s.place.file
	s.group = group{
		open: true, txn: txn, gtid: g, start: s.place.start, saves: s.group.saves[:0],
		skip:  s.precedes(txn.Millis, txn.Commit),
		begin: savepoint{unit: s.unit.number, at: extentOf(u)},
	}
	return nil
}

// precedes reports whether something lies before the start that was asked for, or
// was read before.
func (s *stream) precedes(millis int64, place uint64) bool {
	return millis < s.memory.Since || place < s.read
}

// beginMySQL opens a group of MySQL.
func (s *stream) beginMySQL(f frame, u *event.Unit) error {
	e, err := binlog.ParseGTID(f.header, f.body)
	if err != nil {
		return s.bad(err)
	}
	txn := event.Txn{Millis: int64(e.OriginalMicros / 1000), Server: f.header.Server}
	if txn.Millis == 0 {
		txn.Millis = int64(f.header.Timestamp) * 1000 // C4.8
	}
	if e.Anonymous {
		if s.at.byGTID {
			return failure.Stop("set gtid_mode = ON again, or start with source.mysql.positions: file from "+s.place.text(),
				"the transaction at %s has no GTID, and positions are made of them: gtid_mode was changed", s.place.text())
		}
		return s.begin(txn, groupGTID{}, u)
	}
	o := s.origins.mysql(e.UUID, e.Tag)
	txn.GTID = event.GTID{Prefix: o.prefix, Number: e.Number}
	return s.begin(txn, groupGTID{known: true, source: o.source, number: e.Number}, u)
}

// beginMariaDB opens a group of MariaDB, whose GTID event is its BEGIN too.
func (s *stream) beginMariaDB(f frame, u *event.Unit) error {
	e, err := binlog.ParseMariaGTID(f.body)
	if err != nil {
		return s.bad(err)
	}
	txn := event.Txn{
		Millis: int64(f.header.Timestamp) * 1000, Server: f.header.Server,
		GTID: event.GTID{Prefix: s.origins.mariadb(e.Domain, f.header.Server), Number: e.Sequence},
	}
	g := groupGTID{known: true, domain: e.Domain, server: f.header.Server, number: e.Sequence}
	if err := s.begin(txn, g, u); err != nil {
		return err
	}
	s.group.began = e.Flags&binlog.Standalone == 0
	if e.Flags&binlog.PreparedXA != 0 {
		s.startXA(e.XID)
	}
	return nil
}

// commit ends the group: its rows count.
func (s *stream) commit(u *event.Unit) error {
	g := &s.group
	if !g.open {
		return s.bad(errEnds)
	}
	if g.items > 0 {
		u.Items = append(u.Items, event.Item{Op: event.End, Txn: s.transaction(u)})
		u.Cost += endCost
	}
	if s.memory.Since != 0 && !g.skip {
		s.memory.Since, s.remember = 0, true
	}
	s.add(g.gtid)
	s.add(g.closes)
	s.reach(u)
	return nil
}

// rollback ends the group: its rows don't count. gtid is what positions name
// from now on: of a group that a crash has cut it is none, since no transaction
// has it, and it may come again.
func (s *stream) rollback(u *event.Unit, gtid groupGTID) error {
	g := &s.group
	if !g.open {
		return s.bad(errEnds)
	}
	g.gtid = gtid
	if err := s.takeBack(g.begin, u); err != nil {
		return err
	}
	if g.preparing != nil {
		g.preparing.spool.close()
	}
	s.add(g.gtid)
	s.reach(u)
	return nil
}

// takeBack removes from the unit what the group put there since a savepoint.
func (s *stream) takeBack(to savepoint, u *event.Unit) error {
	g := &s.group
	if g.handed > to.items {
		return failure.Stop(
			"see what is right in the tables that the transaction changed, then go on behind it with "+s.behind(),
			"the transaction at %s:%d was rolled back, and some of its rows are published: it changed tables of several engines and was too large to be held",
			s.place.file, g.start)
	}
	if to.unit != s.unit.number {
		to.at = extent{} // set before this unit: all that is in here came later
	}
	clear(u.Items[to.at.items:])
	u.Items, u.Raw, u.Txns, u.Cost = u.Items[:to.at.items], u.Raw[:to.at.raw], u.Txns[:to.at.txns], to.at.cost
	if s.unit.index >= int64(to.at.txns) {
		s.unit.index = -1
	}
	g.items = to.items
	return nil
}

// save sets a savepoint.
func (g *group) save(name string, unit uint64, u *event.Unit) {
	g.saves = append(g.saves, savepoint{name, g.items, unit, extentOf(u)})
}

// saved returns the latest savepoint of a name. Later ones are forgotten, as
// the server does.
func (g *group) saved(name string) (savepoint, bool) {
	for i := len(g.saves) - 1; i >= 0; i-- {
		if strings.EqualFold(g.saves[i].name, name) {
			g.saves = g.saves[:i+1]
			return g.saves[i], true
		}
	}
	return savepoint{}, false
}

// handOn notes that the unit at hand is out of reach.
func (g *group) handOn() { g.handed = g.items }

// wanted reports whether rows of captured tables count, or may count later.
func (s *stream) wanted() bool { return !s.group.skip || s.group.preparing != nil }

// add puts the group's GTID among those that positions name.
func (s *stream) add(g groupGTID) {
	s.at.add(g, s.src.server.MariaDB)
}

func (p *position) add(g groupGTID, mariadb bool) {
	switch {
	case !g.known || !p.byGTID:
	case mariadb:
		p.list.Set(g.domain, g.server, g.number)
	default:
		p.set.Add(g.source, g.number)
	}
}

// reach ends the group at the present place, and gives the unit the position
// behind it.
func (s *stream) reach(u *event.Unit) {
	s.clock = s.group.txn.Millis
	s.unplaced = false
	s.rememberXA()
	s.group = group{saves: s.group.saves[:0]}
	s.unit.index = -1
	s.settle(u)
}

// transaction returns the index of the group's transaction in the unit.
func (s *stream) transaction(u *event.Unit) uint32 {
	if s.unit.index < 0 {
		s.unit.index = int64(len(u.Txns))
		u.Txns = append(u.Txns, s.group.txn)
	}
	return uint32(s.unit.index)
}
