package mysql_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// checkCopy returns what keeps the tables from being copied.
func (d source) checkCopy(t *testing.T) error {
	t.Helper()
	src := d.Source(t)
	defer src.Close()
	if err := src.Check(within(t)); err != nil {
		t.Fatalf("check: %v", err)
	}
	return src.(interface{ CheckCopy(context.Context) error }).CheckCopy(within(t))
}

func TestTablesAreLockedOnlyWhereACopyNeedsThat(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			server := pool.Server(t, product, nil)
			for _, c := range []struct {
				name      string
				table     string
				positions string
				locks     bool
			}{
				{"a key and GTIDs", "(id int PRIMARY KEY)", mysql.AutoPositions, false},
				{"a key, and places of files", "(id int PRIMARY KEY)", mysql.FilePositions, !product.MariaDB()},
				{"no key", "(id int)", mysql.AutoPositions, !product.MariaDB()},
				{"an engine without views", "(id int PRIMARY KEY) ENGINE=MyISAM", mysql.AutoPositions, true},
			} {
				t.Run(c.name, func(t *testing.T) {
					database := server.Database(t)
					d, user := newcomer(database, func(cfg *mysql.Config) { cfg.Tables, cfg.Positions = []string{"*"}, c.positions })
					d.Exec(t, "CREATE TABLE orders "+c.table)
					applySetup(t, d.setup(t, d.Server.URL("")))
					err := d.checkCopy(t)
					grant := "GRANT LOCK TABLES ON `" + strings.ReplaceAll(d.Name, "_", `\_`) + "`.* TO "
					if got := err != nil && strings.Contains(err.Error(), grant+"'"+user+"'@'%'"); got != c.locks || !c.locks && err != nil {
						t.Errorf("without the right to lock: got %v, want the statement: %t", err, c.locks)
					}
					cfg := d.config()
					d.change(&cfg)
					s, err := mysql.NewSetup(cfg, d.Server.URL(""), capture.Auto, true)
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					ran := applySetup(t, s)
					if got := slices.ContainsFunc(ran, func(sql string) bool { return strings.HasPrefix(sql, grant) }); got != c.locks {
						t.Errorf("ran %q, want the right to lock: %t", ran, c.locks)
					}
					if err := d.checkCopy(t); err != nil {
						t.Errorf("check of what was set up: %v", err)
					}
				})
			}
		})
	}
}

func TestATableThatMayNotBeReadCanNotBeCopied(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d, user := newcomer(servers.MySQL(t, product), func(cfg *mysql.Config) { cfg.Tables = []string{"*"} })
			d.Exec(t, "CREATE TABLE open (id int PRIMARY KEY)", "CREATE TABLE closed (id int PRIMARY KEY)")
			applySetup(t, d.setup(t, d.Server.URL("")))
			account := "'" + user + "'@'%'"
			d.Exec(t, "REVOKE SELECT ON `"+strings.ReplaceAll(d.Name, "_", `\_`)+"`.* FROM "+account,
				"GRANT SELECT ON open TO "+account, "GRANT INSERT ON closed TO "+account)
			err := d.checkCopy(t)
			want := "the user " + account + " may not read " + d.Name + ".closed, which are to be copied; run: GRANT SELECT ON `" + d.Name + "`.`closed` TO " + account +
				"; or tailrace setup --apply; or say --snapshot never"
			if err == nil || err.Error() != want {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
}
