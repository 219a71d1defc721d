package shop

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Postgres returns the database of a connection, which is the shop's own until
// the shop has closed. Its tables are in the schema public.
func Postgres(conn *pgx.Conn) *Database {
	return &Database{
		exec: func(ctx context.Context, sql string, args ...any) error {
			_, err := conn.Exec(ctx, sql, args...)
			return err
		},
		dialect: postgres,
	}
}

// The old rows of customers are in the log as a whole, those of the others by
// their key. Notes of orders are stored out of line, so that an update of
// another column does not carry them.
var postgres = dialect{
	schema: []string{`
CREATE TYPE order_status AS ENUM ('cart', 'paid', 'shipped', 'returned');

CREATE TABLE customers (
	id      int PRIMARY KEY,
	name    text NOT NULL,
	email   varchar(80),
	vip     boolean NOT NULL DEFAULT false,
	balance numeric(12,2) NOT NULL DEFAULT 0,
	profile jsonb NOT NULL DEFAULT '{}',
	joined  timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE customers REPLICA IDENTITY FULL;

CREATE TABLE orders (
	id          bigint PRIMARY KEY,
	customer_id int NOT NULL REFERENCES customers ON UPDATE CASCADE,
	status      order_status NOT NULL DEFAULT 'cart',
	total       numeric(12,2) NOT NULL,
	placed      timestamptz NOT NULL DEFAULT clock_timestamp(),
	deliver_on  date,
	note        text
);
ALTER TABLE orders ALTER note SET STORAGE EXTERNAL;

CREATE TABLE items (
	order_id bigint REFERENCES orders ON DELETE CASCADE,
	line     int,
	sku      text NOT NULL,
	quantity int NOT NULL,
	price    numeric(10,2) NOT NULL,
	weight   double precision,
	options  text[],
	PRIMARY KEY (order_id, line)
);

CREATE TABLE visits (
	id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	page  text NOT NULL,
	agent bytea,
	spent interval,
	at    timestamp(3) NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'UTC')
);
`},
	welcome: `INSERT INTO customers (id, name, email, profile) VALUES ($1, $2, $3, $4)`,
	order:   `INSERT INTO orders (id, customer_id, total, note) VALUES ($1, $2, 0, $3)`,
	item:    `INSERT INTO items VALUES ($1, $2, $3, $4, $5::float8::numeric(10,2), $6, $7)`,
	total:   `UPDATE orders SET total = (SELECT coalesce(sum(quantity * price), 0) FROM items WHERE order_id = $1) WHERE id = $1`,
	pay:     `UPDATE orders SET status = 'paid' WHERE id = $1`,
	balance: `UPDATE customers c SET balance = balance + o.total FROM orders o WHERE o.id = $1 AND c.id = o.customer_id`,
	ship:    `UPDATE orders SET status = 'shipped', deliver_on = current_date + $2::int WHERE id = $1`,
	changes: []string{
		`UPDATE customers SET vip = NOT vip WHERE id = $1`,
		`UPDATE customers SET email = NULL WHERE id = $1`,
		`UPDATE customers SET profile = profile || jsonb_build_object('seen', jsonb_build_array(balance, NULL, 'é"\')) WHERE id = $1`,
		`UPDATE customers SET joined = joined - interval '1 day 00:00:00.000001' WHERE id = $1`,
	},
	change:       `UPDATE items SET quantity = quantity + 1, weight = weight / 3 WHERE order_id = $1 AND line = $2`,
	renumber:     []string{`UPDATE customers SET id = $2 WHERE id = $1`}, // the orders follow by their foreign key
	renumberItem: `UPDATE items SET line = $2 WHERE order_id = $1 AND line = 1 + ($2::int - 2) / 2`,
	remove:       []string{`DELETE FROM orders WHERE id = $1`}, // the items likewise
	visit: `INSERT INTO visits (page, agent, spent)
		SELECT $1, decode('00ff1b5c22', 'hex'), make_interval(mins => n, secs => $2) FROM generate_series(1, $3::int) n`,
	forget: `TRUNCATE visits`,
}
