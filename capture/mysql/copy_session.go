package mysql

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/schema"
)

// A copySession is a connection with a view, and one to lock tables where a view
// needs that.
type copySession struct {
	c    *copier
	conn *client.Conn // nil once it is broken
	lock *client.Conn // nil until it is needed

	viewing bool   // a transaction is open
	frees   string // statement with which lock gives the table free; "" if it does not hold it
	name    tableName
	table   *schema.Table // of the view
	asks    bool          // whether the server can read a condition of a person

	rows answer
}

var _ capture.CopySession = (*copySession)(nil)

// Connect implements capture.Copier.
func (c *copier) Connect(ctx context.Context) (capture.CopySession, error) {
	if err := c.know(ctx); err != nil {
		return nil, err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &copySession{c: c, conn: conn, rows: answer{max: c.src.cfg.MaxRow}}, nil
}

// Seconds for which a lock of a table is waited for. A LOCK TABLES READ that waits
// lets writers pass, so that it takes some time where there are many; an exact view
// has the stream wait meanwhile.
const (
	lockWait     = 2
	lockWaitLong = 10
)

// connect makes a connection whose answers depend on no setting of the server.
func (c *copier) connect(ctx context.Context) (*client.Conn, error) {
	conn, err := c.src.target.connect(ctx, copyProgram(c.src.cfg.Name))
	if err != nil {
		return nil, err
	}
	limit := "max_execution_time"
	if c.src.server.MariaDB {
		limit = "max_statement_time"
	}
	err = within(ctx, conn, func() error {
		return execute(conn,
			// A DATE may hold what a literal may not otherwise: a key can be '2026-02-31'.
			"SET SESSION sql_mode = 'ALLOW_INVALID_DATES'",
			// Only so is there a view that lasts.
			"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
			// Text comes as it is stored: see values.CellFor.
			"SET SESSION autocommit = 1, SESSION time_zone = '+00:00', SESSION character_set_results = NULL",
			// A table is read to its end, however slowly it is taken from us.
			"SET SESSION sql_select_limit = 18446744073709551615, SESSION sql_big_selects = 1, SESSION "+limit+" = 0",
			fmt.Sprintf("SET SESSION net_write_timeout = 3600, SESSION net_read_timeout = 3600, SESSION wait_timeout = 28800, SESSION lock_wait_timeout = %d", lockWait),
		)
	})
	if err != nil {
		_ = conn.Close()
		return nil, classify("connect", err)
	}
	return conn, nil
}

// use calls f with the session's connection.
func (s *copySession) use(ctx context.Context, doing string, f func() error) error {
	if s.conn == nil {
		return failure.Retry(fmt.Errorf("%s: the connection broke", doing))
	}
	return s.sort(doing, within(ctx, s.conn, f))
}

// Numbers of errors of the server that say that something else than the connection
// is not as it should be.
const (
	errNoDatabase      = 1049 // ER_BAD_DB_ERROR
	errUnknownColumn   = 1054 // ER_BAD_FIELD_ERROR
	errNoSuchTable     = 1146 // ER_NO_SUCH_TABLE
	errLockWait        = 1205 // ER_LOCK_WAIT_TIMEOUT
	errDeadlock        = 1213 // ER_LOCK_DEADLOCK
	errInterrupted     = 1317 // ER_QUERY_INTERRUPTED
	errDefinition      = 1412 // ER_TABLE_DEF_CHANGED
	errChanged         = 1020 // ER_CHECKREAD, of MariaDB
	errNeedsReprepared = 1615 // ER_NEED_REPREPARE
)

// aboutCondition reports whether an error says that a condition can't be read. Such a
// one cites the statement, never a row.
func aboutCondition(code uint16) bool {
	switch code {
	case errUnknownColumn,
		1052,       // ER_NON_UNIQ_ERROR
		1064,       // ER_PARSE_ERROR
		1111,       // ER_INVALID_GROUP_FUNC_USE
		1267, 1271, // ER_CANT_AGGREGATE_2COLLATIONS, ER_CANT_AGGREGATE_NCOLLATIONS
		1305,       // ER_SP_DOES_NOT_EXIST
		1582, 1584: // ER_WRONG_PARAMCOUNT_TO_NATIVE_FCT, ER_WRONG_PARAMETERS_TO_STORED_FCT
		return true
	}
	return false
}

// sort gives an error its class. Behind one that is not the server's the connection
// is of no use.
func (s *copySession) sort(doing string, err error) error {
	if err == nil || errors.Is(err, capture.ErrAgain) || errors.Is(err, capture.ErrNoTable) || errors.Is(err, capture.ErrParts) {
		return err
	}
	my := serverError(err)
	if my == nil || isEnd(my) {
		s.drop()
		return classify(doing, err)
	}
	switch my.Code {
	case errNoSuchTable, errNoDatabase:
		return fmt.Errorf("%w: %s", capture.ErrNoTable, s.name)
	case errLockWait:
		return fmt.Errorf("%w: a lock of %s was not given in time", capture.ErrAgain, s.name)
	case errDefinition, errUnknownColumn, errNeedsReprepared, errChanged:
		return fmt.Errorf("%w: %s was altered meanwhile", capture.ErrAgain, s.name)
	case errDeadlock, errInterrupted:
		return fmt.Errorf("%w: the server ended the read of %s (error %d)", capture.ErrAgain, s.name, my.Code)
	}
	return classify(doing, err)
}

// drop closes the connection, and what it holds with it.
func (s *copySession) drop() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.conn, s.viewing = nil, false
}

// Finish implements capture.CopySession.
func (s *copySession) Finish(ctx context.Context) error {
	err := s.free(ctx)
	if !s.viewing || s.conn == nil {
		return err
	}
	s.viewing, s.table = false, nil
	return errors.Join(err, s.use(ctx, "end a view", func() error { return execute(s.conn, "COMMIT") }))
}

// free gives the table free. The connection that could not would hold it.
func (s *copySession) free(ctx context.Context) error {
	if s.frees == "" {
		return nil
	}
	statement := s.frees
	s.frees = ""
	err := within(ctx, s.lock, func() error { return execute(s.lock, statement) })
	if err != nil {
		_ = s.lock.Close()
		s.lock = nil
		return classify("unlock a table", err)
	}
	return nil
}

// Split implements capture.CopySession.
func (s *copySession) Split(ctx context.Context, p capture.Part, rows int) (capture.Key, error) {
	t, _, err := s.c.find(ctx, p.Table)
	if err != nil {
		return nil, err
	}
	s.name = t
	table, err := s.c.describe(ctx, t)
	if err != nil {
		return nil, err
	}
	s.asks = p.Where != "" && p.After == nil && p.UpTo == nil
	defer func() { s.asks = false }()
	l := table.Layout.(*copyLayout)
	sql, err := l.seek(t, &p, rows)
	if err != nil {
		return nil, unfit(t, err)
	}
	var key capture.Key
	err = s.each(ctx, sql, func(packet []byte) error {
		key, err = l.keyAlone(packet, table)
		return err
	})
	return key, err
}

// Close implements capture.CopySession.
func (s *copySession) Close() error {
	s.drop()
	if s.lock != nil {
		_ = s.lock.Close()
	}
	s.lock, s.frees = nil, ""
	return nil
}
