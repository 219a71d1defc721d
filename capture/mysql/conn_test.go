package mysql_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestAURLIsRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       mysql.URL
	}{
		{
			"everything is said", "mysql://me:s%40cret@db.example:3307/shop?tls=require&connect_timeout=5",
			mysql.URL{"mysql", "tcp", "db.example:3307", "me", "s@cret", "shop", "require"},
		},
		{
			"another host is verified in full", "mariadb://me@db.example",
			mysql.URL{"mariadb", "tcp", "db.example:3306", "me", "", "", "verify-full"},
		},
		{
			"the loopback interface needs no TLS", "mysql://me@127.0.0.1/shop",
			mysql.URL{"mysql", "tcp", "127.0.0.1:3306", "me", "", "shop", "disable"},
		},
		{
			"IPv6", "mysql://me@[::1]:99/",
			mysql.URL{"mysql", "tcp", "[::1]:99", "me", "", "", "disable"},
		},
		{
			"a socket", "mysql://me@localhost/shop?socket=/run/mysqld.sock",
			mysql.URL{"mysql", "unix", "/run/mysqld.sock", "me", "", "shop", "disable"},
		},
		{
			"no host", "mysql:///shop",
			mysql.URL{"mysql", "tcp", "localhost:3306", "", "", "shop", "disable"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := mysql.ParseURL(c.text)
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestAURLThatCanNotBeUsedIsRefusedWithoutItsPassword(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"another database", "postgres://me:secret@h/db", "not one of MySQL or MariaDB"},
		{"no URL", "://secret@", "the source URL can't be read"},
		{"a password that is not percent-encoded", "mysql://me:a/secret@c@h/", "are percent-encoded"},
		{"a CA where nobody is verified", "mysql://me:secret@h/db?tls=require&tls_ca=/nowhere", "verifies nobody"},
		{"a CA without TLS", "mysql://me:secret@h/db?tls=disable&tls_ca=/nowhere", "uses none"},
		{"an unknown parameter", "mysql://me:secret@h/db?sslmode=require", `"sslmode"`},
		{"an unknown mode", "mysql://me:secret@h/db?tls=preferred", "tls=preferred"},
		{"half of a certificate", "mysql://me:secret@h/db?tls_cert=x", "only one of the two"},
		{"a CA that is not there", "mysql://me:secret@h/db?tls_ca=/nowhere", "can't be read"},
		{"two databases", "mysql://me:secret@h/a/b", "with a / in it"},
		{"a timeout that is none", "mysql://me:secret@h/db?connect_timeout=soon", "connect_timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := mysql.ParseURL(c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestTheServerIsMet(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d := servers.MySQL(t, product)
			user := d.User(t, "s3cret!@/", "SELECT ON {db}.*")
			r := replicaOf(t, d.URLAs(user, "s3cret!@/"))
			got, err := r.Query(within(t), "SELECT CONCAT(@@character_set_client, ' ', @@sql_mode, ' ', DATABASE())")
			if want := "utf8mb4  " + d.Name; err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}

			sv, err := r.Ask(within(t))
			if err != nil {
				t.Fatal(err)
			}
			if sv.MariaDB != product.MariaDB() || sv.UUID == "" || sv.ServerID == 0 || !sv.LogBin || sv.Format != "ROW" ||
				sv.RowMetadata != "FULL" || sv.Version == "" || !sv.ReplicaUpdates && !sv.MariaDB {
				t.Errorf("got %+v", sv)
			}
			if want := map[bool]string{true: "", false: "ON"}[sv.MariaDB]; sv.GTIDMode != want {
				t.Errorf("got gtid_mode %q, want %q", sv.GTIDMode, want)
			}

			_, err = r.Query(within(t), "SELECT * FROM mysql.user")
			wantError(t, err, failure.ExitStop, "permission denied")

			err = replicaOf(t, d.URLAs(user, "wr0ng")).Login(within(t))
			wantError(t, err, failure.ExitStop, "refused the login")
			if strings.Contains(err.Error(), "wr0ng") {
				t.Errorf("the error shows the password: %v", err)
			}

			other := "mariadb://"
			if product.MariaDB() {
				other = "mysql://"
			}
			_, rest, _ := strings.Cut(d.URL(), "://")
			err = replicaOf(t, other+rest).Login(within(t))
			wantError(t, err, failure.ExitStop, "write the source URL as")

			err = replicaOf(t, d.Server.URL("nowhere")).Login(within(t))
			wantError(t, err, failure.ExitStop, "no such database")
		})
	}
}

