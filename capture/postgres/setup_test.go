package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/internal/servers"
)

// A newcomer is a database in which nothing is there for a pipeline, not even
// its role.
type newcomer struct {
	*servers.Database
	cfg postgres.Config
}

const newPassword = `can'ary\password "1"`

func newNewcomer(t *testing.T, d *servers.Database) newcomer {
	t.Helper()
	role := d.Name + "_new" // goes with the database
	return newcomer{d, postgres.Config{
		Name: "test", URL: d.URLAs(role, newPassword), Tables: []string{"*.*"},
		Slot: d.Name + "_slot", Publication: "tailrace_test",
	}}
}

func (n newcomer) role() string { return n.Name + "_new" }

func (n newcomer) setup(t *testing.T, as string) *postgres.Setup {
	t.Helper()
	s, err := postgres.NewSetup(n.cfg, as, capture.Auto, false)
	if err != nil {
		t.Fatalf("make the setup: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the setup: %v", err)
		}
	})
	return s
}

// applySetup runs what is missing and returns it.
func applySetup(t *testing.T, s capture.Setup) []string {
	t.Helper()
	plan, err := s.Plan(t.Context())
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	if blocked := plan.Blocked(); len(blocked) > 0 {
		t.Fatalf("blocked by %v, want nothing", blocked)
	}
	return runSteps(t, s, plan)
}

func runSteps(t *testing.T, s capture.Setup, plan capture.Plan) []string {
	t.Helper()
	var ran []string
	for i, step := range plan.Steps {
		if step.Done {
			continue
		}
		if err := s.Run(t.Context(), i); err != nil {
			t.Fatalf("run: %v", err)
		}
		ran = append(ran, step.SQL)
	}
	return ran
}

func (n newcomer) source(t *testing.T) capture.Source {
	t.Helper()
	src, err := postgres.New(n.cfg)
	if err != nil {
		t.Fatalf("make the source: %v", err)
	}
	return src
}

func (n newcomer) check(t *testing.T) error {
	t.Helper()
	src := n.source(t)
	defer src.Close()
	return src.Check(t.Context())
}

func TestSetupMakesEverythingThatAPipelineNeeds(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		for _, create := range []bool{false, true} {
			t.Run(fmt.Sprintf("create is %t", create), func(t *testing.T) {
				n := newNewcomer(t, servers.Postgres(t, version))
				n.cfg.Create, n.cfg.InsertOnly = create, []string{"log"}
				n.Exec(t, `CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE log (line text);
					CREATE SCHEMA billing; CREATE TABLE billing.bills (id int PRIMARY KEY) PARTITION BY LIST (id);
					CREATE TABLE billing.bills_1 PARTITION OF billing.bills DEFAULT`)
				s := n.setup(t, n.URL())
				if got := applySetup(t, s); len(got) != 5 {
					t.Errorf("ran %d statements %q, want 5: role, connect, two publications, slot", len(got), got)
				}
				if err := n.check(t); err != nil {
					t.Fatalf("check of what was set up: %v", err)
				}
				got := n.Rows(t, `SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
					has_database_privilege(rolname, current_database(), 'CREATE'), has_table_privilege(rolname, 'orders', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE'),
					has_schema_privilege(rolname, 'billing', 'USAGE')
					FROM pg_roles WHERE rolname = $1`, n.role())[0]
				if want := "f f f t f f f f"; strings.Join(got, " ") != want {
					t.Errorf("the role is superuser, makes roles, makes databases, replicates, sees all rows, creates, reads or writes, sees the schema: %v, want %s", got, want)
				}
				if got := applySetup(t, s); len(got) != 0 {
					t.Errorf("ran %q the second time, want nothing", got)
				}
				r := capturetest.Start(t, n.source(t), checkpoint.State{}, event.Now)
				n.Exec(t, "INSERT INTO orders VALUES (1)")
				n.Exec(t, "INSERT INTO log VALUES ('x')")
				n.Exec(t, "INSERT INTO billing.bills VALUES (2)")
				equalLines(t, r.ToEnd(), []string{
					`c public.orders {"id":1} null {"id":1}`, `c public.log - null {"line":"x"}`, `c billing.bills {"id":2} null {"id":2}`,
				})
			})
		}
	})
}

