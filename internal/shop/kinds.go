package shop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A kind is one sort of transaction.
type kind struct {
	name   string // says in errors what was tried
	weight int
	do     func(*Shop, context.Context, pgx.Tx) error
}

// kinds are in an order in which each finds what it needs.
var kinds = []kind{
	{"welcome a customer", 6, (*Shop).welcome},
	{"welcome a customer", 0, (*Shop).welcome},
	{"take an order", 10, (*Shop).takeOrder},
	{"count visits", 5, (*Shop).visit},
	{"take an order", 0, (*Shop).takeOrder},
	{"pay an order", 8, (*Shop).pay},
	{"ship an order", 6, (*Shop).ship},
	{"change a customer", 5, (*Shop).changeCustomer},
	{"change an item", 5, (*Shop).changeItem},
	{"abandon an order", 2, (*Shop).abandon},
	{"renumber a customer", 2, (*Shop).renumber},
	{"renumber an item", 2, (*Shop).renumberItem},
	{"remove an order", 3, (*Shop).removeOrder},
	{"forget the visits", 1, (*Shop).forgetVisits},
	{"count visits", 0, (*Shop).visit},
}

var (
	people = []string{
		"Ada Lovelace", "Grace Hopper", "Łukasz Nowak", "Zoë Müller", "José Núñez", "山田 花子",
		"Иван Петров", "Siobhán O'Neill", `Robert "Bobby" Tables`, "नेहा शर्मा", "Ngozi 🌻",
	}
	goods    = []string{"mug-01", "mug-02", "tea-earl-grey", "tea-assam", "kettle-1L", "spoon", "sieve", "honey-250g"}
	wrapping = []string{"gift", "paper, blue", `"fragile"`, "🎁"}
	pages    = []string{"/", "/tea", "/mugs?colour=blue&size=L", "/basket", "/search?q=früh\tstück"}
)

func (s *Shop) welcome(ctx context.Context, tx pgx.Tx) error {
	id, name := s.nextCustomer, pick(s, people)
	s.nextCustomer++
	s.customers = append(s.customers, id)
	email := any(fmt.Sprintf("customer%d@example.com", id))
	if s.rand.IntN(4) == 0 {
		email = nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO customers (id, name, email, profile) VALUES ($1, $2, $3, $4)`,
		id, name, email, fmt.Sprintf(`{"likes": %q, "score": %d.50, "tags": [null, true, "☕"]}`, pick(s, goods), s.rand.IntN(100)))
	return err
}

func (s *Shop) takeOrder(ctx context.Context, tx pgx.Tx) error {
	o := order{s.nextOrder, 1 + s.rand.IntN(4)}
	s.nextOrder++
	s.orders = append(s.orders, o)
	var note any
	if s.rand.IntN(2) == 0 {
		note = strings.Repeat("Please ring twice 🔔 and leave it with the neighbour.\n", 60)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO orders (id, customer_id, total, note) VALUES ($1, $2, 0, $3)`, o.id, s.customer(), note); err != nil {
		return err
	}
	for line := range o.lines {
		var options []string
		for range s.rand.IntN(3) {
			options = append(options, pick(s, wrapping))
		}
		_, err := tx.Exec(ctx, `INSERT INTO items VALUES ($1, $2, $3, $4, $5::float8::numeric(10,2), $6, $7)`,
			o.id, line+1, pick(s, goods), 1+s.rand.IntN(5), s.price(), s.rand.Float64()*3, options)
		if err != nil {
			return err
		}
	}
	return s.total(ctx, tx, o.id)
}

// total makes an order's total that of its items.
func (s *Shop) total(ctx context.Context, tx pgx.Tx, id int64) error {
	_, err := tx.Exec(ctx, `UPDATE orders SET total = (SELECT coalesce(sum(quantity * price), 0) FROM items WHERE order_id = $1) WHERE id = $1`, id)
	return err
}

func (s *Shop) pay(ctx context.Context, tx pgx.Tx) error {
	id := s.order().id
	if _, err := tx.Exec(ctx, `UPDATE orders SET status = 'paid' WHERE id = $1`, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE customers c SET balance = balance + o.total FROM orders o WHERE o.id = $1 AND c.id = o.customer_id`, id)
	return err
}

func (s *Shop) ship(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE orders SET status = 'shipped', deliver_on = current_date + $2::int WHERE id = $1`, s.order().id, 1+s.rand.IntN(9))
	return err
}

func (s *Shop) changeCustomer(ctx context.Context, tx pgx.Tx) error {
	change := pick(s, []string{
		`vip = NOT vip`,
		`email = NULL`,
		`profile = profile || jsonb_build_object('seen', jsonb_build_array(balance, NULL, 'é"\'))`,
		`joined = joined - interval '1 day 00:00:00.000001'`,
	})
	_, err := tx.Exec(ctx, `UPDATE customers SET `+change+` WHERE id = $1`, s.customer())
	return err
}

func (s *Shop) changeItem(ctx context.Context, tx pgx.Tx) error {
	o := s.order()
	_, err := tx.Exec(ctx, `UPDATE items SET quantity = quantity + 1, weight = weight / 3 WHERE order_id = $1 AND line = $2`, o.id, 1+s.rand.IntN(o.lines))
	if err != nil {
		return err
	}
	return s.total(ctx, tx, o.id)
}

// abandon writes rows that nobody may ever see: those of a savepoint, and half
// of the time all of them.
func (s *Shop) abandon(ctx context.Context, tx pgx.Tx) error {
	err := pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
		if _, err := inner.Exec(ctx, `INSERT INTO visits (page) VALUES ('/never')`); err != nil {
			return err
		}
		return errRollBack
	})
	if !errors.Is(err, errRollBack) {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO visits (page) VALUES ('/nevertheless')`); err != nil {
		return err
	}
	if s.rand.IntN(2) == 0 {
		return errRollBack
	}
	return nil
}

// renumber changes a customer's key, and with it that of their orders' rows.
func (s *Shop) renumber(ctx context.Context, tx pgx.Tx) error {
	i := s.rand.IntN(len(s.customers))
	was := s.customers[i]
	s.customers[i] = s.nextCustomer
	s.nextCustomer++
	_, err := tx.Exec(ctx, `UPDATE customers SET id = $2 WHERE id = $1`, was, s.customers[i])
	return err
}

// renumberItem moves one part of a key of two.
func (s *Shop) renumberItem(ctx context.Context, tx pgx.Tx) error {
	o := s.order()
	o.lines++
	_, err := tx.Exec(ctx, `UPDATE items SET line = $2 WHERE order_id = $1 AND line = 1 + ($2::int - 2) / 2`, o.id, o.lines)
	return err
}

// removeOrder deletes an order, and its items by their foreign key.
func (s *Shop) removeOrder(ctx context.Context, tx pgx.Tx) error {
	if len(s.orders) < 2 {
		return s.takeOrder(ctx, tx)
	}
	i := s.rand.IntN(len(s.orders))
	id := s.orders[i].id
	s.orders = slices.Delete(s.orders, i, i+1)
	_, err := tx.Exec(ctx, `DELETE FROM orders WHERE id = $1`, id)
	return err
}

func (s *Shop) visit(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `INSERT INTO visits (page, agent, spent)
		SELECT $1, decode('00ff1b5c22', 'hex'), make_interval(mins => n, secs => $2) FROM generate_series(1, $3::int) n`,
		pick(s, pages), s.price(), 1+s.rand.IntN(3))
	return err
}

func (s *Shop) forgetVisits(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `TRUNCATE visits`)
	return err
}
