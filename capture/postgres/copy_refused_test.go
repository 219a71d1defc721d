package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestACopyWithoutPermissionsIsRefused(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := servers.Postgres(t, version)
		role := d.Role(t, "secret", "")
		d.Exec(t, `CREATE TABLE bare (id int PRIMARY KEY); CREATE TABLE open (id int PRIMARY KEY); CREATE TABLE rows (id int PRIMARY KEY); INSERT INTO rows VALUES (1), (2);
			ALTER TABLE rows ENABLE ROW LEVEL SECURITY; CREATE POLICY visible ON rows FOR SELECT USING (id > 1);
			GRANT SELECT ON open, rows TO `+role)
		d.Exec(t, fmt.Sprintf(publish, "bare, open, rows"))
		c := connectCopy(t, d, func(cfg *postgres.Config) { cfg.URL = d.URLAs(role, "secret") })
		hinted := func(err error, hint string) {
			t.Helper()
			var stop *failure.StopError
			if !errors.As(err, &stop) || !strings.Contains(stop.Hint, hint) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want a stop that says %s", err, hint)
			}
		}
		_, err := c.session.Open(t.Context(), "public.bare", capture.Delivered{}, false)
		hinted(err, `GRANT SELECT ON "public"."bare" TO`)
		c.read(t, capture.Part{Table: "public.open"}, capture.Limits{})
		// Rows that a policy hides are not left out without a word.
		chunk := c.open(t, "public.rows")
		_, err = readUnits(t, c.session, &chunk, capture.Part{Table: "public.rows"}, capture.Limits{})
		hinted(err, "BYPASSRLS")
		c.finish(t)
		if extents, err := c.Tables(t.Context()); err != nil || len(extents) != 3 {
			t.Errorf("a plain role lists %d tables, %v, want 3", len(extents), err)
		}
		mark, err := c.Mark(t.Context())
		if err == nil {
			_, err = c.Settled(t.Context(), mark)
		}
		if lag, lagErr := c.Lag(t.Context()); err != nil || lagErr != nil || lag != 0 {
			t.Errorf("a plain role: mark %v, lag %s, %v", err, lag, lagErr)
		}
	})
}

func TestValuesOfRowsAreInNoError(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		c := startCopy(t, version, "CREATE TABLE t (id text PRIMARY KEY, v text); INSERT INTO t VALUES ('a', 'hidden')", "t")
		chunk := c.open(t, "public.t")
		_, err := readUnits(t, c.session, &chunk, capture.Part{Table: "public.t", Where: "v::int > 5"}, capture.Limits{})
		if err == nil || failure.Retryable(err) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("a condition that fails on a row: got %v, want a stop without the value", err)
		}
		c.finish(t)
		if _, err := c.session.Split(t.Context(), capture.Part{Table: "public.t", Where: "v::int > 5"}, 0); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("split by a condition that fails on a row: got %v, want an error without the value", err)
		}
		c.db.Exec(t, "DELETE FROM t; ALTER TABLE t ALTER id TYPE int USING 1")
		chunk = c.open(t, "public.t")
		_, err = readUnits(t, c.session, &chunk, capture.Part{Table: "public.t", After: capture.Key{"hidden"}}, capture.Limits{})
		if !errors.Is(err, capture.ErrParts) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("a key of another type by now: got %v, want ErrParts without the value", err)
		}
		c.finish(t)
	})
}

