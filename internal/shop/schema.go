package shop

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// schema makes the tables. The old rows of customers are in the log as a whole,
// those of the others by their key. Notes of orders are stored out of line, so
// that an update of another column does not carry them.
const schema = `
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
`

// Create makes the shop's tables, empty, in the schema public.
func Create(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, schema); err != nil {
		return fmt.Errorf("make the shop's tables: %w", err)
	}
	return nil
}
