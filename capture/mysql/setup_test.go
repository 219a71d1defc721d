package mysql_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

const newPassword = `can'ary\password "1"`

// newcomer is a source whose user is not there yet. Its name goes with the
// database.
func newcomer(d *servers.MySQLDatabase, change func(*mysql.Config)) (s source, user string) {
	user = fmt.Sprintf("%s_%08x", d.Name, rand.Uint32())
	return source{d, d.URLAs(user, newPassword), change}, user
}

func (d source) setup(t *testing.T, as string) *mysql.Setup {
	t.Helper()
	cfg := d.config()
	if d.change != nil {
		d.change(&cfg)
	}
	s, err := mysql.NewSetup(cfg, as, capture.Auto, false)
	if err != nil {
		t.Fatalf("make the setup: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() }) // the server may have gone
	return s
}

// applySetup runs what is missing and returns it.
func applySetup(t *testing.T, s capture.Setup) []string {
	t.Helper()
	plan, err := s.Plan(within(t))
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	if blocked := plan.Blocked(); len(blocked) > 0 {
		t.Fatalf("blocked by %v, want nothing", blocked)
	}
	var ran []string
	for i, step := range plan.Steps {
		if step.Done {
			continue
		}
		if err := s.Run(within(t), i); err != nil {
			t.Fatalf("run: %v", err)
		}
		ran = append(ran, step.SQL)
	}
	return ran
}

func TestSetupMakesEverythingThatAPipelineNeeds(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d, user := newcomer(servers.MySQL(t, product), func(cfg *mysql.Config) { cfg.Tables = []string{"*"} })
			d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
			account := "`" + user + "`@`%`"
			monitor := map[bool]string{false: "REPLICATION CLIENT", true: "BINLOG MONITOR"}[product.MariaDB()]
			want := []string{
				"CREATE USER IF NOT EXISTS " + account + " IDENTIFIED BY <password>",
				"GRANT REPLICATION SLAVE, " + monitor + " ON *.* TO " + account,
				"GRANT SELECT ON `" + strings.ReplaceAll(d.Name, "_", `\_`) + "`.* TO " + account,
			}
			s := d.setup(t, d.Server.URL(""))
			if got := applySetup(t, s); !slices.Equal(got, want) {
				t.Errorf("ran\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			logged, err := check(t, d)
			if err != nil || len(logged) > 0 {
				t.Fatalf("check of what was set up: %v, %q", err, logged)
			}
			if got := applySetup(t, s); !slices.Equal(got, want[1:]) {
				t.Errorf("ran %q the second time, want the grants only", got)
			}
			r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
			d.Exec(t, "INSERT INTO orders VALUES (1)", "CREATE TABLE later (id int PRIMARY KEY)", "INSERT INTO later VALUES (2)")
			if got := r.ToEnd(); len(got) != 2 {
				t.Errorf("events: %v, want that of orders and that of the table that was made later", got)
			}
		})
	}
}

func TestSetupSetsWhatSQLCanSet(t *testing.T) {
	bad := map[string]string{"binlog-format": "STATEMENT", "binlog-row-metadata": "MINIMAL", "binlog-row-value-options": "PARTIAL_JSON"}
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			settings, statements := bad, 6
			if product.MariaDB() {
				settings, statements = map[string]string{"binlog-format": "MIXED", "binlog-row-metadata": "NO_LOG"}, 5
			}
			d, _ := newcomer(servers.NewMySQL(t, product, settings).Database(t), nil)
			d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
			s := d.setup(t, d.Server.URL(""))
			if got := applySetup(t, s); len(got) != statements {
				t.Errorf("ran %q, want %d statements", got, statements)
			}
			logged, err := check(t, d)
			if err != nil || len(logged) > 0 {
				t.Errorf("check of what was set up: %v, %q", err, logged)
			}
		})
	}
}

