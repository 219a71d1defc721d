package main_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

var update = flag.Bool("update", false, "write the golden files anew")

// newNewcomer is newSite before anybody has made its role.
func newNewcomer(t *testing.T, db *servers.Database) *site {
	t.Helper()
	s := &site{db: db, user: db.Name + "_new", name: db.Name, slot: "tailrace_" + db.Name, folder: t.TempDir(), config: "create-nothing.yaml"}
	s.topic = s.name + ".public.orders"
	db.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY, note text)")
	s.env = map[string]string{
		"PIPELINE": s.name, "FOLDER": s.folder, "DB_USER": s.user, "DB_PASSWORD": password,
		"DB_PORT": fmt.Sprint(db.Port), "DB_NAME": db.Name, "TAILRACE_ADMIN": "off",
	}
	return s
}

func newMySQLNewcomer(t *testing.T, db *servers.MySQLDatabase) *mysqlSite {
	t.Helper()
	s := &mysqlSite{&site{
		user: db.Name + "_new", name: db.Name, folder: t.TempDir(),
		config: "mysql.yaml", topic: db.Name + "." + db.Name + ".orders",
	}, db}
	db.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY, note mediumtext)")
	s.env = map[string]string{
		"PIPELINE": s.name, "FOLDER": s.folder, "SCHEME": "mysql", "DB_USER": s.user, "DB_PASSWORD": password,
		"DB_PORT": fmt.Sprint(db.Port), "DB_NAME": db.Name, "DB_PARAMETERS": "connect_timeout=10", "SERVER_ID": "0", "POSITIONS": "auto", "TAILRACE_ADMIN": "off",
	}
	if db.Product.MariaDB() {
		s.env["SCHEME"] = "mariadb"
	}
	return s
}

// setup runs `tailrace setup` with the site's configuration.
func (s *site) setup(t *testing.T, args ...string) *process {
	t.Helper()
	return s.start(t, append([]string{"setup", "-c", "testdata/" + s.config}, args...)...)
}

// isReady fails unless `tailrace check` finds nothing.
func (s *site) isReady(t *testing.T) {
	t.Helper()
	for _, f := range s.check(t, 0) {
		if f.Part == "source" && !strings.Contains(f.What, "max_slot_wal_keep_size") { // which setup only advises on
			t.Errorf("check found %+v, want nothing of the source", f)
		}
	}
}

// catalog is what setup may change on a server, as text.
func (s *site) catalog(t *testing.T) string {
	t.Helper()
	return s.db.One(t, `SELECT format('roles %s, publications %s, slots %s',
		(SELECT string_agg(rolname || rolreplication, ' ') FROM pg_roles WHERE starts_with(rolname, $1)),
		(SELECT string_agg(pubname, ' ') FROM pg_publication),
		(SELECT string_agg(slot_name, ' ') FROM pg_replication_slots WHERE database = $1))`, s.db.Name)
}

func TestSetupAppliesWhatTheDaemonNeeds(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newNewcomer(t, servers.Postgres(t, version))
		s.env["TAILRACE_SETUP_URL"] = s.db.Server.URL("postgres")
		p := s.setup(t, "--apply", "--yes")
		p.succeeds(t)
		for _, want := range []string{`done: CREATE ROLE "` + s.user + `" LOGIN REPLICATION PASSWORD <password>`, "done: SELECT pg_create_logical_replication_slot(", "next: tailrace check"} {
			if !strings.Contains(p.stdout.String(), want) {
				t.Errorf("setup said %q, want %q in it", p.stdout.String(), want)
			}
		}
		s.isReady(t)
		again := s.setup(t, "--apply")
		again.succeeds(t)
		if !strings.Contains(again.stdout.String(), "nothing is missing") {
			t.Errorf("the second setup said %q, want that nothing is missing", again.stdout.String())
		}
		run := s.follow(t, "--from", "now")
		run.following(t)
		s.insert(t, 1, 20)
		s.wantAllSaved(t)
		fenced := s.setup(t, "--remove", "--yes")
		fenced.exits(t, 3)
		if !strings.Contains(fenced.stderr.String(), "'tailrace "+s.name) {
			t.Errorf("the removal under a reader said %q, want the reader's name", fenced.stderr.String())
		}
		run.stop(t)
		wantIDs(t, s.ids(t), 1, 20)
		s.setup(t, "--remove", "--yes").succeeds(t)
		if got, want := s.catalog(t), "roles "+s.user+"true, publications , slots "; got != want {
			t.Errorf("after the removal: %s, want %s", got, want)
		}
		s.setup(t, "--remove").succeeds(t)
	})
}

func TestSetupAppliesWhatTheDaemonNeedsOfMySQL(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLNewcomer(t, servers.MySQL(t, product))
		s.env["TAILRACE_SETUP_URL"] = s.db.Server.URL("")
		s.setup(t, "--apply", "--yes").succeeds(t)
		s.isReady(t)
		s.setup(t, "--apply", "--yes").succeeds(t)
		run := s.follow(t, "--from", "now")
		run.following(t)
		s.insert(t, 1, 20)
		run.stop(t)
		s.follow(t, "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 20)
		p := s.setup(t, "--remove")
		p.succeeds(t)
		if !strings.Contains(p.stdout.String(), "there is nothing to remove") {
			t.Errorf("the removal said %q, want that there is nothing", p.stdout.String())
		}
	})
}

