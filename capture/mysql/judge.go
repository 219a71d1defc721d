package mysql

import (
	"strings"
	"unicode/utf8"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// query takes a statement. Row events are what is read; of statements only those
// count that begin or end a transaction, empty a table, or change rows although
// they should not be here.
func (s *stream) query(h binlog.Header, q binlog.QueryEvent, u *event.Unit) error {
	if !s.group.open {
		// A server that writes no GTID events, not even anonymous ones.
		if err := s.begin(event.Txn{Millis: int64(h.Timestamp) * 1000, Server: h.Server}, groupGTID{}, u); err != nil {
			return err
		}
	}
	if verb, xid, onePhase, ok := binlog.XIDOfQuery(q.Text); ok {
		return s.queryXA(verb, xid, onePhase, u)
	}
	g := &s.group
	st := parseStatement(q.Text)
	switch st.kind {
	case stmtBegin:
		g.began = true
		return nil
	case stmtCommit:
		return s.commit(u)
	case stmtRollback:
		return s.rollback(u, g.gtid)
	case stmtSavepoint:
		g.save(st.name, s.unit.number, u)
		return nil
	case stmtRollbackTo:
		return s.rollbackTo(st.name, u)
	}
	if err := s.judge(st, q, u); err != nil || g.began {
		return err
	}
	return s.commit(u)
}

// rollbackTo takes back what came since a savepoint.
func (s *stream) rollbackTo(name string, u *event.Unit) error {
	g := &s.group
	to, ok := g.saved(name)
	switch {
	case g.items == 0 && (g.preparing == nil || g.preparing.Empty):
		return nil
	case !ok || g.preparing != nil:
		return s.bad(errSavepoint)
	}
	return s.takeBack(to, u)
}

// judge decides about a statement that is none of those that end transactions.
func (s *stream) judge(st statement, q binlog.QueryEvent, u *event.Unit) error {
	switch st.kind {
	case stmtTruncate:
		return s.truncate(st, q, u)
	case stmtData:
		touches, err := s.touches(q)
		if err != nil {
			return s.bad(err)
		}
		if touches {
			return s.statement(st.verb)
		}
	case stmtDDL:
		// What an earlier life has read was considered there. One inside of
		// BEGIN counts too: CREATE OR REPLACE TABLE … SELECT.
		if s.group.txn.Commit >= s.read && s.memory.forget(parseAltered(q.Text), string(q.Database)) {
			s.versions.forget()
			s.remember = true
		}
	}
	return nil
}

// touches reports whether a statement may have changed captured tables: the
// databases that it says it changed are looked at, if it says them.
func (s *stream) touches(q binlog.QueryEvent) (bool, error) {
	if s.group.skip {
		return false, nil
	}
	databases, said, err := q.Updated()
	if !said || err != nil {
		return true, err
	}
	for _, db := range databases {
		if s.src.sel.capturesIn(string(db)) {
			return true, nil
		}
	}
	return false, nil
}

// statement is the error for rows that were changed without row events (C4.6).
func (s *stream) statement(verb string) error {
	return failure.Stop("set binlog_format = ROW for every session, copy the tables that the statement changed again, then start behind it with "+s.behind(),
		"a statement (%s) at %s changed rows without row events: its session had binlog_format STATEMENT or MIXED", verb, s.place.text())
}

// truncate puts the emptying of a table into the unit. The log does not say what
// the table's columns are: its version is one without any.
func (s *stream) truncate(st statement, q binlog.QueryEvent, u *event.Unit) error {
	db := st.database
	if db == "" {
		db = string(q.Database)
	}
	name := st.name
	if s.src.sel.fold { // row events have the names so
		db, name = strings.ToLower(db), strings.ToLower(name)
	}
	if s.group.skip || !s.src.sel.capturesIn(db) {
		return nil
	}
	if !utf8.ValidString(name) {
		return failure.Stop("give tables names of ASCII, or let sessions that empty them use utf8mb4; then start behind it with "+s.behind(),
			"a table was emptied at %s, and its name is in another character set than UTF-8", s.place.text())
	}
	if !s.src.captures(db, name) {
		return nil
	}
	table, err := s.versions.bare(db, name, u)
	if err != nil {
		return err
	}
	at := uint32(len(u.Raw))
	u.Items = append(u.Items, event.Item{
		Op: event.Truncate, Table: table, Start: at, End: at, Txn: s.transaction(u),
		Event: s.place.start - s.group.start, Pos: s.place.start,
	})
	u.Cost += table.RowCost
	s.group.items++
	return nil
}
