package shop

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A Shop is the state of the business: what its next change may refer to.
type Shop struct {
	db   *Database
	rand *rand.Rand

	nextCustomer int
	nextOrder    int64
	customers    []int
	orders       []order
}

type order struct {
	id    int64
	lines int
}

// New returns a Shop on tables that Create has made. Equal seeds give equal
// changes, apart from the clock.
func New(db *Database, seed uint64) *Shop {
	return &Shop{
		db: db, rand: rand.New(rand.NewPCG(seed, seed)),
		nextCustomer: 1, nextOrder: 1001,
	}
}

// What the shop has when it opens.
const (
	oldCustomers = 12
	oldOrders    = 24
	oldVisits    = 9 // of one to three pages
)

// Fill puts rows into the tables, as those of a shop that has been open for a while.
// It comes before Run, and may be left out.
func (s *Shop) Fill(ctx context.Context) error {
	err := s.transact(ctx, func(s *Shop, ctx context.Context) error {
		for _, old := range []struct {
			n  int
			do func(*Shop, context.Context) error
		}{{oldCustomers, (*Shop).welcome}, {oldOrders, (*Shop).takeOrder}, {oldVisits, (*Shop).visit}} {
			for range old.n {
				if err := old.do(s, ctx); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("fill the shop's tables: %w", err)
	}
	return nil
}

// errRollBack ends a transaction that must leave nothing.
var errRollBack = errors.New("the customer has changed their mind")

// Run commits a transaction rate times a second until ctx ends, which is no
// error and never cuts a transaction off. First comes one of each kind.
func (s *Shop) Run(ctx context.Context, rate float64) error {
	tick := time.NewTicker(max(time.Millisecond, time.Duration(float64(time.Second)/rate)))
	defer tick.Stop()
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return nil
		}
		if err := s.trade(context.WithoutCancel(ctx), n); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// trade commits one transaction, or rolls it back.
func (s *Shop) trade(ctx context.Context, n int) error {
	k := s.choose(n)
	if err := s.transact(ctx, k.do); err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	return nil
}

func (s *Shop) transact(ctx context.Context, do func(*Shop, context.Context) error) error {
	if err := s.db.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	err := do(s, ctx)
	if err == nil {
		return s.db.exec(ctx, "COMMIT")
	}
	if back := s.db.exec(ctx, "ROLLBACK"); back != nil || !errors.Is(err, errRollBack) {
		return errors.Join(err, back)
	}
	return nil
}

// choose returns the kind of the nth transaction: each one once in their order,
// then by weight.
func (s *Shop) choose(n int) kind {
	if n < len(kinds) {
		return kinds[n]
	}
	sum := 0
	for _, k := range kinds {
		sum += k.weight
	}
	at := s.rand.IntN(sum)
	for _, k := range kinds {
		if at -= k.weight; at < 0 {
			return k
		}
	}
	panic("shop: the weights do not add up")
}

func (s *Shop) customer() int  { return s.customers[s.rand.IntN(len(s.customers))] }
func (s *Shop) order() *order  { return &s.orders[s.rand.IntN(len(s.orders))] }
func (s *Shop) price() float64 { return float64(s.rand.IntN(20_000)+99) / 100 }

func pick[T any](s *Shop, from []T) T { return from[s.rand.IntN(len(from))] }
