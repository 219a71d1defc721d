package shop_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/shop"
)

func TestAShopInMySQLMakesEveryKindOfChange(t *testing.T) {
	for _, product := range servers.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			db := servers.NewMySQL(t, product, nil).Database(t)
			conn := db.Conn(t)
			place := shop.MySQL(conn)
			if err := place.Create(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan error, 1)
			go func() { ended <- shop.New(place, 1).Run(ctx, 2000) }()
			eventually.True(t, 0, "the log holds deletes, inserts, truncates and updates", func() bool {
				for db.One(t, "SELECT count(*) > 100 FROM orders") != "1" {
					select {
					case err := <-ended:
						t.Fatalf("the shop has closed: %v", err)
					default:
					}
				}
				missing := []string{"Delete_rows", "Write_rows", "Update_rows", "TRUNCATE visits"}
				for _, e := range db.Rows(t, "SHOW BINLOG EVENTS") {
					if len(missing) > 0 && strings.Contains(e[2]+" "+e[5], missing[0]) {
						missing = missing[1:]
					}
				}
				return len(missing) == 0
			})
			stop()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if got := db.One(t, "SELECT count(*) FROM visits WHERE page = '/never'"); got != "0" {
				t.Errorf("rows that were rolled back: got %s, want none", got)
			}
			if conn.IsInTransaction() {
				t.Error("the session after the end is in a transaction")
			}
		})
	}
}