func TestSetupMakesOnlyWhatIsMissing(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		n := newNewcomer(t, servers.Postgres(t, version))
		n.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p DEFAULT")
		n.Exec(t, "CREATE ROLE "+n.role()+" NOLOGIN PASSWORD "+quote.PostgresLiteral(newPassword))
		n.Exec(t, "CREATE PUBLICATION tailrace_test FOR TABLE a, p WITH (publish_via_partition_root = true)")
		want := []string{
			`ALTER ROLE "` + n.role() + `" REPLICATION`,
			`ALTER ROLE "` + n.role() + `" LOGIN`,
			`ALTER PUBLICATION "tailrace_test" ADD TABLE "public"."b"`,
			`CREATE PUBLICATION "tailrace_test_inserts" WITH (publish = 'insert, truncate', publish_via_partition_root = true)`,
			`SELECT pg_create_logical_replication_slot('` + n.cfg.Slot + `', 'pgoutput')`,
		}
		if got := applySetup(t, n.setup(t, n.URL())); !slices.Equal(got, want) {
			t.Errorf("ran\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if err := n.check(t); err != nil {
			t.Errorf("check of what was set up: %v", err)
		}
	})
}

func TestSetupQuotesEveryName(t *testing.T) {
	names := []string{`with space`, `quo"te`, `a'b`, `dot.ted`, `back\slash`, "line\nbreak", `"; DROP TABLE orders; --`, `<password>`, `🙂 Größe`, `$1`}
	eachServer(t, func(t *testing.T, version int) {
		n := newNewcomer(t, servers.Postgres(t, version))
		n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
		for _, name := range names {
			quoted := quote.PostgresIdent(name)
			n.Exec(t, "CREATE SCHEMA "+quoted+"; CREATE TABLE "+quoted+"."+quoted+" (id int PRIMARY KEY)")
		}
		for i, name := range names {
			t.Run(name, func(t *testing.T) {
				role := n.Name + "_" + name // the prefix is how it is dropped
				n.cfg.URL, n.cfg.Publication = n.URLAs(role, newPassword), name
				n.cfg.Slot = fmt.Sprintf("%s_slot_%d", n.Name, i)
				s := n.setup(t, n.URL())
				applySetup(t, s)
				if err := n.check(t); err != nil {
					t.Fatalf("check of what was set up: %v", err)
				}
				if got := applySetup(t, s); len(got) != 0 {
					t.Errorf("ran %q the second time, want nothing", got)
				}
				if got := removeSetup(t, s); len(got) != 3 {
					t.Errorf("removed by %q, want the slot and two publications", got)
				}
				if got, want := n.One(t, "SELECT count(*) FROM pg_tables WHERE schemaname <> 'information_schema' AND schemaname NOT LIKE 'pg\\_%'"), fmt.Sprint(1+len(names)); got != want {
					t.Errorf("there are %s tables, want %s", got, want)
				}
			})
		}
	})
}

func TestSetupNamesWhatNoStatementChanges(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		server := servers.NewPostgres(t, version, map[string]string{"wal_level": "replica", "max_replication_slots": "0"})
		n := newNewcomer(t, server.Database(t))
		n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY); CREATE ROLE app LOGIN PASSWORD 'app'")
		plan, err := n.setup(t, n.URLAs("app", "app")).Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range plan.Blocked() {
			got = append(got, b.What)
		}
		want := []string{
			"wal_level is replica, and changes are in the log only with logical",
			"there is no free replication slot",
			"role app may not replicate, and so not make the slot",
			"role app may not create publication tailrace_test in database " + n.Name,
			"role app does not own table public.orders, which publication tailrace_test must have",
			"role app may not create publication tailrace_test_inserts in database " + n.Name,
		}
		if !slices.Equal(got, want) {
			t.Errorf("blocked by\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestSetupLeavesTheSlotToASourceThatMakesIt(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		n := newNewcomer(t, servers.Postgres(t, version))
		n.cfg.Create = true
		owner := n.Role(t, "owner", "CREATEROLE")
		n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY); ALTER TABLE orders OWNER TO "+owner+"; GRANT CREATE ON DATABASE "+n.Name+" TO "+owner)
		n.Exec(t, "CREATE ROLE "+n.role()+" LOGIN REPLICATION PASSWORD "+quote.PostgresLiteral(newPassword))
		n.Exec(t, "GRANT USAGE ON SCHEMA public TO "+owner+" WITH GRANT OPTION")
		s := n.setup(t, n.URLAs(owner, "owner"))
		if got := applySetup(t, s); slices.ContainsFunc(got, func(sql string) bool { return strings.Contains(sql, "slot") }) {
			t.Errorf("ran %q, want no slot from a role that may not replicate", got)
		}
		r := capturetest.Start(t, n.source(t), checkpoint.State{}, event.Now)
		n.Exec(t, "INSERT INTO orders VALUES (1)")
		equalLines(t, r.ToEnd(), []string{`c public.orders {"id":1} null {"id":1}`})
	})
}

