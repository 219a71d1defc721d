package mysql

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

// What the oldest servers are that are read. Before them the log lacks what
// this reads: GTIDs of every transaction, checksums, metadata of columns.
const (
	oldestMySQL   = 8_00_00
	oldestMariaDB = 10_05_00
)

// Check implements capture.Source. Nothing is parsed that can be tried: a
// privilege may come from a role, and managed servers have names of their own.
func (s *Source) Check(ctx context.Context) error {
	if err := s.identify(ctx); err != nil {
		return err
	}
	c := checker{Source: s}
	if c.checkVersion(); len(c.errs) > 0 { // what is asked next is not there yet
		return errors.Join(c.errs...)
	}
	c.checkLog()
	c.checkIdentity()
	known := len(c.errs)
	err := s.ask(ctx, "check the source", func(conn *client.Conn) error {
		c.errs = c.errs[:known] // it may be the second attempt
		for _, f := range []func(*client.Conn) error{c.readUser, c.readStatus, c.checkReplicas, c.readTables} {
			if err := f(conn); err != nil && serverError(err) == nil {
				return err
			} else if err != nil { // what is asked next may be answered
				c.errs = append(c.errs, classify("check the source", err))
			}
		}
		return nil
	})
	if err != nil {
		return errors.Join(append(c.errs, err)...)
	}
	c.checkStatus()
	c.selectTables()
	return errors.Join(append(c.errs, c.tryDump(ctx))...)
}

// A checker collects what Check finds.
type checker struct {
	*Source
	errs []error

	user   string // 'name'@'host', as GRANT takes it
	status record
	tables []tableName
}

func (c *checker) stop(hint, format string, args ...any) {
	c.errs = append(c.errs, failure.Stop(hint, format, args...))
}

func (c *checker) checkVersion() {
	oldest, name := oldestMySQL, "MySQL 8.0"
	if c.server.MariaDB {
		oldest, name = oldestMariaDB, "MariaDB 10.5"
	}
	if versionNumber(c.server.Version) < oldest {
		c.stop("upgrade the server", "version %s is too old: %s is the oldest that is read", c.server.Version, name)
	}
}

// versionNumber returns 8_00_36 for "8.0.36-28.1", 0 for what is no version.
func versionNumber(text string) int {
	parts := strings.SplitN(text, ".", 3)
	n := 0
	for i := range 3 {
		v := 0
		if i < len(parts) {
			digits := strings.TrimRight(parts[i], "\x00")
			if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
				digits = digits[:end]
			}
			v, _ = strconv.Atoi(digits)
		}
		n = n*100 + min(v, 99)
	}
	return n
}

// checkLog holds the server's settings against what can be read.
func (c *checker) checkLog() {
	sv := &c.server
	if !sv.LogBin {
		c.stop("start the server with log_bin=binlog and a server_id (on RDS and Aurora: turn automated backups on, or aurora binlog_format = ROW)",
			"log_bin is OFF: the server writes no binlog")
	}
	if sv.Format != "ROW" {
		c.stop("run SET PERSIST binlog_format = 'ROW' (MariaDB: SET GLOBAL, and in the server's configuration), then let the applications connect again",
			"binlog_format is %s, and rows are in the log only with ROW", sv.Format)
	}
	if strings.Contains(sv.RowValueOptions, "PARTIAL_JSON") {
		c.stop("run SET PERSIST binlog_row_value_options = '', then let the applications connect again",
			"binlog_row_value_options is PARTIAL_JSON, and the log then has pieces of JSON documents, not their values")
	}
	if sv.RowMetadata != "FULL" { // MINIMAL, NO_LOG, or a version that has no such variable
		c.cfg.Log.Warn("the names of columns are not in the log (binlog_row_metadata is not FULL), so that changes from before an ALTER TABLE can't be read",
			zap.String("binlog_row_metadata", sv.RowMetadata), zap.String("fix", "run SET PERSIST binlog_row_metadata = 'FULL' (MariaDB: SET GLOBAL, and in the server's configuration)"))
	}
	if c.cfg.Positions == GTIDPositions && !sv.MariaDB && sv.GTIDMode != "ON" {
		c.stop("set gtid_mode=ON at the server (OFF_PERMISSIVE and ON_PERMISSIVE on the way), or leave source.mysql.positions at auto",
			"gtid_mode is %s, and positions are to be of GTIDs", sv.GTIDMode)
	}
}

func (c *checker) checkIdentity() {
	if c.server.ServerID == c.cfg.ServerID {
		c.stop("name another one in source.mysql.server_id", "the server itself has our server_id %d", c.cfg.ServerID)
	}
}

