package main_test

import (
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestAMySQLWithoutABinlogIsRefused(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.NewMySQL(t, product, map[string]string{
			"log-bin": "", "skip-log-bin": "ON", "gtid-mode": "", "enforce-gtid-consistency": "",
		}).Database(t))
		mysqlRefusal{
			code: 4, args: fromNow,
			want: `log_bin is OFF: the server writes no binlog; start the server with log_bin=binlog and a server_id (on RDS and Aurora: turn automated backups on, or aurora binlog_format = ROW)`,
		}.run(t, s)
	})
}

func TestAMySQLThatDoesNotLogRowsIsRefused(t *testing.T) {
	t.Parallel()
	const format = "; run SET PERSIST binlog_format = 'ROW' (MariaDB: SET GLOBAL, and in the server's configuration), then let the applications connect again"
	set := func(statements ...string) func(*testing.T, *mysqlSite) {
		return func(t *testing.T, s *mysqlSite) { s.db.Exec(t, statements...) }
	}
	refuseOneByOne(t, []mysqlRefusal{
		{
			name: "statements are logged", args: fromNow, prepare: set("SET GLOBAL binlog_format = 'STATEMENT'"),
			want: `binlog_format is STATEMENT, and rows are in the log only with ROW` + format,
		},
		{
			name: "statements are logged where the server thinks that it may", args: fromNow, prepare: set("SET GLOBAL binlog_format = 'MIXED'"),
			want: `binlog_format is MIXED, and rows are in the log only with ROW` + format,
		},
		{
			name: "pieces of JSON are logged", args: fromNow, only: "MySQL", prepare: set("SET GLOBAL binlog_format = 'ROW'", "SET GLOBAL binlog_row_value_options = 'PARTIAL_JSON'"),
			want: `binlog_row_value_options is PARTIAL_JSON, and the log then has pieces of JSON documents, not their values; run SET PERSIST binlog_row_value_options = '', then let the applications connect again`,
		},
		{
			name: "GTIDs are asked for and the server has none", args: fromNow, only: "MySQL",
			prepare: func(t *testing.T, s *mysqlSite) {
				s.env["POSITIONS"] = "gtid"
				s.db.Exec(t, "SET GLOBAL binlog_row_value_options = ''",
					"SET GLOBAL gtid_mode = ON_PERMISSIVE", "SET GLOBAL gtid_mode = OFF_PERMISSIVE", "SET GLOBAL gtid_mode = OFF")
			},
			want: `gtid_mode is OFF, and positions are to be of GTIDs; set gtid_mode=ON at the server (OFF_PERMISSIVE and ON_PERMISSIVE on the way), or leave source.mysql.positions at auto`,
		},
	})
}

func TestAPlaceThatMySQLHasLostIsRefused(t *testing.T) {
	t.Parallel()
	refuseOneByOne(t, []mysqlRefusal{
		{
			name: "the start is in a file that is not there", args: []string{"--from", "file:binlog.009999:4"},
			want: `the place binlog.009999:4 is not of this log, which goes from BINLOG to BINLOG: the place is lost; check --from: the server has from file:BINLOG to file:BINLOG`,
		},
		{
			name: "the binlog was purged",
			prepare: func(t *testing.T, s *mysqlSite) {
				s.establish(t)
				s.insert(t, 1, 3)
				s.purge(t)
			},
			want: `the server has purged what follows the place: GTIDS is in no binlog any more, the oldest is BINLOG` + lostHint,
		},
		{
			name: "the binlog with the place in it was purged",
			prepare: func(t *testing.T, s *mysqlSite) {
				s.env["POSITIONS"] = "file"
				s.establish(t)
				s.insert(t, 1, 3)
				s.purge(t)
			},
			want: `the server has purged BINLOG: the oldest binlog is BINLOG` + lostHint,
		},
		{
			name: "the binlog was begun anew",
			prepare: func(t *testing.T, s *mysqlSite) {
				s.establish(t)
				s.insert(t, 1, 1)
				s.follow(t, "--until", "now").succeeds(t)
				s.beginAnew(t)
				s.insert(t, 2, 100)
			},
			want:    `the log at BINLOG is not the one that was read: it was begun anew, restored from a copy, or lost its end in a crash` + lostHint,
			mariadb: `the log at BINLOG is not the one that was read: it was begun anew, restored from a copy, or lost its end in a crash, or this is another server` + lostHint,
		},
		{
			name: "the server has lost transactions",
			prepare: func(t *testing.T, s *mysqlSite) {
				s.establish(t)
				s.insert(t, 101, 103)
				s.follow(t, "--until", "now").succeeds(t)
				s.beginAnew(t)
			},
			want:    `the server does not have the transactions GTIDS that were read before: it was restored from a copy, or begun anew, or is behind the one that was read` + lostHint,
			mariadb: `the server does not have the transactions GTIDS that were read before: it was restored from a copy, or begun anew, or is behind the one that was read, or this is another server` + lostHint,
		},
	})
}

// refuseOneByOne runs a table on a server of each product that belongs to the
// test, whose rows may do to it what they like.
func refuseOneByOne(t *testing.T, table []mysqlRefusal) {
	t.Helper()
	eachProduct(t, func(t *testing.T, product local.Product) {
		server := servers.NewMySQL(t, product, nil)
		for _, r := range table {
			if r.only == "" || r.only == title(product) {
				t.Run(r.name, func(t *testing.T) {
					r.code = 4
					r.run(t, newMySQLSite(t, server.Database(t)))
				})
			}
		}
	})
}

// purge removes all binlogs but a new one.
func (s *mysqlSite) purge(t *testing.T) {
	t.Helper()
	s.db.Exec(t, "FLUSH BINARY LOGS")
	// MariaDB keeps one that a crash would need, for a moment.
	eventually.True(t, patience, "there is one binlog", func() bool {
		logs := s.db.Rows(t, "SHOW BINARY LOGS")
		s.db.Exec(t, "PURGE BINARY LOGS TO '"+logs[len(logs)-1][0]+"'")
		return len(logs) == 1
	})
}

// beginAnew drops all binlogs and forgets all GTIDs.
func (s *mysqlSite) beginAnew(t *testing.T) {
	t.Helper()
	if s.db.Product.MariaDB() {
		s.db.Exec(t, "RESET MASTER")
	} else {
		s.db.Exec(t, "RESET BINARY LOGS AND GTIDS")
	}
}

func TestAMySQLThatWantsTLSIsRefusedWithoutIt(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.NewMySQL(t, product, nil).Database(t))
		want := `connect: the server wants TLS: Connections using insecure transport are prohibited while --require_secure_transport=ON. (error 3159); leave tls=disable out of the source URL`
		if product == local.MariaDB1011 { // it does not say what is wrong with the login
			want = `connect: the server refused the login: Access denied for user 'ROLE'@'127.0.0.1' (using password: YES) (error 1045); check user and password of the source URL, and from which hosts the user may come; or let tailrace setup make it, if it is not there`
		}
		mysqlRefusal{
			code: 4, args: fromNow, want: want,
			prepare: func(t *testing.T, s *mysqlSite) {
				s.db.Exec(t, "SET GLOBAL require_secure_transport = ON") // the test gets in no more either
				s.env["DB_PARAMETERS"] = "tls=disable"
			},
		}.run(t, s)
	})
}
