package mysql_test

import (
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// check returns what Check says, and what it logs.
func check(t *testing.T, d source) (logged []string, err error) {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	change := d.change
	d.change = func(cfg *mysql.Config) {
		cfg.Log = zap.New(core)
		if change != nil {
			change(cfg)
		}
	}
	src := d.Source(t)
	defer src.Close()
	err = src.Check(within(t))
	for _, entry := range logs.All() {
		logged = append(logged, entry.Message)
	}
	return logged, err
}

// wantStop fails the test unless err is a Stop that says every one of parts.
func wantStop(t *testing.T, err error, parts ...string) {
	t.Helper()
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) {
		t.Fatalf("got %v, want a Stop", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %q, want %q in it", err, part)
		}
	}
}

func TestCheckTakesTheLeastPrivileges(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d := newSource(t, servers.MySQL(t, product), nil)
			d.Exec(t, "CREATE TABLE b (id int PRIMARY KEY)", "CREATE TABLE a (id int PRIMARY KEY)", "CREATE VIEW v AS SELECT * FROM a")
			src := d.Source(t)
			defer src.Close()
			if err := src.Check(within(t)); err != nil {
				t.Fatalf("check: %v", err)
			}
			got := src.Describe()
			if want := d.Name + ".a " + d.Name + ".b"; strings.Join(got.Tables, " ") != want {
				t.Errorf("tables are %v, want %s", got.Tables, want)
			}
			if got.Server != d.Server.HostPort() || !strings.Contains(got.Version, d.Server.Version) {
				t.Errorf("got %+v, want server %s and version %s", got, d.Server.HostPort(), d.Server.Version)
			}
		})
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		d := servers.MySQL(t, product)
		d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
		for _, c := range []struct {
			name   string
			grants []string
			change func(*mysql.Config)
			want   []string
		}{
			{"no REPLICATION CLIENT", []string{"REPLICATION SLAVE ON *.*", "SELECT ON {db}.*"}, nil, []string{"GRANT REPLICATION CLIENT ON *.* TO '", "binlog's state"}},
			{"no REPLICATION SLAVE", []string{"REPLICATION CLIENT ON *.*", "SELECT ON {db}.*"}, nil, []string{"GRANT REPLICATION SLAVE ON *.* TO '", "may not read the binlog"}},
			{"no SELECT", []string{"REPLICATION SLAVE, REPLICATION CLIENT ON *.*"}, func(cfg *mysql.Config) {
				cfg.URL = strings.TrimSuffix(cfg.URL, d.Name)
			}, []string{"nothing to do", "GRANT SELECT"}},
			{"no SELECT on a table that is named", []string{"REPLICATION SLAVE, REPLICATION CLIENT ON *.*"}, func(cfg *mysql.Config) {
				cfg.Tables, cfg.URL = []string{d.Name + ".orders"}, strings.TrimSuffix(cfg.URL, d.Name)
			}, []string{"there is no table " + d.Name + ".orders", "GRANT SELECT ON " + d.Name + ".orders"}},
			{"a table that does not exist", leastPrivileges, func(cfg *mysql.Config) {
				cfg.Tables = []string{d.Name + ".orders", d.Name + ".nothing"}
			}, []string{"there is no table " + d.Name + ".nothing"}},
			{"a table of the server's own", leastPrivileges, func(cfg *mysql.Config) {
				cfg.Tables = []string{d.Name + ".orders", "mysql.user"}
			}, []string{"the table mysql.user is the server's own"}},
			{"a table with a schema", leastPrivileges, func(cfg *mysql.Config) {
				cfg.Tables = []string{d.Name + ".public.orders"}
			}, []string{"there is no table " + d.Name + ".public.orders", "write it as database.table"}},
			{"a glob that matches nothing", leastPrivileges, func(cfg *mysql.Config) { cfg.Tables = []string{"nothing_*.*"} }, []string{"no table matches"}},
			{"the server's own server_id", leastPrivileges, func(cfg *mysql.Config) {
				cfg.ServerID = uint32(number(t, d.One(t, "SELECT @@server_id")))
			}, []string{"the server itself has our server_id", "source.mysql.server_id"}},
		} {
			t.Run(string(product)+": "+c.name, func(t *testing.T) {
				s := source{d, d.URLAs(d.User(t, "secret", c.grants...), "secret"), c.change}
				_, err := check(t, s)
				wantStop(t, err, c.want...)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("the password is in %q", err)
				}
			})
		}
		t.Run(string(product)+": a wrong password", func(t *testing.T) {
			_, err := check(t, source{d, d.URLAs(d.User(t, "secret", leastPrivileges...), "wr0ng"), nil})
			wantStop(t, err, "refused the login")
			if strings.Contains(err.Error(), "wr0ng") {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

func TestCheckNamesSettings(t *testing.T) {
	for _, c := range []struct {
		name     string
		product  local.Product
		settings map[string]string
		change   func(*mysql.Config)
		want     []string
	}{
		{"no binlog", local.MySQL97, map[string]string{"log-bin": "", "skip-log-bin": "ON"}, nil, []string{"log_bin is OFF"}},
		{"no binlog on MariaDB", local.MariaDB114, map[string]string{"log-bin": ""}, nil, []string{"log_bin is OFF"}},
		{"statements, partial JSON and no GTIDs at once", local.MySQL97, map[string]string{
			"binlog-format": "STATEMENT", "binlog-row-value-options": "PARTIAL_JSON", "gtid-mode": "OFF", "enforce-gtid-consistency": "OFF",
		}, func(cfg *mysql.Config) { cfg.Positions = mysql.GTIDPositions }, []string{
			"binlog_format is STATEMENT", "SET PERSIST binlog_format = 'ROW'", "PARTIAL_JSON", "gtid_mode is OFF",
		}},
		{"mixed on MariaDB", local.MariaDB1011, map[string]string{"binlog-format": "MIXED"}, nil, []string{"binlog_format is MIXED"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newSource(t, servers.NewMySQL(t, c.product, c.settings).Database(t), c.change)
			d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
			_, err := check(t, d)
			wantStop(t, err, c.want...)
		})
	}
}

func TestCheckWarns(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d := newSource(t, servers.NewMySQL(t, product, map[string]string{"binlog-row-metadata": "MINIMAL", "binlog-ignore-db": "scratch"}).Database(t), nil)
			d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
			d.change = func(cfg *mysql.Config) { cfg.Tables = append(cfg.Tables, "nothing_*.*") }
			logged, err := check(t, d)
			if err != nil {
				t.Errorf("check: %v", err)
			}
			all := strings.Join(logged, "\n")
			for _, want := range []string{"binlog_row_metadata", "out of its log", "no table matches"} {
				if !strings.Contains(all, want) {
					t.Errorf("logged %q, want %q in it", all, want)
				}
			}
		})
	}
}

