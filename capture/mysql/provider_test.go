package mysql_test

import (
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestAProviderIsKnownByItsVariables(t *testing.T) {
	for _, c := range []struct {
		name      string
		variables map[string]string
		want      capture.Flavor
	}{
		{"a server of one's own", map[string]string{"basedir": "/usr/", "version": "8.4.6"}, capture.Plain},
		{"a server that shows nothing", nil, capture.Plain},
		{"RDS for MySQL", map[string]string{"basedir": "/rdsdbbin/mysql-8.4.6.R1/", "version": "8.4.6"}, capture.RDS},
		{"RDS for MariaDB", map[string]string{"basedir": "/rdsdbbin/mariadb-11.4.5.R1", "version": "11.4.5-MariaDB-log"}, capture.RDS},
		{"Aurora", map[string]string{"basedir": "/rdsdbbin/oscar-8.0.mysql_aurora.3.08.0/", "aurora_version": "3.08.0", "version": "8.0.39"}, capture.Aurora},
		{"Cloud SQL", map[string]string{"basedir": "/usr/", "version": "8.0.40-google"}, capture.CloudSQL},
		{"Azure", map[string]string{"basedir": "/app/work/mysql/bin/", "aad_auth_only": "OFF", "version": "8.0.40-azure"}, capture.Azure},
	} {
		if got := mysql.ProviderOf(c.variables); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// The server is one of our own that has the program's folder of RDS, and its table.
func TestOnRDSALogIsKeptForTheHoursThatAreAskedFor(t *testing.T) {
	for _, product := range []local.Product{local.MySQL97, local.MariaDB114} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			server := servers.NewMySQL(t, product, map[string]string{"basedir": "/rdsdbbin/server"})
			d := newSource(t, server.Database(t), nil)
			d.Exec(t, orders, expiry(1000))
			st := read(t, d, 1)
			const unknown = time.Duration(capture.Unknown)
			const asked, table = "binlog retention hours", "mysql.rds_configuration"
			root := source{d.MySQLDatabase, d.URL(), nil}
			for _, c := range []struct {
				name  string
				sql   []string
				as    source
				left  time.Duration
				limit string
			}{
				{"there is no such table", nil, root, unknown, ""},
				{"the table does not say", []string{"CREATE TABLE " + table + " (name varchar(100), value varchar(100), description varchar(300))"}, root, unknown, ""},
				{"nothing was asked for", []string{"INSERT INTO " + table + " VALUES ('" + asked + "', NULL, '')"}, root, 0, asked},
				{"a week was asked for", []string{"UPDATE " + table + " SET value = '168'"}, root, 168 * time.Hour, asked},
				{"the user may not read the table", nil, d, unknown, ""},
			} {
				d.Exec(t, c.sql...)
				got := capturetest.Look(t, c.as.Gauge(t), st)
				if got.Left != c.left || got.Limit != c.limit {
					t.Errorf("%s: %v are left by %q, want %v by %q", c.name, got.Left, got.Limit, c.left, c.limit)
				}
				if got.Lost != "" || got.Behind == capture.Unknown {
					t.Errorf("%s: got %+v, want the rest of it", c.name, got)
				}
			}
		})
	}
}
