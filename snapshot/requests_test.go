package snapshot_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/snapshot"
)

func TestOneTableIsNotAskedForWithoutEnd(t *testing.T) {
	src := newAsleep()
	copies, j := src.join(t, snapshot.Never)
	defer j.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody waits for a request to be saved
	table, other := src.w.tables[0], src.w.tables[1]
	for range 100 {
		_, _ = copies.Ask(ctx, []string{table}, "") // its error is that ctx has ended
	}
	if n := len(copies.List()); n != 100 {
		t.Fatalf("there are %d copies, want 100", n)
	}
	if _, err := copies.Ask(ctx, []string{other, table}, ""); err == nil || !strings.Contains(err.Error(), "100 copies of table "+table) {
		t.Errorf("got %v, want that there are too many of %s", err, table)
	}
	if n := len(copies.List()); n != 100 {
		t.Errorf("there are %d copies after a request that was refused, want 100", n)
	}
	_, _ = copies.Ask(ctx, []string{other}, "")
	if n := len(copies.List()); n != 101 {
		t.Errorf("there are %d copies after one of another table, want 101", n)
	}
}
