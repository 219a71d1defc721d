package shop

import (
	"context"
	"fmt"
)

// A Database is one that the shop can be in: it knows the SQL. Postgres and
// MySQL make one. It is used by one goroutine.
type Database struct {
	// exec runs a statement with the arguments $1, $2, ….
	exec func(ctx context.Context, sql string, args ...any) error
	dialect
}

// A dialect is how one database says what the shop does. The comments name the
// arguments.
type dialect struct {
	schema  []string
	welcome string   // id, name, email or nil, profile
	order   string   // id, customer, note or nil
	item    string   // order, line, sku, quantity, price, weight, options
	total   string   // order: its total becomes that of its items
	pay     string   // order
	balance string   // order: its customer's balance rises by its total
	ship    string   // order, days
	changes []string // customer
	change  string   // order, line

	renumber     []string // customer, new id: with their orders
	renumberItem string   // order, new line
	remove       []string // order: with its items
	visit        string   // page, price, number of visits
	forget       string
}

// Create makes the shop's tables, empty, where the connection is.
func (d *Database) Create(ctx context.Context) error {
	for _, sql := range d.schema {
		if err := d.exec(ctx, sql); err != nil {
			return fmt.Errorf("make the shop's tables: %w", err)
		}
	}
	return nil
}

// all runs statements that take the same arguments.
func (d *Database) all(ctx context.Context, statements []string, args ...any) error {
	for _, sql := range statements {
		if err := d.exec(ctx, sql, args...); err != nil {
			return err
		}
	}
	return nil
}
