package shop

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/go-mysql-org/go-mysql/client"
)

// MySQL returns the database of a connection to MySQL or MariaDB, which is the
// shop's own until the shop has closed. The connection has a default database.
func MySQL(conn *client.Conn) *Database {
	return &Database{
		exec: func(_ context.Context, sql string, args ...any) error {
			sql, args, err := numbered(sql, args)
			if err != nil {
				return err
			}
			result, err := conn.Execute(sql, args...)
			if err != nil {
				return err
			}
			result.Close()
			return nil
		},
		dialect: mysql,
	}
}

var number = regexp.MustCompile(`\$[1-9]`)

// numbered makes $1, $2, … what MySQL knows: a ? for each, with its argument. A
// list becomes JSON.
func numbered(sql string, args []any) (string, []any, error) {
	var used []any
	var err error
	sql = number.ReplaceAllStringFunc(sql, func(n string) string {
		arg := args[n[1]-'1']
		if list, ok := arg.([]string); ok {
			var text []byte
			if text, err = json.Marshal(list); err == nil {
				arg = string(text)
			}
		}
		used = append(used, arg)
		return "?"
	})
	if err != nil {
		return "", nil, fmt.Errorf("make a list JSON: %w", err)
	}
	return sql, used, nil
}

// There are no foreign keys: what they change by themselves is not in the log
// (C4.5).
var mysql = dialect{
	schema: []string{
		`CREATE TABLE customers (
			id      int unsigned PRIMARY KEY,
			name    varchar(80) NOT NULL,
			email   varchar(80),
			vip     boolean NOT NULL DEFAULT false,
			balance decimal(12,2) NOT NULL DEFAULT 0,
			profile json NOT NULL,
			joined  timestamp(6) NOT NULL DEFAULT current_timestamp(6)
		)`,
		`CREATE TABLE orders (
			id          bigint unsigned PRIMARY KEY,
			customer_id int unsigned NOT NULL,
			status      enum('cart', 'paid', 'shipped', 'returned') NOT NULL DEFAULT 'cart',
			total       decimal(12,2) NOT NULL,
			placed      datetime(6) NOT NULL DEFAULT current_timestamp(6),
			deliver_on  date,
			note        mediumtext
		)`,
		`CREATE TABLE items (
			order_id bigint unsigned,
			line     smallint,
			sku      varchar(40) NOT NULL,
			quantity int NOT NULL,
			price    decimal(10,2) NOT NULL,
			weight   double,
			options  json,
			PRIMARY KEY (order_id, line)
		)`,
		`CREATE TABLE visits (
			id    binary(16) PRIMARY KEY,
			page  varchar(200) NOT NULL,
			agent varbinary(20),
			spent time(3),
			at    datetime(3) NOT NULL DEFAULT current_timestamp(3)
		)`,
	},
	welcome: `INSERT INTO customers (id, name, email, profile) VALUES ($1, $2, $3, $4)`,
	order:   `INSERT INTO orders (id, customer_id, total, note) VALUES ($1, $2, 0, $3)`,
	item:    `INSERT INTO items VALUES ($1, $2, $3, $4, round($5, 2), $6, $7)`,
	total:   `UPDATE orders SET total = (SELECT coalesce(sum(quantity * price), 0) FROM items WHERE order_id = $1) WHERE id = $1`,
	pay:     `UPDATE orders SET status = 'paid' WHERE id = $1`,
	balance: `UPDATE customers c JOIN orders o ON c.id = o.customer_id SET c.balance = c.balance + o.total WHERE o.id = $1`,
	ship:    `UPDATE orders SET status = 'shipped', deliver_on = current_date + INTERVAL $2 DAY WHERE id = $1`,
	changes: []string{
		`UPDATE customers SET vip = NOT vip WHERE id = $1`,
		`UPDATE customers SET email = NULL WHERE id = $1`,
		`UPDATE customers SET profile = json_set(profile, '$.seen', json_array(balance, NULL, 'é"\\')) WHERE id = $1`,
		`UPDATE customers SET joined = joined - INTERVAL 1 DAY - INTERVAL 1 MICROSECOND WHERE id = $1`,
	},
	change: `UPDATE items SET quantity = quantity + 1, weight = weight / 3 WHERE order_id = $1 AND line = $2`,
	renumber: []string{
		`UPDATE customers SET id = $2 WHERE id = $1`,
		`UPDATE orders SET customer_id = $2 WHERE customer_id = $1`,
	},
	renumberItem: `UPDATE items SET line = $2 WHERE order_id = $1 AND line = 1 + ($2 - 2) DIV 2`,
	remove: []string{
		`DELETE FROM items WHERE order_id = $1`,
		`DELETE FROM orders WHERE id = $1`,
	},
	visit: `INSERT INTO visits (id, page, agent, spent)
		SELECT random_bytes(16), $1, x'00ff1b5c22', sec_to_time($2 - 60 * n.n)
		FROM (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3) AS n WHERE n.n <= $3`,
	forget: `TRUNCATE visits`,
}
