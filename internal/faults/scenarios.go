package main

import (
	"context"
	"fmt"
	"time"
)

// frozen stops the broker for a time that is longer than what either server waits
// for a reader.
func frozen(ctx context.Context, st *stage) error {
	broker := st.brokers.members[0]
	if err := broker.Freeze(); err != nil {
		return err
	}
	begin, committed := time.Now(), st.load.committed.Load()
	if err := st.wait(ctx, st.o.frozen); err != nil {
		return err
	}
	st.note("%d changes waited", st.load.committed.Load()-committed)
	over := time.Now()
	if err := broker.Thaw(); err != nil {
		return err
	}
	return st.healed(ctx, begin, over)
}

// comesBack cuts all connections each second, and then kills the broker as often as
// it comes back.
func comesBack(ctx context.Context, st *stage) error {
	begin := time.Now()
	arrived, cuts := st.sink.count(), 0
	for time.Since(begin) < st.o.frozen/2 {
		cuts += st.brokers.proxy.Cut()
		if err := st.wait(ctx, time.Second); err != nil {
			return err
		}
	}
	meanwhile := st.sink.count() - arrived
	st.note("%d connections cut, %d events meanwhile", cuts, meanwhile)
	if meanwhile == 0 {
		return fmt.Errorf("nothing arrived while connections were cut each second for %v", st.o.frozen/2)
	}
	if err := st.recover(ctx); err != nil {
		return err
	}
	kills, arrived := 0, st.sink.count()
	for since := time.Now(); time.Since(since) < st.o.frozen/2; kills++ {
		if err := st.brokers.members[0].Kill(); err != nil {
			return err
		}
		if err := st.brokers.members[0].Start(ctx); err != nil {
			return err
		}
		if err := st.wait(ctx, time.Second); err != nil {
			return err
		}
	}
	st.note("%d kills, %d events meanwhile", kills, st.sink.count()-arrived)
	return st.healed(ctx, begin, begin)
}

// inTurn kills each of three brokers, first the one that leads most, and starts it
// again when the others have gone on.
func inTurn(ctx context.Context, st *stage) error {
	begin := time.Now()
	first, _, err := st.brokers.replicas(ctx)
	if err != nil {
		return err
	}
	for i := range st.brokers.members {
		broker := st.brokers.members[(first-1+i)%len(st.brokers.members)]
		if err := broker.Kill(); err != nil {
			return err
		}
		// Till its session is over, the others do not know.
		if err := st.wait(ctx, 5*time.Second); err != nil {
			return err
		}
		if err := st.recover(ctx); err != nil {
			return fmt.Errorf("with a broker away: %w", err)
		}
		if err := broker.Start(ctx); err != nil {
			return err
		}
		err := until(ctx, recovers, "all replicas are in sync", func() (bool, error) {
			_, lacking, err := st.brokers.replicas(ctx)
			return lacking == 0 && err == nil, st.trouble()
		})
		if err != nil {
			return err
		}
	}
	return st.healed(ctx, begin, begin)
}

// tooFew kills two of three brokers, of which two must have each record, and starts
// them again.
func tooFew(ctx context.Context, st *stage) error {
	begin := time.Now()
	away := st.brokers.members[1:]
	for _, broker := range away {
		if err := broker.Kill(); err != nil {
			return err
		}
	}
	if err := st.wait(ctx, st.o.frozen/2); err != nil {
		return err
	}
	// Since a moment after the kills.
	samples := st.watch.since(begin.Add(10 * time.Second))
	if n := samples[len(samples)-1].events - samples[0].events; n > 0 {
		return fmt.Errorf("%d events arrived with one of three brokers", n)
	}
	over := time.Now()
	for _, broker := range away {
		if err := broker.Start(ctx); err != nil {
			return err
		}
	}
	return st.healed(ctx, begin, over)
}

// late starts a broker again that was away from the beginning, when topics were made
// of which it keeps a part.
func late(ctx context.Context, st *stage) error {
	begin := time.Now()
	if err := st.wait(ctx, st.o.frozen/2); err != nil {
		return err
	}
	over := time.Now()
	if err := st.brokers.members[0].Start(ctx); err != nil {
		return err
	}
	return st.healed(ctx, begin, over)
}

// chaos gives every connection a short life.
func chaos(ctx context.Context, st *stage) error {
	begin, made := time.Now(), st.brokers.proxy.Made()
	st.brokers.proxy.CutAfter(500*time.Millisecond, 1500*time.Millisecond)
	st.brokers.proxy.Cut()
	if err := st.wait(ctx, st.o.frozen/2); err != nil {
		return err
	}
	samples := st.watch.since(begin)
	const still = 10 // seconds
	for i := still; i < len(samples); i++ {
		if samples[i].events == samples[i-still].events {
			return fmt.Errorf("nothing arrived for %d s", still)
		}
	}
	st.note("%d connections, %d events meanwhile", st.brokers.proxy.Made()-made, samples[len(samples)-1].events-samples[0].events)
	st.brokers.proxy.CutAfter(0, 0)
	st.brokers.proxy.Cut()
	return st.healed(ctx, begin, begin)
}
