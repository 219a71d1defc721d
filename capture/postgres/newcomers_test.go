package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

// watchful looks for new tables all the time.
func watchful(t *testing.T, version int) source {
	return source{servers.Postgres(t, version), func(c *postgres.Config) { c.NewTables = 20 * time.Millisecond }}
}

func TestATableThatIsMadeLaterIsCaptured(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := watchful(t, version)
		d.Exec(t, "CREATE TABLE old (id int PRIMARY KEY)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Exec(t, "CREATE TABLE young (id int PRIMARY KEY)")
		d.Exec(t, "CREATE TABLE other (id int PRIMARY KEY)") // excluded
		published := func() string {
			return d.One(t, "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_publication_tables WHERE pubname = 'tailrace_test'")
		}
		eventually.True(t, 20*time.Second, "the new table is published", func() bool { return strings.Contains(published(), "young") })
		if got, want := published(), "old young"; got != want {
			t.Errorf("published %q, want %q", got, want)
		}
		d.Exec(t, "INSERT INTO young VALUES (1)")
		equalLines(t, r.ToEnd(), []string{`c public.young {"id":1} null {"id":1}`})
	})
}

func TestATableThatIsTakenOutOfThePublicationIsALoss(t *testing.T) {
	const takeOut = "ALTER PUBLICATION tailrace_test DROP TABLE t"
	eachServer(t, func(t *testing.T, version int) {
		t.Run("while it is read", func(t *testing.T) {
			d := watchful(t, version)
			d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")
			r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
			d.Exec(t, takeOut)
			if err := r.Broken(); !errors.Is(err, capture.ErrLost) {
				t.Errorf("Next = %v, want ErrLost", err)
			}
		})
		t.Run("while nobody reads", func(t *testing.T) {
			d := source{servers.Postgres(t, version), nil}
			d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")
			r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
			r.Close()
			d.Exec(t, takeOut)
			if _, err := capturetest.Open(t, d.Source(t), r.State, ""); !errors.Is(err, capture.ErrLost) {
				t.Errorf("Open = %v, want ErrLost", err)
			}
		})
		t.Run("by another one that gets its name", func(t *testing.T) {
			d := watchful(t, version)
			d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")
			r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
			d.Exec(t, "BEGIN; CREATE TABLE t_new (id int PRIMARY KEY); DROP TABLE t; ALTER TABLE t_new RENAME TO t; COMMIT")
			if err := r.Broken(); !errors.Is(err, capture.ErrLost) {
				t.Errorf("Next = %v, want ErrLost", err)
			}
		})
	})
}