// wantErrorsOfSource fails unless every one of parts is in an error of the source.
func wantErrorsOfSource(t *testing.T, found []finding, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !slices.ContainsFunc(found, func(f finding) bool {
			return f.Part == "source" && f.Level == "error" && strings.Contains(f.What+" "+f.Fix, part)
		}) {
			t.Errorf("check found %+v, want an error of the source with %q", found, part)
		}
	}
}

func TestSetupMendsWhatCheckFinds(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newNewcomer(t, servers.Postgres(t, version))
		s.env["TAILRACE_SETUP_URL"] = s.db.URL()
		s.db.Exec(t, "CREATE ROLE "+s.user+" LOGIN PASSWORD '"+password+"'; CREATE PUBLICATION "+s.slot+" WITH (publish = 'insert, delete, truncate')")
		wantErrorsOfSource(t, s.check(t, 1), "may not replicate", "leaves out every update", "slot "+s.slot+" does not exist")
		refused := s.setup(t, "--apply", "--yes")
		refused.exits(t, 4)
		if got := refused.stderr.String(); !strings.Contains(got, "publication "+s.slot+" leaves out every update; name another one") {
			t.Errorf("got %q, want that the publication is left as it is, as somebody else may have it", got)
		}
		s.db.Exec(t, "DROP PUBLICATION "+s.slot)
		s.setup(t, "--apply", "--yes").succeeds(t)
		s.isReady(t)
		run := s.follow(t, "--from", "now")
		run.following(t)
		s.insert(t, 1, 5)
		s.wantAllSaved(t)
		run.stop(t)
		wantIDs(t, s.ids(t), 1, 5)
	})
}

func TestSetupMendsWhatCheckFindsOnMySQL(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		settings, wrong := map[string]string{"binlog-format": "STATEMENT", "binlog-row-value-options": "PARTIAL_JSON", "binlog-row-metadata": "MINIMAL"}, "PARTIAL_JSON"
		if product.MariaDB() {
			settings, wrong = map[string]string{"binlog-format": "MIXED", "binlog-row-metadata": "NO_LOG"}, "MIXED"
		}
		s := newMySQLNewcomer(t, servers.NewMySQL(t, product, settings).Database(t))
		s.env["TAILRACE_SETUP_URL"] = s.db.Server.URL("")
		s.db.Exec(t, "CREATE USER "+s.user+" IDENTIFIED BY '"+password+"'", "GRANT SELECT ON "+s.db.Name+".* TO "+s.user)
		wantErrorsOfSource(t, s.check(t, 1), "binlog_format is ", wrong, "GRANT REPLICATION CLIENT")
		s.setup(t, "--apply", "--yes").succeeds(t)
		s.isReady(t)
		run := s.follow(t, "--from", "now")
		run.following(t)
		s.insert(t, 1, 5)
		run.stop(t)
		s.follow(t, "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 5)
	})
}

// What is printed is run by a person, with the programs of the server.
func TestThePrintedScriptRunsOnceThePasswordIsInIt(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newNewcomer(t, servers.Postgres(t, version))
		p := s.setup(t)
		p.succeeds(t)
		script := p.stdout.String()
		psql := []string{"psql", "-X", "-v", "ON_ERROR_STOP=1", "-q", "-d", s.db.URL()}
		if out, err := feed(t, script, psql...); err == nil || !strings.Contains(out, "syntax error") {
			t.Errorf("the script as it stands: %v, %s, want a syntax error", err, out)
		}
		if got, want := s.catalog(t), "roles , publications , slots "; got != want {
			t.Errorf("after the script as it stands: %s, want %s", got, want)
		}
		if out, err := feed(t, strings.Replace(script, " <password>;", " '"+password+"';", 1), psql...); err != nil {
			t.Fatalf("the script: %v, %s", err, out)
		}
		s.isReady(t)
	})
}

func TestThePrintedScriptRunsOnceThePasswordIsInItOnMySQL(t *testing.T) {
	t.Parallel()
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLNewcomer(t, servers.MySQL(t, product))
		p := s.setup(t)
		p.succeeds(t)
		script := p.stdout.String()
		client := append(s.db.Server.Bin(map[bool]string{false: "mysql", true: "mariadb"}[product.MariaDB()]),
			"--no-defaults", "--protocol=tcp", "-h", s.db.Host, "-P", fmt.Sprint(s.db.Port), "-u", "root")
		if out, err := feed(t, script, client...); err == nil || !strings.Contains(out, "syntax") {
			t.Errorf("the script as it stands: %v, %s, want a syntax error", err, out)
		}
		if out, err := feed(t, strings.Replace(script, " <password>;", " '"+password+"';", 1), client...); err != nil {
			t.Fatalf("the script: %v, %s", err, out)
		}
		s.isReady(t)
	})
}

