package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql/gtid"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

const (
	// viewPatience is how long a view is waited for that shows what was delivered,
	// in seconds.
	viewPatience = 3
	// viewPauseMax is the longest pause between two attempts, which begin with a few
	// milliseconds.
	viewPauseMax = 100 * time.Millisecond
)

// Open implements capture.CopySession. There are three ways to a view that shows
// all that was delivered (C5.3).
func (s *copySession) Open(ctx context.Context, table string, seen capture.Delivered, exact bool) (capture.Chunk, error) {
	if s.viewing {
		panic("mysql: a view was opened before the last one was closed")
	}
	var at position
	if seen.Position != "" {
		var err error
		if at, err = parsePosition(seen.Position); err != nil {
			return capture.Chunk{}, err
		}
	}
	t, views, err := s.c.find(ctx, table)
	if err != nil {
		return capture.Chunk{}, err
	}
	s.name = t
	chunk, err := s.open(ctx, &at, views, exact)
	if err != nil {
		return capture.Chunk{}, errors.Join(err, s.undo(ctx))
	}
	return chunk, nil
}

// undo ends what an attempt to open a view has begun.
func (s *copySession) undo(ctx context.Context) error {
	_ = s.free(ctx) // if that fails the connection is closed, and the lock with it
	if s.conn == nil {
		return nil
	}
	s.viewing, s.table = false, nil
	err := s.use(ctx, "end a view", func() error { return execute(s.conn, "ROLLBACK") })
	if ctx.Err() != nil {
		return nil // the first error says so
	}
	return err
}

func (s *copySession) open(ctx context.Context, at *position, views, exact bool) (c capture.Chunk, err error) {
	src := s.c.src
	var end, view position
	switch {
	case !views:
		// The engine has no views. The table stays locked until it was read, as it is
		// for every SELECT that such an engine answers.
		end, err = s.viewUnderLock(ctx, at, views, lockWait)
	case src.server.MariaDB:
		if end, err = s.viewOfMariaDB(ctx, at); err == nil {
			err = s.free(ctx)
		}
	case exact || !src.usesGTIDs() || !at.byGTID && at.file != "":
		wait := lockWaitLong
		if exact {
			wait = lockWait
		}
		if end, err = s.viewUnderLock(ctx, at, views, wait); err == nil {
			err = s.free(ctx)
		}
	default:
		if view, end, err = s.viewByGTIDs(ctx, at); err == nil {
			err = s.free(ctx)
		}
	}
	if !view.byGTID {
		view = end.withoutGTIDs()
	}
	if err != nil {
		return c, err
	}
	if s.table, err = s.c.describe(ctx, s.name); err != nil {
		return c, err
	}
	c = capture.Chunk{Table: s.table, End: end.text(), View: view.viewText(), Pos: end.offset}
	c.Txn = event.Txn{Snapshot: true, File: end.file}
	err = s.use(ctx, "ask for the server's clock", func() error {
		r, err := first(queryRecords(s.conn, "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS UNSIGNED) AS millis, @@server_id AS id"))
		if err != nil {
			return err
		}
		id, err1 := strconv.ParseUint(r["id"], 10, 32)
		millis, err2 := strconv.ParseInt(r["millis"], 10, 64)
		if err1 != nil || err2 != nil {
			return errForeign
		}
		c.Txn.Server, c.Txn.Millis = uint32(id), millis
		return nil
	})
	return c, err
}

