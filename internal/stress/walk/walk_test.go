package walk_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/internal/stress/oracle"
	"github.com/tailrace/tailrace/internal/stress/walk"
	"github.com/tailrace/tailrace/internal/workload"
)

func TestAWalkChangesEveryTableAndKeepsItsNumbersTogether(t *testing.T) {
	for _, c := range []struct {
		name string
		url  func(t *testing.T) string
	}{
		{"Postgres 15", func(t *testing.T) string { return servers.Postgres(t, 15).URL() }},
		{"Postgres 18", func(t *testing.T) string { return servers.Postgres(t, 18).URL() }},
		{"MySQL", func(t *testing.T) string { return servers.MySQL(t, local.MySQL97).URL() }},
		{"MariaDB", func(t *testing.T) string { return servers.MySQL(t, local.MariaDB114).URL() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := c.url(t)
			if err := walk.Setup(t.Context(), url, 50); err != nil {
				t.Fatal(err)
			}
			kind, _, err := workload.KindOf(url)
			if err != nil {
				t.Fatal(err)
			}
			all := walk.Tables(kind)
			if len(all) != 20 {
				t.Errorf("got %d tables, want 20", len(all))
			}
			var got walk.Report
			stop, ended := make(chan struct{}), make(chan error, 1)
			go func() {
				var err error
				got, err = walk.Run(t.Context(), stop, walk.Config{URL: url, Seed: 7, Rows: 50, Writers: 3, Empty: time.Second})
				ended <- err
			}()
			begin := time.Now()
			eventually.True(t, 2*time.Minute, "the walk has come to every table, for 3 s at least", func() bool {
				still := func(table oracle.Table) bool { return walked(t, url, table) != nil }
				return len(ended) > 0 || time.Since(begin) > 3*time.Second && !slices.ContainsFunc(all, still)
			})
			close(stop)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if got.Transactions*got.RolledBack*got.Inserts*got.Deletes*got.Moves*got.Truncate == 0 {
				t.Errorf("got %+v, want some of each kind", got)
			}
			for _, table := range all {
				if err := walked(t, url, table); err != nil {
					t.Errorf("%s: %v", table.Name, err)
				}
			}
		})
	}
}

// walked says why no walk has led to what is in a table.
func walked(t *testing.T, url string, table oracle.Table) error {
	t.Helper()
	rows, err := walk.Rows(t.Context(), url, table.Name)
	if err != nil {
		return err
	}
	at := make(map[string]int)
	for i, name := range table.Columns {
		at[name] = i
	}
	highest := int64(0)
	for _, row := range rows {
		n, err := strconv.ParseInt(row[at[oracle.Step]], 10, 64)
		if err != nil {
			return err
		}
		if row[at[oracle.Echo]] != oracle.StepText(n) {
			return fmt.Errorf("%s is %s where %s is %d", oracle.Echo, row[at[oracle.Echo]], oracle.Step, n)
		}
		highest = max(highest, n)
	}
	if highest < 2 && !strings.HasPrefix(table.Name, "emptied") {
		return fmt.Errorf("the highest n of %d rows is %d", len(rows), highest)
	}
	return nil
}
