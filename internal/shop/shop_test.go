package shop_test

import (
	"context"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/shop"
)

func TestAShopInPostgresMakesEveryKindOfChange(t *testing.T) {
	db := servers.Postgres(t, 18)
	conn := db.Conn(t)
	place := shop.Postgres(conn)
	if err := place.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.Exec(t, "CREATE PUBLICATION p FOR TABLE customers, orders, items, visits")
	db.Exec(t, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", db.Name)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- shop.New(place, 1).Run(ctx, 2000) }()
	// The letters of pgoutput ("Logical Replication Message Formats").
	const kinds = `SELECT string_agg(DISTINCT chr(get_byte(data, 0)), '' ORDER BY chr(get_byte(data, 0)))
		FROM pg_logical_slot_peek_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', 'p')
		WHERE chr(get_byte(data, 0)) IN ('I', 'U', 'D', 'T')`
	eventually.True(t, 0, "the log holds deletes, inserts, truncates and updates", func() bool {
		for db.One(t, "SELECT count(*) > 100 FROM orders") != "t" {
			select {
			case err := <-ended:
				t.Fatalf("the shop has closed: %v", err)
			default:
			}
		}
		return db.One(t, kinds, db.Name) == "DITU"
	})
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := db.One(t, "SELECT count(*) FROM visits WHERE page = '/never'"); got != "0" {
		t.Errorf("rows that were rolled back: got %s, want none", got)
	}
	if got := db.One(t, "SELECT state FROM pg_stat_activity WHERE pid = $1", conn.PgConn().PID()); got != "idle" {
		t.Errorf("the session after the end: got %s, want idle", got)
	}
}
