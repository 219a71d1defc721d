package pipeline

import (
	"context"
	"sync"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// startCopies starts what copies tables beside the stream. It ends with ctx.
func (l *life) startCopies(ctx context.Context, wg *sync.WaitGroup) {
	if l.join == nil {
		return
	}
	wg.Go(func() { l.join.Pump(ctx) })
	wg.Go(func() { l.join.Tend(ctx) })
	for range l.p.Snapshot.Connections() {
		wg.Go(func() { l.join.Work(ctx) })
	}
}

// next fills u with the next run of the log, or with rows that were copied, and
// returns how far the copies are behind it, nil if that is unchanged.
func (l *life) next(ctx context.Context, u *event.Unit) (*checkpoint.Snapshot, error) {
	if l.join == nil {
		return nil, l.stream.Next(ctx, u)
	}
	l.share()
	return l.join.Next(ctx, u)
}

// share gives the copies their part of the memory as long as there are any (C6.3).
func (l *life) share() {
	if copying := l.join.Active(); copying != l.copying {
		l.copying = copying
		limit := l.p.Memory
		if copying {
			limit -= l.p.Snapshot.Memory()
		}
		l.frontier.Limit(limit)
	}
}

// inFlight is how many bytes may be on their way to the sink when rows that were
// copied are added. What the stream brings next goes behind them: with all of the
// memory full, its events would come late by as long as the sink takes for that.
const inFlight = 8 << 20

// spareFlight is that while the stream's next event may come at any time: it then waits
// behind one portion of rows.
const spareFlight = 64 << 10

// roomToCopy reports whether rows that were copied may be added.
func (l *life) roomToCopy(sparing bool) bool {
	if l.commits {
		// What waits for its commit counts too, and half of the memory makes one.
		return l.frontier.Used() < l.p.Memory/8*5
	}
	most := min(inFlight, l.p.Memory/4)
	if sparing {
		most = min(most, spareFlight)
	}
	return l.frontier.Used() < most
}