// begin opens a view of everything.
func (s *copySession) begin() error {
	s.viewing = true
	return execute(s.conn, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
}

// viewByGTIDs waits until everything that was delivered can be seen: a transaction
// is sent before its engine commits, and is among the executed ones after that. So
// what is among them before the view is opened is in the view. The place in the log
// that is read behind the opening has everything before it that the view shows, for
// the log is written first. It need not be read behind the SELECT, as the view does
// not move.
func (s *copySession) viewByGTIDs(ctx context.Context, at *position) (executed, end position, err error) {
	err = s.use(ctx, "open a view", func() error {
		if !at.set.Empty() {
			rows, err := query(s.conn, fmt.Sprintf("SELECT WAIT_FOR_EXECUTED_GTID_SET('%s', %d)", at.set, viewPatience))
			if err != nil {
				return err
			}
			if rows[0][0] != "0" {
				return fmt.Errorf("%w: a transaction that was delivered has not been committed within %d s", capture.ErrAgain, viewPatience)
			}
		}
		return nil
	})
	if err != nil {
		return executed, end, err
	}
	if err := s.holdName(ctx); err != nil {
		return executed, end, err
	}
	err = s.use(ctx, "open a view", func() error {
		rows, err := query(s.conn, "SELECT @@GLOBAL.gtid_executed")
		if err != nil {
			return err
		}
		executed.byGTID = true
		if executed.set, err = gtid.Parse(rows[0][0]); err != nil {
			return errForeign
		}
		if err := s.begin(); err != nil {
			return err
		}
		end, err = s.logEnd(s.conn)
		return err
	})
	if err == nil {
		err = s.holdColumns(ctx)
	}
	return executed, end, err
}

// nameEnd adds to the end of a view what a stream can tell that it has reached, if it
// began at GTIDs alone and nothing has come since: it does not know its place in a
// file. What a view shows is among the executed transactions, or still owned by who
// commits it. While there are such, others come, and the file is enough.
func (s *copySession) nameEnd(conn *client.Conn, end *position) error {
	if s.c.src.server.MariaDB || !s.c.src.usesGTIDs() {
		return nil
	}
	owned, err := query(conn, "SELECT @@GLOBAL.gtid_owned")
	if err != nil || owned[0][0] != "" {
		return err
	}
	rows, err := query(conn, "SELECT @@GLOBAL.gtid_executed") // later, so that none slips through
	if err != nil {
		return err
	}
	if end.set, err = gtid.Parse(rows[0][0]); err != nil {
		return errForeign
	}
	end.byGTID = true
	return nil
}

// viewOfMariaDB opens views until one is not before what was delivered. The server
// says for each the place in the log that it is of, exactly.
func (s *copySession) viewOfMariaDB(ctx context.Context, at *position) (end position, err error) {
	begun := time.Now()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, viewPauseMax) {
		if err := s.holdName(ctx); err != nil {
			return end, err
		}
		shows := false
		err := s.use(ctx, "open a view", func() error {
			if err := s.begin(); err != nil {
				return err
			}
			rows, err := query(s.conn, "SHOW SESSION STATUS LIKE 'binlog_snapshot_%'")
			if err != nil {
				return err
			}
			if end, err = snapshotPlace(rows); err != nil {
				return err
			}
			if shows, err = s.follows(&end, at); err == nil && !shows {
				err = execute(s.conn, "ROLLBACK")
			}
			return err
		})
		if err == nil && shows {
			err = s.holdColumns(ctx)
		}
		if err != nil || shows {
			return end, err
		}
		s.viewing = false
		if err := s.free(ctx); err != nil {
			return end, err
		}
		if time.Since(begun) > viewPatience*time.Second {
			return end, fmt.Errorf("%w: a transaction that was delivered has not been committed within %d s", capture.ErrAgain, viewPatience)
		}
		select {
		case <-ctx.Done():
			return end, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// snapshotPlace reads where in the log a view of MariaDB is.
func snapshotPlace(rows [][]string) (p position, err error) {
	for _, row := range rows {
		switch row[0] {
		case "Binlog_snapshot_file", "binlog_snapshot_file":
			p.file = row[1]
		case "Binlog_snapshot_position", "binlog_snapshot_position":
			p.offset, err = strconv.ParseUint(row[1], 10, 63)
		}
	}
	if err != nil || p.file == "" {
		return p, failure.Stop("start the server with log_bin", "the server does not tell the place in the log that a view is of")
	}
	return p, nil
}

// follows reports whether a view of MariaDB is not before a place, which may be one
// of GTIDs alone.
func (s *copySession) follows(view, at *position) (bool, error) {
	if at.file != "" || at.list.Empty() {
		return view.atLeast(at), nil
	}
	r, err := first(queryRecords(s.conn, "SELECT BINLOG_GTID_POS(?, CAST(? AS UNSIGNED)) AS list", view.file, strconv.FormatUint(view.offset, 10)))
	if err != nil {
		return false, err
	}
	// The stream may not know its place in a file until something comes.
	view.byGTID = true
	view.list, err = gtid.ParseList(r["list"])
	return err == nil && view.list.Contains(at.list), err
}

// viewUnderLock opens a view while the table is locked on another connection: who
// has written to it has committed, and who wants to waits. So of this table all
// transactions before the end of the log are seen, and none behind it.
func (s *copySession) viewUnderLock(ctx context.Context, at *position, views bool, wait int) (end position, err error) {
	if err := s.connectLock(ctx); err != nil {
		return end, err
	}
	err = within(ctx, s.lock, func() error {
		return execute(s.lock, fmt.Sprintf("SET SESSION lock_wait_timeout = %d", wait), "LOCK TABLES "+quote.MySQLQualified(s.name.database, s.name.name)+" READ")
	})
	if err != nil {
		return end, s.notLocked(err)
	}
	s.frees = "UNLOCK TABLES"
	if err := s.confirm(ctx, views); err != nil {
		return end, err
	}
	if err := s.use(ctx, "open a view", s.begin); err != nil {
		return end, err
	}
	if err := s.holdColumns(ctx); err != nil {
		return end, err
	}
	err = within(ctx, s.lock, func() (err error) {
		end, err = s.logEnd(s.lock)
		return err
	})
	if err != nil {
		return end, classify("ask for the log's end", err)
	}
	if !end.atLeast(at) {
		return end, fmt.Errorf("%w: the log ends at %s, before what was delivered", capture.ErrAgain, end.place())
	}
	return end, nil
}

// notLocked gives the error of a LOCK TABLES its class.
func (s *copySession) notLocked(err error) error {
	if my := serverError(err); my != nil {
		switch my.Code {
		case 1044, 1142, 1143, errSpecificAccess:
			hint := "GRANT SELECT, LOCK TABLES ON " + quote.MySQLIdent(s.name.database) + ".* TO the user"
			if !s.c.src.server.MariaDB {
				hint += "; or set gtid_mode=ON at the server (OFF_PERMISSIVE and ON_PERMISSIVE on the way), with which most tables need no lock"
			}
			return failure.StopFrom(saidError{my}, hint, "table %s can't be locked for the moment in which a view of it is opened", s.name)
		}
	}
	return s.notHeld("lock a table", err)
}

// logEnd asks where the log ends, by file.
func (s *copySession) logEnd(conn *client.Conn) (end position, err error) {
	end, err = s.c.src.queryEnd(conn)
	if err == nil && end.file == "" {
		err = failure.Stop("start the server with log_bin", "the server writes no binlog")
	}
	if err == nil {
		err = s.nameEnd(conn, &end)
	}
	return end, err
}
