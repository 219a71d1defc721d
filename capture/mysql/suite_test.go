package mysql_test

import (
	"fmt"
	"hash/fnv"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestSourceAndStream(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := pool.Server(t, kind.product, kind.settings)
			capturetest.Run(t, func(t testing.TB) capturetest.Database {
				return newSource(t, server.Database(t), nil)
			})
		})
	}
}

// A kind is a server that positions look different on.
type kind struct {
	name     string
	product  local.Product
	settings map[string]string
}

var kinds = []kind{
	{"MySQL with GTIDs", local.MySQL97, nil},
	{"MySQL without GTIDs", local.MySQL97, withoutGTIDs},
	{"MariaDB 10.11", local.MariaDB1011, nil},
	{"MariaDB 11.4", local.MariaDB114, nil},
}

var withoutGTIDs = map[string]string{"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"}

// leastPrivileges are what README tells people to grant.
var leastPrivileges = []string{"REPLICATION SLAVE, REPLICATION CLIENT ON *.*", "SELECT ON {db}.*"}

// A source is a database and how one pipeline reads it, as a user with the least
// privileges. It implements capturetest.Database.
type source struct {
	*servers.MySQLDatabase
	url    string
	change func(*mysql.Config) // what a test wants otherwise, or nil
}

func newSource(t testing.TB, d *servers.MySQLDatabase, change func(*mysql.Config)) source {
	t.Helper()
	const password = "p@ss:word/?"
	return source{d, d.URLAs(d.User(t, password, leastPrivileges...), password), change}
}

func (d source) Source(t testing.TB) capture.Source {
	t.Helper()
	cfg := d.config()
	if d.change != nil {
		d.change(&cfg)
	}
	src, err := mysql.New(cfg)
	if err != nil {
		t.Fatalf("make the source: %v", err)
	}
	return src
}

func (d source) config() mysql.Config {
	return mysql.Config{
		Name: "test", ServerID: d.replicaID(), URL: d.url,
		Tables: []string{d.Name + ".*", "!" + d.Name + ".other"},
	}
}

// replicaID is one per database: others read the same server.
func (d source) replicaID() uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(d.Name))
	return h.Sum32() | 1<<31
}

func (d source) Session(t testing.TB) capturetest.Session { return application{d.Conn(t)} }

func (d source) Clock(t testing.TB) time.Time {
	t.Helper()
	digits := "6"
	if d.Product.MariaDB() {
		digits = "0" // its log knows no more
	}
	now, err := time.Parse("2006-01-02 15:04:05", d.One(t, "SELECT CAST(UTC_TIMESTAMP("+digits+") AS CHAR)"))
	if err != nil {
		t.Fatalf("parse the server's time: %v", err)
	}
	return now
}

func (d source) Cut(t testing.TB) {
	t.Helper()
	d.Exec(t, "KILL "+d.One(t, fmt.Sprintf("SELECT IS_USED_LOCK('tailrace server_id %d')", d.replicaID())))
}

func (d source) Split(t testing.TB) {
	t.Helper()
	d.Exec(t, "FLUSH BINARY LOGS")
}

// Forget purges what the server may: with files it is those before the place's
// own, with GTIDs that one too.
func (d source) Forget(t testing.TB, at event.Position) {
	t.Helper()
	file := mysql.FileOf(at)
	if mysql.ByGTID(at) {
		d.Split(t)
		file, _ = logEnd(t, d.MySQLDatabase)
	}
	// MariaDB keeps a file, without a word, until its storage engines are done with it.
	eventually.True(t, patience, "the server has purged its log", func() bool {
		d.Exec(t, "PURGE BINARY LOGS TO '"+file+"'")
		return d.Rows(t, "SHOW BINARY LOGS")[0][0] == file
	})
	// Whether a file has all of the second in which it was begun nobody knows: a
	// start at a time in it would be refused.
	second := func() string { return d.One(t, "SELECT UNIX_TIMESTAMP()") }
	purged := second()
	eventually.True(t, patience, "the second of the purge is over", func() bool { return second() != purged })
}

// Foreign names another server, and transactions that only that one has.
func (d source) Foreign(st checkpoint.State) checkpoint.State {
	st.Source.System += "0"
	switch {
	case !mysql.ByGTID(st.Position):
	case d.Product.MariaDB():
		st.Position = "gtid:0-4294967295-7"
	default:
		st.Position = "gtid:ffffffff-ffff-ffff-ffff-ffffffffffff:1-7"
	}
	return st
}

type application struct{ conn *client.Conn }

func (a application) Exec(t testing.TB, sql ...string) {
	t.Helper()
	for _, statement := range sql {
		if _, err := a.conn.Execute(statement); err != nil {
			t.Fatalf("run %.100s: %v", statement, err)
		}
	}
}