func TestCheckRefusesAReplicaThatLogsNothing(t *testing.T) {
	for _, product := range []local.Product{local.MySQL97, local.MariaDB114} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			first := pool.Server(t, product, nil)
			replicated := first.Database(t)
			replicated.Exec(t, orders, "INSERT INTO orders VALUES (NULL)")
			name := "log-replica-updates"
			if product.MariaDB() {
				name = "log-slave-updates"
			}
			second := servers.NewMySQL(t, product, map[string]string{name: "OFF", "read-only": "ON"})
			follow(t, second, first)
			d := newSource(t, second.Database(t), nil)
			caughtUp(t, d.MySQLDatabase, replicated.Name+".orders", 1)
			d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
			_, err := check(t, d)
			wantStop(t, err, "log_replica_updates is OFF")
		})
	}
}

func TestSelection(t *testing.T) {
	d := newSource(t, servers.MySQL(t, local.MySQL97), nil)
	d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)", "CREATE TABLE orders_audit (id int PRIMARY KEY)")
	for _, c := range []struct {
		name            string
		tables          []string
		database, table string
		want            bool
	}{
		{"every table by default", nil, "later", "made", true},
		{"no table of the server by default", nil, "mysql", "user", false},
		{"a bare name is of the URL's database", []string{"orders"}, d.Name, "orders", true},
		{"a bare name is of no other database", []string{"orders"}, "other", "orders", false},
		{"an exclusion wins", []string{"!*_audit", "*"}, d.Name, "orders_audit", false},
		{"a table that is made later", []string{"orders*"}, d.Name, "orders_2027", true},
		{"a copy before it is renamed", []string{"orders"}, d.Name, "_orders_gho", false},
		{"case counts", []string{"orders"}, d.Name, "Orders", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.change = func(cfg *mysql.Config) { cfg.Tables = c.tables }
			src := d.Source(t).(*mysql.Source)
			defer src.Close()
			if err := src.Check(within(t)); err != nil {
				t.Fatalf("check: %v", err)
			}
			if got := src.Captures(c.database, c.table); got != c.want {
				t.Errorf("%v captures %s.%s: %t, want %t", c.tables, c.database, c.table, got, c.want)
			}
		})
	}
	t.Run("a bare name needs a database", func(t *testing.T) {
		d.change = func(cfg *mysql.Config) {
			cfg.Tables, cfg.URL = []string{"orders"}, strings.TrimSuffix(cfg.URL, "/"+d.Name)+"/"
		}
		_, err := check(t, d)
		wantStop(t, err, `the table "orders" has no database`)
	})
}