func TestSetupAsksBeforeItChangesAnything(t *testing.T) {
	t.Parallel()
	s := newNewcomer(t, servers.Postgres(t, 15))
	s.env["TAILRACE_SETUP_URL"] = s.db.URL()
	before := s.catalog(t)
	p := s.setup(t, "--apply")
	p.exits(t, 1)
	if !strings.Contains(p.stderr.String(), "say --yes") {
		t.Errorf("without a terminal: %q, want --yes in it", p.stderr.String())
	}
	if got := s.onTerminal(t, "n\n", 1, "setup", "-c", "testdata/"+s.config, "--apply"); !strings.Contains(got, "Run 5 statements? [y/N]") {
		t.Errorf("the terminal shows %q, want the question", got)
	}
	if got := s.catalog(t); got != before {
		t.Errorf("after two noes: %s, want %s", got, before)
	}
	if got := s.onTerminal(t, "y\n", 0, "setup", "-c", "testdata/"+s.config, "--apply"); !strings.Contains(got, "done: CREATE PUBLICATION") {
		t.Errorf("the terminal shows %q, want what was done", got)
	}
	s.isReady(t)
}

func TestSetupGoesOnBehindAStatementThatFailed(t *testing.T) {
	t.Parallel()
	s := newNewcomer(t, servers.Postgres(t, 18))
	owner := s.db.Role(t, password, "REPLICATION")
	s.db.Exec(t, "ALTER TABLE orders OWNER TO "+owner+"; GRANT CREATE ON DATABASE "+s.db.Name+" TO "+owner)
	s.db.Exec(t, "ALTER DATABASE "+s.db.Name+" OWNER TO "+owner+"; ALTER SCHEMA public OWNER TO "+owner)
	s.env["TAILRACE_SETUP_URL"] = s.db.URLAs(owner, password)
	p := s.setup(t, "--apply", "--yes")
	p.exits(t, 4)
	for _, want := range []string{`run CREATE ROLE "` + s.user, "permission denied", "5 statements not run: when it is mended, the same command goes on"} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("stderr is %q, want %q in it", p.stderr.String(), want)
		}
	}
	if got, want := strings.Count(p.stdout.String(), "not run: "), 5; got != want {
		t.Errorf("%d statements are said not to be run, want %d: %s", got, want, p.stdout.String())
	}
	s.db.Exec(t, "CREATE ROLE "+s.user+" LOGIN REPLICATION PASSWORD '"+password+"'")
	s.setup(t, "--apply", "--yes").succeeds(t)
	s.isReady(t)
}

func TestSetupRefusesWhatCanNotBeMeant(t *testing.T) {
	t.Parallel()
	const source = "postgres://tailrace:" + password + "@localhost/shop"
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"a flavor that nobody knows", []string{"--flavor", "heroku"}, "use auto, plain, rds"},
		{"both ways at once", []string{"--apply", "--remove"}, "choose one"},
		{"to be applied as nobody", []string{"--apply"}, "say with --as URL or TAILRACE_SETUP_URL"},
		{"to be removed as nobody", []string{"--remove"}, "say with --as postgres://"},
		{"a glob and nobody to ask", []string{"--table", "billing.*"}, "only the server knows which tables billing.* names"},
		{"a name with two dots", []string{"--table", "a.b.c"}, "which part of a.b.c is the schema"},
		{"somebody of another kind of server", []string{"--as", "mysql://root:" + password + "@localhost/"}, "--as is not one of Postgres"},
		{"somebody who would fall back to plain text", []string{"--as", "postgres://root:" + password + "@localhost/?sslmode=prefer"}, "fall back to plain text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &site{env: map[string]string{"TAILRACE_SOURCE": source}}
			p := s.start(t, append([]string{"setup", "--publish", "discard:", "--table", "orders"}, tt.args...)...)
			p.exits(t, 1)
			if got := p.stderr.String(); !strings.Contains(got, tt.want) {
				t.Errorf("stderr is %q, want %q in it", got, tt.want)
			}
			for _, arg := range tt.args {
				if strings.Contains(arg, password) && !strings.Contains(p.stderr.String(), "--as holds a password") {
					t.Errorf("stderr is %q, want a warning of the password", p.stderr.String())
				}
			}
		})
	}
}

func TestSetupSpeaksTheWordsOfEveryFlavor(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"postgres", "mysql", "mariadb"} {
		for _, flavor := range []string{"plain", "rds", "aurora", "cloudsql", "azure"} {
			t.Run(kind+" of "+flavor, func(t *testing.T) {
				s := &site{env: map[string]string{"TAILRACE_SOURCE": kind + "://tailrace:" + password + "@db.internal/shop"}}
				p := s.start(t, "setup", "--name", "shop", "--publish", "discard:", "--table", "orders", "--flavor", flavor)
				p.succeeds(t)
				golden := filepath.Join("testdata", "setup", kind+"-"+flavor+".sql")
				if *update {
					if err := os.WriteFile(golden, []byte(p.stdout.String()), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if got := p.stdout.String(); got != string(want) {
					t.Errorf("setup printed\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}
