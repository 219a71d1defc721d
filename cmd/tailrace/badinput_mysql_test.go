package main_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A mysqlRefusal is a refusal by or about a server of the MySQL family.
type mysqlRefusal struct {
	name    string // a sentence: what is wrong
	only    string // MySQL or MariaDB: the other one has nothing like it
	prepare func(t *testing.T, s *mysqlSite)
	args    []string
	code    int
	want    string // the whole sentence, with the site's own words replaced
	mariadb string // that of MariaDB if it is another one
}

// refuseMySQL runs a table on every product. The rows run side by side.
func refuseMySQL(t *testing.T, table []mysqlRefusal) {
	t.Helper()
	eachProduct(t, func(t *testing.T, product local.Product) {
		for _, r := range table {
			if r.only == "" || r.only == title(product) {
				t.Run(r.name, func(t *testing.T) {
					t.Parallel()
					r.run(t, newMySQLSite(t, servers.MySQL(t, product)))
				})
			}
		}
	})
}

// run prepares and tries one row.
func (r mysqlRefusal) run(t *testing.T, s *mysqlSite) {
	t.Helper()
	words := s.words(t)
	if r.prepare != nil {
		r.prepare(t, s)
	}
	want := r.want
	if s.db.Product.MariaDB() && r.mariadb != "" {
		want = r.mariadb
	}
	if got := s.normalize(s.refused(t, r.code, r.args...), words); got != want {
		t.Errorf("sentence:\n got %s\nwant %s", got, want)
	}
}

// normalize replaces what differs from run to run: the words of the site and
// what the patterns find.
func (s *mysqlSite) normalize(sentence string, words *strings.Replacer) string {
	sentence = words.Replace(s.site.normalize(sentence))
	for _, v := range volatileOfMySQL {
		sentence = v.pattern.ReplaceAllString(sentence, v.stand)
	}
	return sentence
}

var volatileOfMySQL = []struct {
	pattern *regexp.Regexp
	stand   string
}{
	{regexp.MustCompile(`UUID:\d+(-\d+)?|\b0-ID-\d+`), "GTIDS"},
	{regexp.MustCompile(`\b(server_id|connection|KILL) \d+`), "$1 N"},
	{regexp.MustCompile(`binlog\.00000\d(:\d+)?`), "BINLOG"},
}

// words replaces the names of the site and of its server.
func (s *mysqlSite) words(t *testing.T) *strings.Replacer {
	t.Helper()
	id := s.db.One(t, "SELECT @@server_id")
	identity, stand := `"server_id `+id+`"`, `"UUID"` // of a MariaDB
	for _, row := range s.db.Rows(t, "SHOW VARIABLES LIKE 'server_uuid'") {
		identity, stand = row[1], "UUID"
	}
	return strings.NewReplacer(s.folder, "FOLDER", s.user, "ROLE", s.name, "NAME", identity, stand, id, "ID")
}

const lostHint = ": the place is lost; changes since the checkpoint can't be read any more; run: tailrace position set now; then copy the tables again, and start"

func TestAMySQLThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	refuseMySQL(t, []mysqlRefusal{
		{
			name: "the password is wrong", code: 4, args: fromNow,
			prepare: func(_ *testing.T, s *mysqlSite) { s.env["DB_PASSWORD"] = "canary-password-wrong" },
			want:    `connect: the server refused the login: Access denied for user 'ROLE'@'127.0.0.1' (using password: YES) (error 1045); check user and password of the source URL, and from which hosts the user may come; or let tailrace setup make it, if it is not there`,
		},
		{
			name: "the database does not exist for the user", code: 4, args: fromNow,
			prepare: func(_ *testing.T, s *mysqlSite) { s.env["DB_NAME"] = "missing" },
			want:    `connect: permission denied: Access denied for user 'ROLE'@'%' to database 'missing' (error 1044); check the database in the source URL, or GRANT SELECT ON it`,
		},
		{
			name: "the server is of the other kind", code: 4, args: fromNow,
			prepare: func(_ *testing.T, s *mysqlSite) {
				s.env["SCHEME"] = map[string]string{"mysql": "mariadb", "mariadb": "mysql"}[s.env["SCHEME"]]
			},
			want:    `the server is a MySQL, and the source URL begins with mariadb://; write the source URL as mysql://…`,
			mariadb: `the server is a MariaDB, and the source URL begins with mysql://; write the source URL as mariadb://…`,
		},
		{
			name: "nobody vouches for the server's certificate", code: 4, args: fromNow,
			prepare: func(_ *testing.T, s *mysqlSite) { s.env["DB_PARAMETERS"] = "tls=verify-full" },
			want:    `connect: the server's certificate was refused: tls: failed to verify certificate: x509: certificate signed by unknown authority; give the server's CA with tls_ca= in the source URL; or, if you trust the network, say tls=require (encrypted, nobody verified)`,
		},
		{
			name: "the user may not replicate", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *mysqlSite) { s.db.Exec(t, "REVOKE REPLICATION SLAVE ON *.* FROM "+s.user) },
			want:    `the user 'ROLE'@'%' may not read the binlog; run: GRANT REPLICATION SLAVE ON *.* TO 'ROLE'@'%'`,
		},
		{
			name: "the user may not ask for the log's state", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *mysqlSite) { s.db.Exec(t, "REVOKE REPLICATION CLIENT ON *.* FROM "+s.user) },
			want:    `the user 'ROLE'@'%' may not ask for the binlog's state; run: GRANT REPLICATION CLIENT ON *.* TO 'ROLE'@'%'`,
		},
		{
			name: "the user may not see the table", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *mysqlSite) {
				s.db.Exec(t, "REVOKE SELECT ON "+s.db.Name+".* FROM "+s.user, "CREATE TABLE other (id int)", "GRANT SELECT ON other TO "+s.user)
			},
			want: `there is no table NAME.orders; check the name in source.tables; a table is seen only with a privilege on it: GRANT SELECT ON NAME.orders TO the user`,
		},
		{
			name: "a table does not exist", code: 4, args: append(fromNow, "--table", "order"),
			want: `there is no table NAME.order; check the name in source.tables; a table is seen only with a privilege on it: GRANT SELECT ON NAME.order TO the user`,
		},
		{
			name: "no table matches", code: 4, args: append(fromNow, "--table", "shop_*.*"),
			want: `no table matches: there is nothing to do; check source.tables and the database in the URL; a table is seen only with a privilege on it: GRANT SELECT`,
		},
		{
			name: "a bare name has no database", code: 4, args: append(fromNow, "--source", "${env:SCHEME}://${env:DB_USER}:${env:DB_PASSWORD}@127.0.0.1:${env:DB_PORT}/"),
			want: `the table "orders" has no database; write it as database.orders, or name the database in the source URL`,
		},
		{
			name: "the server itself has the server_id", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *mysqlSite) { s.env["SERVER_ID"] = s.db.One(t, "SELECT @@server_id") },
			want:    `the server itself has our server_id ID; name another one in source.mysql.server_id`,
		},
		{
			name: "there is neither a checkpoint nor a start", code: 4,
			want: `pipeline NAME has no checkpoint; say where to start with --from now, earliest or a position; or let the tables be copied first, with --snapshot initial`,
		},
		{
			name: "the position is of another source", code: 1, args: []string{"--from", "lsn:0/16B3748"},
			want:    `"lsn:LSN" is not a place in a binlog: neither gtid: nor file: is at its beginning; write it as gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77 or file:BINLOG`,
			mariadb: `"lsn:LSN" is not a place in a binlog: neither gtid: nor file: is at its beginning; write it as gtid:0-1-100 or file:BINLOG`,
		},
		{
			name: "the end is of another source", code: 1, args: append(fromNow, "--until", "lsn:0/16B3748"),
			want:    `"lsn:LSN" is not a place in a binlog: neither gtid: nor file: is at its beginning; write it as gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77 or file:BINLOG`,
			mariadb: `"lsn:LSN" is not a place in a binlog: neither gtid: nor file: is at its beginning; write it as gtid:0-1-100 or file:BINLOG`,
		},
		{
			name: "the GTIDs are those of MariaDB", code: 1, args: []string{"--from", "gtid:0-1-100"}, only: "MySQL",
			want: `the place gtid:0-1-100 is one of MariaDB, and the source is a MySQL; write it as gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77`,
		},
		{
			name: "the end's GTIDs are those of MariaDB", code: 1, args: append(fromNow, "--until", "gtid:0-1-3"), only: "MySQL",
			want: `the place gtid:0-1-3 is one of MariaDB, and the source is a MySQL; write it as gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77`,
		},
		{
			name: "the GTIDs are those of MySQL", code: 1, args: []string{"--from", "gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"}, only: "MariaDB",
			want: `the place gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77 is one of MySQL, and the source is a MariaDB; write it as gtid:0-1-100`,
		},
		{
			name: "the start is in no file of a binlog", code: 1, args: []string{"--from", "file:nonsense:4"},
			want:    `"file:nonsense:4" is not a place in a binlog: "nonsense" is not the name of a binlog: it does not end with a number; write it as gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77 or file:BINLOG`,
			mariadb: `"file:nonsense:4" is not a place in a binlog: "nonsense" is not the name of a binlog: it does not end with a number; write it as gtid:0-1-100 or file:BINLOG`,
		},
		{
			name: "the checkpoint is of another server", code: 4,
			prepare: func(t *testing.T, s *mysqlSite) {
				s.env["POSITIONS"] = "file"
				s.establish(t)
				s.alter(t, func(st *checkpoint.State) {
					st.Source.System = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
					place, _, _ := strings.Cut(string(st.Position), "~") // by the rest a MariaDB is known again
					st.Position = event.Position(place)
				})
			},
			want: `the checkpoint belongs to another server: that one is "3e11fa47-71ca-11e1-9e33-c80aa9429562", this one is "UUID"; check the source URL; or name another checkpoint, and start with --from now after a new copy of the tables`,
		},
		{
			name: "the checkpoint is of another kind of source", code: 4,
			prepare: func(t *testing.T, s *mysqlSite) {
				s.establish(t)
				s.alter(t, func(st *checkpoint.State) { st.Source.Connector = "postgresql" })
			},
			want:    `the checkpoint belongs to a source of the kind "postgresql", and the server is of the kind "mysql"; name another checkpoint`,
			mariadb: `the checkpoint belongs to a source of the kind "postgresql", and the server is of the kind "mariadb"; name another checkpoint`,
		},
	})
}

func TestAMySQLWithoutTLSIsRefused(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		settings := map[string]string{"ssl-cert": "nothing"}
		if product.MariaDB() {
			settings = map[string]string{"ssl": "OFF", "ssl-ca": "", "ssl-cert": "", "ssl-key": ""}
		}
		s := newMySQLSite(t, servers.NewMySQL(t, product, settings).Database(t))
		s.env["DB_PARAMETERS"] = "tls=require"
		mysqlRefusal{
			code: 4, args: fromNow,
			want: `connect: the server does not speak TLS; give the server a certificate; or, if you trust the network, say tls=disable in the source URL`,
		}.run(t, s)
	})
}

// What is sent in clear must be nobody's password.
func TestACertificateOfTheServersOwnIsVerified(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		ca := s.folder + "/ca.pem"
		text, err := os.ReadFile(s.db.Server.DataDir + "/ca.pem")
		if err != nil {
			t.Fatal(err)
		}
		s.write(t, ca, string(text))
		for _, parameters := range []string{"tls=require", "tls=verify-ca&tls_ca=" + ca, "tls=verify-full&tls_ca=" + ca} {
			s.env["DB_PARAMETERS"] = parameters
			s.establish(t)
			s.moveCheckpointAway(t)
		}
	})
}