func TestAReadEndsWithItsContext(t *testing.T) {
	c := startCopy(t, 18, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100000)", "t")
	ctx, cancel := context.WithCancel(t.Context())
	chunk := c.open(t, "public.t")
	units := 0
	err := c.session.Read(ctx, &chunk, capture.Part{Table: "public.t", Where: "id < 50000 OR pg_sleep(60) IS NULL"}, capture.Limits{}, func() (*event.Unit, error) {
		if units++; units == 3 {
			cancel()
		}
		return new(event.Unit), nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was canceled", err)
	}
	_, rows := c.read(t, capture.Part{Table: "public.t"}, capture.Limits{Rows: 2})
	equalRows(t, rows, []string{"1", "2"})
}

func TestAStreamIsNoReplica(t *testing.T) {
	d := source{servers.Postgres(t, 18), nil}
	d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
	r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
	d.Exec(t, "INSERT INTO t SELECT generate_series(1, 1000)")
	r.ToEnd()
	c := connectCopy(t, d.Database, nil)
	if lag, err := c.Lag(t.Context()); err != nil || lag != 0 {
		t.Errorf("got a lag of %s, %v, want none", lag, err)
	}
}

func TestTextThatMayBeNoUTF8IsNoKey(t *testing.T) {
	s := servers.NewPostgres(t, 18, nil)
	s.Database(t).Exec(t, "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
	d := &servers.Database{Server: s.Address, Host: s.Host, Port: s.Port, User: "postgres", Name: "ascii"}
	d.Exec(t, `CREATE TABLE text_key (id text PRIMARY KEY); CREATE TABLE int_key (id int PRIMARY KEY, v text); CREATE TABLE both_keys (a uuid, b varchar(9), PRIMARY KEY (a, b)); CREATE TABLE bytes_key (id bytea PRIMARY KEY)`)
	d.Exec(t, `INSERT INTO text_key VALUES ('é'), ('a')`)
	d.Exec(t, fmt.Sprintf(publish, "text_key, int_key, both_keys, bytes_key"))
	c := connectCopy(t, d, nil)
	extents, err := c.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var whole []string
	for _, e := range extents {
		if e.Whole {
			whole = append(whole, e.Table)
		}
	}
	capturetest.Equal(t, whole, []string{"public.both_keys", "public.text_key"})
	p := capture.Part{Table: "public.text_key", Whole: true}
	_, rows := c.read(t, p, capture.Limits{})
	equalSets(t, rows, []string{"é", "a"})
	// The stream ends there too: the server refuses to send it as UTF-8.
	d.Exec(t, `INSERT INTO text_key VALUES (E'\xe9')`)
	chunk := c.open(t, p.Table)
	_, err = readUnits(t, c.session, &chunk, p, capture.Limits{})
	if err == nil || failure.Retryable(err) || errors.Is(err, capture.ErrAgain) || strings.Contains(err.Error(), "e9") {
		t.Errorf("got %v, want a stop without the bytes", err)
	}
}

// A standby does not say which transactions it shows, but below which it shows all
// (C5.2).
func TestAStandbyIsRead(t *testing.T) {
	for _, version := range serverVersions {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) {
			s := servers.NewPostgres(t, version, nil)
			d := s.Database(t)
			d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)")
			d.Exec(t, fmt.Sprintf(publish, "t"))
			s.Stop(t)
			if err := os.WriteFile(filepath.Join(s.DataDir, "standby.signal"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			s.Start(t)
			c := connectCopy(t, d, nil)
			chunk, err := c.session.Open(t.Context(), "public.t", capture.Delivered{}, true)
			if err != nil {
				t.Fatal(err)
			}
			equalRows(t, c.readOpen(t, &chunk, capture.Part{Table: "public.t"}, capture.Limits{}), []string{"1", "2", "3"})
			c.finish(t)
			if xmin, rest, _ := strings.Cut(chunk.View, ":"); rest != xmin+":" {
				t.Errorf("the view is %s, want one that shows what is below its xmin", chunk.View)
			}
			mark, err := c.Mark(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			who, err := c.Settled(t.Context(), mark)
			lag, lagErr := c.Lag(t.Context())
			if err != nil || who != "" || lagErr != nil || lag != 0 {
				t.Errorf("got %q, %v, and a lag of %s, %v; want nobody and none", who, err, lag, lagErr)
			}
			if extents, err := c.Tables(t.Context()); err != nil || len(extents) != 1 {
				t.Errorf("got %v, %v, want the table", extents, err)
			}
		})
	}
}
