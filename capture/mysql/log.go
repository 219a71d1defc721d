package mysql

import (
	"context"
	"strconv"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture/mysql/gtid"
	"github.com/tailrace/tailrace/internal/failure"
)

// A logFile is one binlog that the server still has.
type logFile struct {
	name string
	size uint64
}

// A logState is what the server has of its log, with GTIDs where there are some.
type logState struct {
	files          []logFile // the oldest first
	oldest, newest position
	// known holds of MariaDB the last transaction of each server in each domain.
	known []gtid.GTID
}

func (l *logState) has(file string) bool {
	for _, f := range l.files {
		if f.name == file {
			return true
		}
	}
	return false
}

// statusStatement asks where the log ends.
func (sv *server) statusStatement() string {
	if !sv.MariaDB && versionNumber(sv.Version) >= 8_02_00 {
		return "SHOW BINARY LOG STATUS"
	}
	return "SHOW MASTER STATUS"
}

// forget has the next connection say anew who the server is. One that is there
// already may lead to a server that the address does not name any more.
func (s *Source) forget() {
	_ = s.side.close()
	s.target.met.Store(nil)
}

// identify asks who the server is.
func (s *Source) identify(ctx context.Context) (err error) {
	s.server, err = readServer(ctx, &s.side)
	return err
}

// readLog asks what the server has of its log.
func (s *Source) readLog(ctx context.Context) (logState, error) {
	return s.readLogBy(ctx, s.readSets)
}

// glance is readLog for who asks often. What is newest is cheap, and may have GTIDs
// of behind its file and offset: it is no place to start at.
func (s *Source) glance(ctx context.Context) (logState, error) {
	return s.readLogBy(ctx, s.glanceSets)
}

// readLogBy reads the log, with the GTIDs that readSets asks for.
func (s *Source) readLogBy(ctx context.Context, readSets func(c *client.Conn, status record, oldest string) (record, error)) (logState, error) {
	var l logState
	var sets map[string]string
	err := s.ask(ctx, "ask for the server's log", func(c *client.Conn) error {
		l = logState{}
		status, err := first(queryRecords(c, s.server.statusStatement()))
		if err != nil || status == nil {
			return err
		}
		// Files after the end: one that was begun between is not missed.
		files, err := queryRecords(c, "SHOW BINARY LOGS")
		if err != nil {
			return err
		}
		for _, r := range files {
			size, _ := strconv.ParseUint(r["file_size"], 10, 64)
			l.files = append(l.files, logFile{r["log_name"], size})
		}
		l.newest.file = status["file"]
		l.newest.offset, _ = strconv.ParseUint(status["position"], 10, 64)
		if len(l.files) == 0 {
			return nil
		}
		sets, err = readSets(c, status, l.files[0].name)
		return err
	})
	if err != nil {
		return l, err
	}
	if len(l.files) == 0 || l.newest.file == "" {
		return l, failure.Stop("start the server with log_bin", "the server writes no binlog")
	}
	l.oldest.file, l.oldest.offset = l.files[0].name, firstOffset
	return l, s.takeSets(&l, sets)
}

// readSets asks for GTIDs: of the newest place, of the oldest, and all that are
// known.
func (s *Source) readSets(c *client.Conn, status record, oldest string) (record, error) {
	switch {
	case s.server.MariaDB:
		// A pair that fits is made of the file itself: the server's variable
		// moves on meanwhile.
		return first(queryRecords(c, `SELECT BINLOG_GTID_POS(?, CAST(? AS UNSIGNED)) AS newest, BINLOG_GTID_POS(?, 4) AS oldest,
			@@GLOBAL.gtid_binlog_pos AS current, @@GLOBAL.gtid_binlog_state AS known`, status["file"], status["position"], oldest))
	case s.server.GTIDMode == "ON":
		r, err := first(queryRecords(c, "SELECT @@GLOBAL.gtid_purged AS oldest"))
		if r != nil {
			r["newest"] = status["executed_gtid_set"]
		}
		return r, err
	}
	return nil, nil
}

// glanceSets is readSets without the place that fits. Before version 11.4 a MariaDB
// reads its newest file from the start for that one, up to the place; for the oldest
// it reads the file's head, however long the file is.
func (s *Source) glanceSets(c *client.Conn, status record, oldest string) (record, error) {
	if !s.server.MariaDB {
		return s.readSets(c, status, oldest)
	}
	return first(queryRecords(c, `SELECT BINLOG_GTID_POS(?, 4) AS oldest,
		@@GLOBAL.gtid_binlog_pos AS current, @@GLOBAL.gtid_binlog_state AS known`, oldest))
}

// takeSets reads the GTIDs that readSets or glanceSets asked for.
func (s *Source) takeSets(l *logState, sets record) (err error) {
	const hint = "report this as a bug with the server's version"
	switch {
	case s.server.MariaDB:
		oldest, known := sets["oldest"]
		if !known {
			return failure.Stop("ask again; the oldest binlog may just have been purged", "the server does not say which GTIDs precede its oldest binlog")
		}
		newest, ok := sets["newest"]
		if !ok { // not asked for, or an offset beyond 32 bits
			newest = sets["current"]
		}
		l.oldest.byGTID, l.newest.byGTID = true, true
		if l.oldest.list, err = gtid.ParseList(oldest); err == nil {
			if l.newest.list, err = gtid.ParseList(newest); err == nil {
				l.known, err = gtid.ParseGTIDs(sets["known"])
			}
		}
	case s.server.GTIDMode == "ON":
		l.oldest.byGTID, l.newest.byGTID = true, true
		if l.oldest.set, err = gtid.Parse(sets["oldest"]); err == nil {
			l.newest.set, err = gtid.Parse(sets["newest"])
		}
	}
	if err != nil {
		return failure.StopFrom(err, hint, "the server's GTIDs can't be read")
	}
	return nil
}

// withoutGTIDs returns the position as one of a file.
func (p position) withoutGTIDs() position {
	p.byGTID, p.set, p.list = false, nil, nil
	return p
}
