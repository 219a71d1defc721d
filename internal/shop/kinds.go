package shop

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A kind is one sort of transaction.
type kind struct {
	name   string // says in errors what was tried
	weight int
	do     func(*Shop, context.Context) error
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

func (s *Shop) welcome(ctx context.Context) error {
	id, name := s.nextCustomer, pick(s, people)
	s.nextCustomer++
	s.customers = append(s.customers, id)
	email := any(fmt.Sprintf("customer%d@example.com", id))
	if s.rand.IntN(4) == 0 {
		email = nil
	}
	profile := fmt.Sprintf(`{"likes": %q, "score": %d.50, "tags": [null, true, "☕"]}`, pick(s, goods), s.rand.IntN(100))
	return s.db.exec(ctx, s.db.welcome, id, name, email, profile)
}

func (s *Shop) takeOrder(ctx context.Context) error {
	o := order{s.nextOrder, 1 + s.rand.IntN(4)}
	s.nextOrder++
	s.orders = append(s.orders, o)
	var note any
	if s.rand.IntN(2) == 0 {
		note = strings.Repeat("Please ring twice 🔔 and leave it with the neighbour.\n", 60)
	}
	if err := s.db.exec(ctx, s.db.order, o.id, s.customer(), note); err != nil {
		return err
	}
	for line := range o.lines {
		var options []string
		for range s.rand.IntN(3) {
			options = append(options, pick(s, wrapping))
		}
		err := s.db.exec(ctx, s.db.item, o.id, line+1, pick(s, goods), 1+s.rand.IntN(5), s.price(), s.rand.Float64()*3, options)
		if err != nil {
			return err
		}
	}
	return s.db.exec(ctx, s.db.total, o.id)
}

func (s *Shop) pay(ctx context.Context) error {
	return s.db.all(ctx, []string{s.db.pay, s.db.balance}, s.order().id)
}

func (s *Shop) ship(ctx context.Context) error {
	return s.db.exec(ctx, s.db.ship, s.order().id, 1+s.rand.IntN(9))
}

func (s *Shop) changeCustomer(ctx context.Context) error {
	return s.db.exec(ctx, pick(s, s.db.changes), s.customer())
}

func (s *Shop) changeItem(ctx context.Context) error {
	o := s.order()
	if err := s.db.exec(ctx, s.db.change, o.id, 1+s.rand.IntN(o.lines)); err != nil {
		return err
	}
	return s.db.exec(ctx, s.db.total, o.id)
}

// abandon writes rows that nobody may ever see: those of a savepoint, and half
// of the time all of them.
func (s *Shop) abandon(ctx context.Context) error {
	if err := s.db.exec(ctx, "SAVEPOINT doubt"); err != nil {
		return err
	}
	if err := s.db.exec(ctx, s.db.visit, "/never", s.price(), 1); err != nil {
		return err
	}
	if err := s.db.exec(ctx, "ROLLBACK TO SAVEPOINT doubt"); err != nil {
		return err
	}
	if err := s.db.exec(ctx, s.db.visit, "/nevertheless", s.price(), 1); err != nil {
		return err
	}
	if s.rand.IntN(2) == 0 {
		return errRollBack
	}
	return nil
}

// renumber changes a customer's key, and with it that of their orders' rows.
func (s *Shop) renumber(ctx context.Context) error {
	i := s.rand.IntN(len(s.customers))
	was := s.customers[i]
	s.customers[i] = s.nextCustomer
	s.nextCustomer++
	return s.db.all(ctx, s.db.renumber, was, s.customers[i])
}

// renumberItem moves one part of a key of two.
func (s *Shop) renumberItem(ctx context.Context) error {
	o := s.order()
	o.lines++
	return s.db.exec(ctx, s.db.renumberItem, o.id, o.lines)
}

// removeOrder deletes an order and its items.
func (s *Shop) removeOrder(ctx context.Context) error {
	if len(s.orders) < 2 {
		return s.takeOrder(ctx)
	}
	i := s.rand.IntN(len(s.orders))
	id := s.orders[i].id
	s.orders = slices.Delete(s.orders, i, i+1)
	return s.db.all(ctx, s.db.remove, id)
}

func (s *Shop) visit(ctx context.Context) error {
	return s.db.exec(ctx, s.db.visit, pick(s, pages), s.price(), 1+s.rand.IntN(3))
}

func (s *Shop) forgetVisits(ctx context.Context) error {
	return s.db.exec(ctx, s.db.forget)
}
