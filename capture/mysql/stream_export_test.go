package mysql

import (
	"net"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
)

// OpenLog reads the answer to a dump from a position, as a source does that has
// checked its server.
func OpenLog(conn net.Conn, cfg Config, mariaDB bool, from event.Position, known []byte) (capture.Stream, error) {
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	s.server.MariaDB = mariaDB
	if s.sel, err = newSelection(cfg.Tables, "", false); err != nil {
		return nil, err
	}
	at, err := parsePosition(from)
	if err != nil {
		return nil, err
	}
	m, err := loadMemory(known)
	if err != nil {
		return nil, err
	}
	return newStream(s, newWire(conn, s.cfg.MaxRow, time.Minute), at, m), nil
}

// Statement is what of a statement counts, as one line.
func Statement(text string) string {
	st := parseStatement([]byte(text))
	kind := [...]string{"other", "ddl", "data", "begin", "commit", "rollback", "savepoint", "rollback to", "truncate"}[st.kind]
	switch st.kind {
	case stmtSavepoint, stmtRollbackTo, stmtTruncate:
		return kind + " " + st.database + "." + st.name
	case stmtData:
		return kind + " " + st.verb
	}
	return kind
}
