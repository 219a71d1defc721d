package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/internal/servers"
)

// What an application does to tables that are not captured is not to fail because
// of Tailrace: it does as soon as their updates are published without an identity.
func TestSetupNeverChangesWhatAPublicationPublishes(t *testing.T) {
	tests := []struct {
		name string
		sql  string
		want string // what blocks, "" if nothing does
		run  string // the statement that the hint has
	}{
		{
			"all tables, and inserts only", "CREATE PUBLICATION tailrace_test FOR ALL TABLES WITH (publish = 'insert')",
			"publication tailrace_test leaves out every update and delete and truncate, and has partitions in place of their roots",
			`ALTER PUBLICATION "tailrace_test" SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)`,
		},
		{
			"tables of others, and inserts only", "CREATE PUBLICATION tailrace_test FOR TABLE log WITH (publish = 'insert, truncate', publish_via_partition_root = true)",
			"publication tailrace_test leaves out every update and delete", `ALTER PUBLICATION "tailrace_test" SET (publish = 'insert, update, delete, truncate')`,
		},
		{
			"partitions by themselves", "CREATE PUBLICATION tailrace_test FOR TABLE parts",
			"publication tailrace_test has partitions in place of their roots", `ALTER PUBLICATION "tailrace_test" SET (publish_via_partition_root = true)`,
		},
		{
			"updates where inserts are wanted", "CREATE PUBLICATION tailrace_test_inserts FOR TABLE orders",
			"publication tailrace_test_inserts has updates and deletes, which fail on the tables of source.insert_only once they are in it", `ALTER PUBLICATION "tailrace_test_inserts" SET (publish = 'insert, truncate')`,
		},
		{"everything that is wanted", "CREATE PUBLICATION tailrace_test FOR TABLE orders WITH (publish_via_partition_root = true)", "", ""},
	}
	eachServer(t, func(t *testing.T, version int) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				n := newNewcomer(t, servers.Postgres(t, version))
				n.cfg.Tables, n.cfg.InsertOnly = []string{"orders", "parts", "lines"}, []string{"lines"}
				n.Exec(t, `CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE log (line text); CREATE TABLE lines (line text);
					CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE parts_1 PARTITION OF parts DEFAULT;
					INSERT INTO log VALUES ('x'); INSERT INTO lines VALUES ('x')`)
				n.Exec(t, tt.sql)
				const how = "SELECT pubname, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot FROM pg_publication WHERE oid = $1"
				id := n.One(t, "SELECT oid FROM pg_publication")
				before := n.Rows(t, how, id)[0]

				plan, err := n.setup(t, n.URL()).Plan(t.Context())
				if err != nil {
					t.Fatalf("plan: %v", err)
				}
				var blocked, hints []string
				for _, b := range plan.Blocked() {
					blocked, hints = append(blocked, b.What), append(hints, b.How)
				}
				if got := strings.Join(blocked, "; "); got != tt.want {
					t.Errorf("blocked by %q, want %q", got, tt.want)
				}
				if got := strings.Join(hints, "; "); tt.run != "" && (!strings.HasSuffix(got, "run: "+tt.run) || !strings.Contains(got, "source.postgres.publication")) {
					t.Errorf("the hint is %q, want another publication, or %s", got, tt.run)
				}
				s := n.setup(t, n.URL())
				if plan, err = s.Plan(t.Context()); err != nil {
					t.Fatalf("plan: %v", err)
				}
				runSteps(t, s, plan) // also what a person would run of a script that is blocked
				if got := n.Rows(t, how, id)[0]; !slices.Equal(got, before) {
					t.Errorf("the publication is %v, want it as it was: %v", got, before)
				}
				for _, table := range []string{"log", "lines"} {
					n.Exec(t, "UPDATE "+table+" SET line = 'y'")
					n.Exec(t, "DELETE FROM "+table)
				}
			})
		}
	})
}

// A publication of another name, which the configuration shares with somebody, is
// not ours by that.
func TestRemovalLeavesAPublicationThatMayBeSomebodyElses(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		for _, tt := range []struct {
			name        string
			publication string
			ours        bool // our slot is there
			stays       bool
		}{
			{"the pipeline's own name without a slot", "tailrace_test", false, false},
			{"the pipeline's own name with the slot", "tailrace_test", true, false},
			{"another name with the slot", "shared", true, false},
			{"another name without a slot", "shared", false, true},
		} {
			t.Run(tt.name, func(t *testing.T) {
				n := newNewcomer(t, servers.Postgres(t, version))
				n.cfg.Publication = tt.publication
				n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY); CREATE PUBLICATION "+tt.publication+" FOR TABLE orders")
				other := n.Name + "_other"
				for slot, wanted := range map[string]bool{other: true, n.cfg.Slot: tt.ours} {
					if wanted {
						n.Exec(t, "SELECT pg_create_logical_replication_slot("+quote.PostgresLiteral(slot)+", 'pgoutput')")
					}
				}
				s := n.setup(t, n.URL())
				plan, err := s.Removal(t.Context())
				if err != nil {
					t.Fatalf("plan the removal: %v", err)
				}
				note := "other slots of the database may read publication " + tt.publication + ", and their streams end without it: " + other
				if tt.stays {
					note = `if nobody does, run: DROP PUBLICATION IF EXISTS "` + tt.publication + `"`
				}
				if got := strings.Join(plan.Notes, "; "); !strings.HasSuffix(got, note) {
					t.Errorf("the notes are %q, want %q at their end", got, note)
				}
				runSteps(t, s, plan)
				left := map[bool]string{true: "1", false: "0"}
				if got, want := n.One(t, "SELECT count(*) FROM pg_publication"), left[tt.stays]; got != want {
					t.Errorf("%s publications are left, want %s", got, want)
				}
				if got, want := n.One(t, fmt.Sprintf("SELECT string_agg(slot_name::text, ' ') FROM pg_replication_slots WHERE database = '%s'", n.Name)), other; got != want {
					t.Errorf("the slots are %s, want %s", got, want)
				}
			})
		}
	})
}

// The server of a script must not meet a publication half: nothing is added to one
// that can't be the pipeline's.
func TestSetupAddsNothingToAPublicationThatDoesNotFit(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		n := newNewcomer(t, servers.Postgres(t, version))
		n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY); CREATE PUBLICATION tailrace_test WITH (publish = 'insert')")
		plan, err := n.setup(t, n.URL()).Plan(t.Context())
		if err != nil {
			t.Fatalf("plan: %v", err)
		}
		if slices.ContainsFunc(plan.Steps, func(s capture.Step) bool { return strings.HasPrefix(s.SQL, "ALTER PUBLICATION") }) {
			t.Errorf("the steps are %v, want none that alters the publication", plan.Steps)
		}
	})
}