// Nobody but the provider may change settings by SQL there.
func TestSetupSendsToTheProvider(t *testing.T) {
	server := servers.NewMySQL(t, local.MySQL97, map[string]string{"binlog-format": "STATEMENT", "binlog-row-value-options": "PARTIAL_JSON", "binlog-row-metadata": "MINIMAL"})
	d, _ := newcomer(server.Database(t), nil)
	d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
	s, err := mysql.NewSetup(d.config(), d.Server.URL(""), capture.Aurora, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	plan, err := s.Plan(within(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range plan.Steps {
		if strings.HasPrefix(step.SQL, "SET ") {
			t.Errorf("a step is %s, want none that sets anything", step.SQL)
		}
	}
	var got []string
	for _, b := range plan.Blocked() {
		got = append(got, b.How)
	}
	want := []string{
		"set binlog_format = ROW in the DB cluster parameter group, then reboot the writer",
		"set binlog_row_value_options = '' in the DB cluster parameter group, then reboot the writer",
	}
	if !slices.Equal(got, want) {
		t.Errorf("blocked until\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAWrongLoginForSetupIsNamed(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d, _ := newcomer(servers.MySQL(t, product), nil)
			_, err := d.setup(t, d.URLAs(d.User(t, "right"), "wr0ng")).Plan(within(t))
			wantStop(t, err, "check user and password of --as")
			if strings.Contains(err.Error(), "wr0ng") {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

func TestSetupNamesWhatNoStatementChanges(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			// Nothing but these two options turns the log of MySQL off.
			server := servers.NewMySQL(t, product, map[string]string{"log-bin": "", "skip-log-bin": "ON", "gtid-mode": "", "enforce-gtid-consistency": "", "log-slave-updates": "", "log-replica-updates": ""})
			d, _ := newcomer(server.Database(t), nil)
			d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
			plan, err := d.setup(t, d.Server.URL("")).Plan(within(t))
			if err != nil {
				t.Fatal(err)
			}
			if got := plan.Blocked(); len(got) != 1 || !strings.Contains(got[0].What, "log_bin is OFF") || !strings.Contains(got[0].How, "[mysqld]") {
				t.Errorf("blocked by %v, want log_bin and where it is set", got)
			}
		})
	}
}

func TestSetupQuotesEveryName(t *testing.T) {
	names := []string{"with space", "quo`te", "a'b", `a"b`, `back\slash`, "line\nbreak", "'; DROP TABLE orders; --", "per%cent", "under_score", "Größe"}
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d := pool.Server(t, product, nil).Database(t)
			d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)", "CREATE DATABASE `underXscore`", "CREATE TABLE `underXscore`.t (id int PRIMARY KEY)")
			for _, name := range names {
				quoted := quote.MySQLIdent(name)
				d.Exec(t, "CREATE DATABASE "+quoted, "CREATE TABLE "+quoted+"."+quoted+" (id int PRIMARY KEY)")
			}
			for _, name := range names {
				t.Run(name, func(t *testing.T) {
					s := source{d, d.URLAs(name, newPassword), func(cfg *mysql.Config) {
						cfg.URL = d.URLAs(name, newPassword)
						cfg.Tables = []string{"*.*", "!" + d.Name + ".*", "!underX*.*"}
					}}
					s.url = s.config().URL
					setup := s.setup(t, d.Server.URL(""))
					applySetup(t, setup)
					applySetup(t, setup)
					s.change = func(cfg *mysql.Config) {
						cfg.URL = strings.Replace(d.URLAs(name, newPassword), "/"+d.Name, "/", 1)
						cfg.Tables = []string{"*.*"}
					}
					src := s.Source(t)
					defer src.Close()
					if err := src.Check(within(t)); err != nil {
						t.Fatalf("check of what was set up: %v", err)
					}
					var want []string
					for _, name := range names {
						want = append(want, name+"."+name)
					}
					slices.Sort(want)
					if got := src.Describe().Tables; !slices.Equal(got, want) {
						t.Errorf("the user sees %q, want %q and nothing of underXscore", got, want)
					}
				})
			}
		})
	}
}

func TestSetupGrantsNamedTablesOnly(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d, _ := newcomer(servers.MySQL(t, product), func(cfg *mysql.Config) { cfg.Tables = []string{"orders"} })
			d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)", "CREATE TABLE secrets (id int PRIMARY KEY)")
			applySetup(t, d.setup(t, d.Server.URL("")))
			src := d.Source(t)
			defer src.Close()
			if err := src.Check(within(t)); err != nil {
				t.Fatalf("check of what was set up: %v", err)
			}
			d.change = func(cfg *mysql.Config) { cfg.Tables = []string{"*"} }
			all := d.Source(t)
			defer all.Close()
			if err := all.Check(within(t)); err != nil {
				t.Fatalf("check: %v", err)
			}
			if got, want := all.Describe().Tables, []string{d.Name + ".orders"}; !slices.Equal(got, want) {
				t.Errorf("the user sees %q, want %q", got, want)
			}
		})
	}
}

func TestAnAccountOfAnotherHostIsGranted(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d, user := newcomer(servers.MySQL(t, product), nil)
			account := quote.MySQLIdent(user) + "@`127.0.0.%`"
			d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)", "CREATE USER "+account+" IDENTIFIED BY "+quote.MySQLLiteral(newPassword))
			defer d.Exec(t, "DROP USER "+account)
			for _, sql := range applySetup(t, d.setup(t, d.Server.URL(""))) {
				if !strings.HasPrefix(sql, "GRANT ") || !strings.HasSuffix(sql, " TO "+account) {
					t.Errorf("ran %q, want only grants to %s", sql, account)
				}
			}
			if _, err := check(t, d); err != nil {
				t.Errorf("check of what was set up: %v", err)
			}
		})
	}
}

// Whatever a server says of a statement, the password is not in it.
func TestTheErrorOfAStatementHidesThePassword(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d, _ := newcomer(servers.MySQL(t, product), nil)
			d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
			admin := d.User(t, "admin", "SELECT ON {db}.*", "SELECT ON mysql.*")
			s := d.setup(t, d.URLAs(admin, "admin"))
			if _, err := s.Plan(within(t)); err != nil {
				t.Fatal(err)
			}
			err := s.Run(within(t), 0)
			if failure.ExitCode(err) != failure.ExitStop || !strings.Contains(fmt.Sprint(err), "run CREATE USER IF NOT EXISTS") {
				t.Errorf("run: %v, want a Stop that names the statement", err)
			}
			if strings.Contains(fmt.Sprint(err), "ary") {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

func TestAUserWithoutAPasswordIsNotMade(t *testing.T) {
	d := servers.MySQL(t, local.MySQL97)
	d.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
	s := source{d, d.URLAs(d.Name+"_nobody", ""), nil}
	plan, err := s.setup(t, d.Server.URL("")).Plan(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.Blocked(); len(got) != 1 || !strings.Contains(got[0].What, "without one lets everybody in") {
		t.Errorf("blocked by %v, want the missing password", got)
	}
}
