package postgres_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/internal/servers"
)

// checkCopy returns what keeps the tables from being copied.
func (n newcomer) checkCopy(t *testing.T) error {
	t.Helper()
	src := n.source(t)
	defer src.Close()
	if err := src.Check(t.Context()); err != nil {
		t.Fatalf("check: %v", err)
	}
	return src.(interface{ CheckCopy(context.Context) error }).CheckCopy(t.Context())
}

func TestSetupGivesTheRightsThatACopyTakes(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		n := newNewcomer(t, servers.Postgres(t, version))
		n.cfg.InsertOnly = []string{"log"}
		n.Exec(t, `CREATE TABLE "Orders" (id int PRIMARY KEY); CREATE TABLE log (line text);
			CREATE SCHEMA billing; CREATE TABLE billing.bills (id int PRIMARY KEY) PARTITION BY LIST (id);
			CREATE TABLE billing.bills_1 PARTITION OF billing.bills DEFAULT; CREATE TABLE other_way (id int PRIMARY KEY)`)
		n.cfg.Tables = []string{"*.*", "!other_way"}
		applySetup(t, n.setup(t, n.URL()))
		role := `"` + n.role() + `"`
		err := n.checkCopy(t)
		want := `role ` + n.role() + ` may not read billing.bills, public.Orders, public.log, which are to be copied; ` +
			`run as their owner: GRANT USAGE ON SCHEMA "billing" TO ` + role + `; GRANT SELECT ON "billing"."bills", "public"."Orders", "public"."log" TO ` + role + `; or tailrace setup --apply; or say --snapshot never`
		if err == nil || err.Error() != want {
			t.Errorf("before the rights are there: got\n%v\nwant\n%s", err, want)
		}
		s, err := postgres.NewSetup(n.cfg, n.URL(), capture.Auto, true)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		grants := []string{
			`GRANT USAGE ON SCHEMA "billing" TO ` + role,
			`GRANT SELECT ON "billing"."bills", "public"."Orders", "public"."log" TO ` + role,
		}
		if got := applySetup(t, s); !slices.Equal(got, grants) {
			t.Errorf("ran\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(grants, "\n"))
		}
		if err := n.checkCopy(t); err != nil {
			t.Errorf("check of what was set up: %v", err)
		}
		if got := applySetup(t, s); len(got) != 0 {
			t.Errorf("ran %q the second time, want nothing", got)
		}
		if got := n.One(t, `SELECT has_table_privilege($1, 'log', 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_table_privilege($1, 'other_way', 'SELECT')`, n.role()); got != "f" {
			t.Error("the role may write, or read a table that is not captured")
		}
	})
}

func TestRowsThatAPolicyHidesAreFoundOut(t *testing.T) {
	n := newNewcomer(t, servers.Postgres(t, 18))
	n.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY); ALTER TABLE orders ENABLE ROW LEVEL SECURITY")
	applySetup(t, n.setup(t, n.URL()))
	n.Exec(t, `GRANT SELECT ON orders TO "`+n.role()+`"`)
	err := n.checkCopy(t)
	want := `row security hides rows of public.orders from role ` + n.role() + `, and a copy would lack them; run: ALTER ROLE "` + n.role() + `" BYPASSRLS; or say --snapshot never`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	n.Exec(t, `ALTER ROLE "`+n.role()+`" BYPASSRLS`)
	if err := n.checkCopy(t); err != nil {
		t.Errorf("of a role that sees all rows: got %v, want nothing", err)
	}
}