// wantError fails the test if err is not a Stop of that code whose text has want.
func wantError(t *testing.T, err error, code int, want string) {
	t.Helper()
	if err == nil || failure.Retryable(err) || failure.ExitCode(err) != code || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v (exit code %d), want one with %q (%d)", err, failure.ExitCode(err), want, code)
	}
}

// wantRetry fails the test if err is not a Retry whose text has want.
func wantRetry(t *testing.T, err error, want string) {
	t.Helper()
	if !failure.Retryable(err) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want a Retry with %q", err, want)
	}
}

func TestTLSIsVerifiedAsTheURLSays(t *testing.T) {
	server := pool.Server(t, local.MySQL97, nil)
	d := server.Database(t)
	user := d.User(t, "secret", "REPLICATION SLAVE ON *.*", "SELECT ON {db}.*")
	as := func(parameters string) mysql.Replica {
		return replicaOf(t, d.URLAs(user, "secret")+"?"+parameters)
	}
	ca := "&tls_ca=" + url.QueryEscape(d.Server.DataDir+"/ca.pem")

	for _, parameters := range []string{"tls=require", "tls=verify-ca" + ca, "tls=verify-full" + ca} {
		got, err := as(parameters).Query(within(t), "SHOW STATUS LIKE 'Ssl_cipher'")
		if err != nil || got != "Ssl_cipher" {
			t.Fatalf("%s: got %q, %v", parameters, got, err)
		}
		got, err = as(parameters).Query(within(t), "SELECT COUNT(*) FROM performance_schema.session_status WHERE variable_name = 'Ssl_cipher' AND variable_value <> ''")
		if err != nil || got != "1" {
			t.Errorf("%s: got %q, %v, want TLS", parameters, got, err)
		}
	}
	elsewhere := as("tls=verify-full" + ca)
	elsewhere.Remote()
	wantError(t, elsewhere.Login(within(t)), failure.ExitStop, "certificate was refused")
	elsewhere = as("tls=verify-ca" + ca)
	elsewhere.Remote()
	if err := elsewhere.Login(within(t)); err != nil {
		t.Errorf("a certificate of the CA for another host: %v", err)
	}
	wantError(t, as("tls=verify-ca").Login(within(t)), failure.ExitStop, "certificate was refused")

	d.Exec(t, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
	file, _ := logEnd(t, d)
	w := dumpFrom(t, as("tls=verify-ca"+ca), "file:"+file+":4")
	if n := len(untilType(t, w, binlog.XID, 1)); n < 6 {
		t.Errorf("got %d events through TLS", n)
	}
}

func TestAServerWithoutTLSIsRefused(t *testing.T) {
	address, _ := script(t, greeting("mysql_native_password"))
	err := replicaOf(t, "mysql://me@"+address+"/db?tls=require").Login(within(t))
	wantError(t, err, failure.ExitStop, "does not speak TLS")
}

func TestNobodyAnswers(t *testing.T) {
	silent := relayTo(t, "127.0.0.1:1", nil)
	r := replicaOf(t, "mysql://me:secret@"+silent.Addr().String()+"/db?connect_timeout=1")
	wantRetry(t, r.Login(within(t)), "connect: ")

	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	wantRetry(t, r.Login(within(t)), "refused")
}