func (c *checker) readUser(conn *client.Conn) error {
	r, err := first(queryRecords(conn, "SELECT CURRENT_USER() AS u"))
	name, host, _ := cutLast(r["u"], "@") // a name may have one too
	c.user = "'" + name + "'@'" + host + "'"
	return err
}

// readStatus asks where the log ends, which needs a privilege.
func (c *checker) readStatus(conn *client.Conn) error {
	r, err := first(queryRecords(conn, c.server.statusStatement()))
	if isDenied(err) {
		c.stop("run: GRANT REPLICATION CLIENT ON *.* TO "+c.user, "the user %s may not ask for the binlog's state", c.user)
		return nil
	}
	c.status = r
	return err
}

// checkStatus tells of changes that the server keeps out of its log.
func (c *checker) checkStatus() {
	if filters := c.status.get("binlog_do_db") + c.status.get("binlog_ignore_db"); filters != "" {
		c.cfg.Log.Warn("the server keeps changes of some databases out of its log: they can't be captured",
			zap.String("binlog_do_db", c.status.get("binlog_do_db")), zap.String("binlog_ignore_db", c.status.get("binlog_ignore_db")))
	}
}

// checkReplicas looks for another replica with our server_id, and whether the
// server is a standby whose log lacks what it replicates, where the user may ask.
func (c *checker) checkReplicas(conn *client.Conn) error {
	others, err := c.replicas(conn)
	if err != nil {
		return err
	}
	for _, r := range others {
		if r.id == c.cfg.ServerID && r.host != c.dumper().host() {
			c.stop("name another one in source.mysql.server_id; SHOW REPLICAS says who it is", "another replica, at %q, has our server_id %d", r.host, r.id)
		}
	}
	if c.server.ReplicaUpdates {
		return nil
	}
	standby, err := c.isReplica(conn)
	if err != nil {
		return err
	}
	if standby {
		c.stop("give the primary's address, or start this server with log_replica_updates=ON (log_slave_updates on MariaDB and before MySQL 8.0.26)",
			"the server is a standby, and log_replica_updates is OFF: what it replicates is not in its log")
	}
	return nil
}

// isReplica reports whether the server replicates from another one, as far as
// the user may know. A MariaDB tells it only with a privilege of its own, but
// everybody may see what it has replicated, now or before it became a primary.
func (c *checker) isReplica(conn *client.Conn) (bool, error) {
	statement := "SHOW REPLICA STATUS"
	if c.server.MariaDB {
		statement = "SHOW ALL SLAVES STATUS"
	} else if versionNumber(c.server.Version) < 8_00_22 {
		statement = "SHOW SLAVE STATUS"
	}
	records, err := queryRecords(conn, statement)
	if !isDenied(err) {
		return len(records) > 0, err
	}
	if !c.server.MariaDB {
		return false, nil
	}
	r, err := first(queryRecords(conn, "SELECT @@GLOBAL.gtid_slave_pos AS replicated, @@GLOBAL.read_only AS locked"))
	if err != nil || r["replicated"] == "" {
		return false, err
	}
	if r["locked"] == "0" {
		c.cfg.Log.Warn("log_slave_updates is OFF, and the server has replicated from another one: if it still does, those changes are not in its log")
	}
	return r["locked"] != "0", nil
}

func (c *checker) readTables(conn *client.Conn) (err error) {
	c.tables, err = queryTables(conn)
	return err
}

func (c *checker) selectTables() {
	sel, err := newSelection(c.cfg.Tables, c.target.database, c.server.LowerCaseNames > 0)
	if err != nil {
		c.errs = append(c.errs, err)
		return
	}
	unmatched, err := sel.match(c.tables)
	for _, p := range unmatched {
		c.cfg.Log.Warn("no table matches", zap.String("pattern", p))
	}
	c.sel = sel
	c.errs = append(c.errs, err)
}

// tryDump reads one event as a replica does: who may, has the privilege. Where the
// end of the log is not known, for the right to ask or the log itself is missing,
// the server is asked for its oldest file, and refuses who may not read at all.
func (c *checker) tryDump(ctx context.Context) error {
	file := c.status.get("file")
	err := c.probe(ctx, file, firstOffset, func(frame, uint64) (bool, error) { return false, nil })
	switch {
	case isDenied(err):
		return failure.Stop("run: GRANT REPLICATION SLAVE ON *.* TO "+c.user, "the user %s may not read the binlog", c.user)
	case file == "":
		return nil // the reason is known
	}
	return err
}
