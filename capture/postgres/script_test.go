package postgres_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
)

// A script is a story on a new database and the events that it makes.
type script struct {
	name     string
	versions []int                  // of the server; none: serverVersions
	config   func(*postgres.Config) // what the source wants otherwise, or nil
	setup    string                 // before the start
	changes  []string               // statement by statement
	want     []string               // as capturetest.Event prints them, with wide for a value of wide
}

// wide is a text that Postgres stores outside of the row if the column's
// storage is EXTERNAL, and that a key can still hold.
var wide = strings.Repeat("0123456789abcdef", 156)

func runScripts(t *testing.T, scripts []script) {
	t.Helper()
	for _, s := range scripts {
		versions := s.versions
		if versions == nil {
			versions = serverVersions
		}
		t.Run(s.name, func(t *testing.T) {
			eachOf(t, versions, func(t *testing.T, version int) {
				d := source{servers.Postgres(t, version), s.config}
				d.Exec(t, s.setup)
				r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
				d.Session(t).Exec(t, s.changes...)
				equalLines(t, r.ToEnd(), s.want)
			})
		})
	}
}

func equalLines(t *testing.T, events []capturetest.Event, want []string) {
	t.Helper()
	got := capturetest.Strings(events)
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], wide, "wide")
	}
	capturetest.Equal(t, got, want)
}