// A slot that stands has what was written since it was made.
func TestAPipelineBeginsWhereItIsToldBehindSetup(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		n := newNewcomer(t, servers.Postgres(t, version))
		n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
		applySetup(t, n.setup(t, n.URL()))
		n.Exec(t, "INSERT INTO orders VALUES (1)")
		r := capturetest.Start(t, n.source(t), checkpoint.State{}, event.Earliest)
		equalLines(t, r.ToEnd(), []string{`c public.orders {"id":1} null {"id":1}`})
		r.Close()
		r = capturetest.Start(t, n.source(t), checkpoint.State{}, event.Now)
		n.Exec(t, "INSERT INTO orders VALUES (2)")
		equalLines(t, r.ToEnd(), []string{`c public.orders {"id":2} null {"id":2}`})
	})
}

func TestAProviderIsKnownByItsRoles(t *testing.T) {
	tests := []struct {
		sign   string // SQL that makes what only the provider's servers have, beside what is there
		flavor capture.Flavor
		want   string // how the role may replicate
	}{
		{"CREATE ROLE azure_pg_admin", capture.Azure, `CREATE ROLE "%s" LOGIN REPLICATION PASSWORD <password>`},
		{"CREATE ROLE cloudsqlsuperuser", capture.CloudSQL, `ALTER USER "%s" WITH REPLICATION`},
		{"CREATE ROLE rds_superuser; CREATE ROLE rds_replication", capture.RDS, `GRANT rds_replication TO "%s"`},
		{"CREATE FUNCTION aurora_version() RETURNS text LANGUAGE sql AS 'SELECT 1::text'", capture.Aurora, `GRANT rds_replication TO "%s"`},
	}
	server := servers.NewPostgres(t, 18, nil)
	n := newNewcomer(t, server.Database(t))
	n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
	for _, tt := range tests {
		n.Exec(t, tt.sign)
		plan, err := n.setup(t, n.URL()).Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if plan.Flavor != tt.flavor {
			t.Errorf("the flavor is %s, want %s", plan.Flavor, tt.flavor)
		}
		want := fmt.Sprintf(tt.want, n.role())
		if !slices.ContainsFunc(plan.Steps, func(s capture.Step) bool { return s.SQL == want }) {
			t.Errorf("the steps are %v, want %s among them", plan.Steps, want)
		}
	}
}

func TestAWrongLoginForSetupIsNamed(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		n := newNewcomer(t, servers.Postgres(t, version))
		_, err := n.setup(t, n.URLAs(n.Role(t, "right", ""), "wr0ng")).Plan(t.Context())
		if failure.ExitCode(err) != failure.ExitStop || !strings.Contains(fmt.Sprint(err), "check user and password of --as") || strings.Contains(fmt.Sprint(err), "wr0ng") {
			t.Errorf("plan: %v, want a Stop that names --as and hides the password", err)
		}
	})
}

func TestSetupRefusesTablesThatCantBePublished(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		n := newNewcomer(t, servers.Postgres(t, version))
		n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE log (line text)")
		_, err := n.setup(t, n.URL()).Plan(t.Context())
		if failure.ExitCode(err) != failure.ExitStop || !strings.Contains(fmt.Sprint(err), "public.log") {
			t.Errorf("plan: %v, want a Stop that names public.log", err)
		}
	})
}

// What is given up must not become a slot later, when nobody waits for it.
func TestASlotThatIsGivenUpIsNotMade(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		n := newNewcomer(t, servers.Postgres(t, version))
		n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY)")
		older, err := n.Conn(t).Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := older.Exec(t.Context(), "INSERT INTO orders VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		s := n.setup(t, n.URL())
		plan, err := s.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last := len(plan.Steps) - 1
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, last) }()
		const makers = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tailrace setup' AND state = 'active' AND wait_event_type = 'Lock'"
		eventually.True(t, 30*time.Second, "the server waits for the older transaction", func() bool { return n.One(t, makers) == "1" })
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v, want the context's end", err)
		}
		eventually.True(t, 30*time.Second, "nobody makes the slot any more", func() bool { return n.One(t, makers) == "0" })
		if err := older.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := n.One(t, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", n.cfg.Slot); got != "0" {
			t.Errorf("slots: %s, want none", got)
		}
	})
}
