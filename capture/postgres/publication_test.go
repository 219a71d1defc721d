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

func TestAPublicationThatLeavesOutChangesIsRefused(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION tailrace_test FOR TABLE t WITH (publish = 'insert, delete, truncate')")
		err := d.Source(t).Check(t.Context())
		if err == nil || !strings.Contains(err.Error(), "leaves out every update") || !strings.Contains(err.Error(), "SET (publish = 'insert, update, delete, truncate')") {
			t.Errorf("Check = %v, want a Stop that names update and the statement", err)
		}
	})
}

func TestInsertOnlyTablesCanBeAddedToARunningPipeline(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), func(cfg *postgres.Config) { cfg.Tables = []string{"*.*", "!log"} }}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE log (line text)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		r.Close()
		d.Exec(t, "INSERT INTO t VALUES (1)")
		d.change = func(cfg *postgres.Config) { cfg.Tables, cfg.InsertOnly = []string{"t"}, []string{"log"} }
		r = capturetest.Start(t, d.Source(t), r.State, "")
		d.Exec(t, "INSERT INTO log VALUES ('x')")
		d.Exec(t, "UPDATE log SET line = 'y'")
		equalLines(t, r.ToEnd(), []string{`c public.t {"id":1} null {"id":1}`, `c public.log - null {"line":"x"}`})
	})
}

func TestTheKeyOfATableThatWasRenamedIsFound(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY FULL; CREATE TABLE stays (id int PRIMARY KEY)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		r.Close()
		d.Exec(t, "INSERT INTO t VALUES (1)")
		d.Exec(t, "UPDATE t SET id = 2")
		d.Exec(t, "ALTER TABLE t RENAME TO t2")
		r = capturetest.Start(t, d.Source(t), r.State, "")
		equalLines(t, r.ToEnd(), []string{
			`c public.t {"id":1} null {"id":1}`,
			`d public.t {"id":1} {"id":1} null`,
			`c public.t {"id":2} null {"id":2}`,
		})
	})
}

func TestTheOrderOfAKeyStaysWhenItsRowsAreSentAgain(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Exec(t, "INSERT INTO t VALUES (1, 2)")
		start := r.State
		first := r.ToEnd()
		start.Memory = r.State.Memory // as a save in the middle of the transaction has it
		r.Close()
		d.Exec(t, "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (b, a)")
		r = capturetest.Start(t, d.Source(t), start, "")
		again := r.ToEnd()
		capturetest.Equal(t, capturetest.Texts(again), capturetest.Texts(first))
		if got, want := again[0].Key, first[0].Key; got != want {
			t.Errorf("key %s when it is sent again, want %s", got, want)
		}
	})
}
