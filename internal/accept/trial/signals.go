package trial

import (
	"context"
	"syscall"
	"time"
)

// bytesPerChange is about how long the events are that one change becomes in a
// file.
const bytesPerChange = 1200

// signals starts the daemon and signals it, again and again. Each life gets its
// share of the workload, so that rows flow in all of them.
func (t *trial) signals(ctx context.Context) error {
	share := t.cfg.Changes / (t.cfg.Signals + 1)
	length := int64(share)
	if t.cfg.Kafka == nil {
		length *= bytesPerChange
	}
	for i := 0; i < t.cfg.Signals; {
		if t.cfg.Progress != nil {
			t.cfg.Progress(i, t.gate.committed())
		}
		t.gate.open(share * (i + 1))
		// Half of the lives begin behind the workload and catch up at full
		// speed.
		if t.r.IntN(2) == 0 {
			if err := wait(ctx, time.Duration(t.r.IntN(600))*time.Millisecond); err != nil {
				return err
			}
		}
		p, err := t.daemon.start(t.r.IntN(2) == 0)
		if err != nil {
			return err
		}
		err = t.daemon.sink.up()
		if err == nil {
			err = t.moment(ctx, p, length)
		}
		if err != nil {
			_ = t.daemon.kill(p) // the other error came first
			return err
		}
		if t.cfg.Crash != nil && i%10 == 2 {
			if err := t.crash(ctx, p); err != nil {
				_ = t.daemon.kill(p) // the other error came first
				return err
			}
		}
		if t.due(i) {
			if err := t.fall(ctx); err != nil {
				_ = t.daemon.kill(p) // the other error came first
				return err
			}
		}
		early, err := t.signal(ctx, p)
		if err != nil {
			return err
		}
		if early {
			t.result.Early++
			continue
		}
		i++
		inside, err := t.daemon.inside()
		if err != nil {
			return err
		}
		if inside {
			t.result.Inside++
		}
	}
	if t.cfg.Progress != nil {
		t.cfg.Progress(t.cfg.Signals, t.gate.committed())
	}
	return nil
}

// crash lets the server crash under the daemon, which goes on a while after.
func (t *trial) crash(ctx context.Context, p *process) error {
	if err := until(ctx, p, patience, t.gate.closed); err != nil {
		return err
	}
	t.result.Crashes++
	if err := t.cfg.Crash(ctx); err != nil {
		return err
	}
	return wait(ctx, time.Duration(t.r.IntN(1000))*time.Millisecond)
}

// due reports whether the broker goes down, or shards change, in the life before
// signal i.
func (t *trial) due(i int) bool {
	done, n := 0, 0
	switch {
	case t.cfg.Kafka != nil:
		done, n = t.result.Restarts, t.cfg.Kafka.Restarts
	case t.cfg.Kinesis != nil:
		done, n = t.result.Reshards, t.cfg.Kinesis.Reshards
	}
	return done < (i+1)*n/t.cfg.Signals
}

// fall lets the broker fall under the daemon. Half of the daemons see it rise and
// go on; the others are signalled before, and the next one is started before. Of a
// stream it changes the shards, which the daemon finds out.
func (t *trial) fall(ctx context.Context) error {
	if s := t.daemon.sink.stream; s != nil {
		t.result.Reshards++
		if err := s.reshard(ctx, t.r); err != nil {
			return err
		}
		return wait(ctx, time.Duration(t.r.IntN(1500))*time.Millisecond)
	}
	b := t.daemon.sink.broker
	if err := b.fall(ctx, t.r); err != nil {
		return err
	}
	t.result.Restarts++
	if t.r.IntN(2) == 0 {
		if err := b.up(); err != nil {
			return err
		}
	}
	return wait(ctx, time.Duration(t.r.IntN(500))*time.Millisecond)
}

// signal ends a life.
func (t *trial) signal(ctx context.Context, p *process) (early bool, err error) {
	if t.cfg.Signal == syscall.SIGKILL {
		return false, t.daemon.kill(p)
	}
	return t.daemon.terminate(ctx, p)
}

// moment waits for a random moment: while the daemon starts, while it publishes,
// just after it has saved its place, or any time. It ends early when the process
// does.
func (t *trial) moment(ctx context.Context, p *process, share int64) error {
	longest := 1500 * time.Millisecond
	kinds := 5
	if t.cfg.Kafka != nil || t.cfg.Kinesis != nil {
		longest *= 3
	}
	if t.cfg.Kafka != nil && t.cfg.Kafka.ExactlyOnce {
		kinds = 8 // what is killed before it commits has done nothing
	}
	after := time.Duration(t.r.IntN(1000)) * time.Microsecond
	watched, enough := t.daemon.published, int64(0)
	switch t.r.IntN(kinds) {
	case 0:
		return wait(ctx, after*100)
	case 1:
		return wait(ctx, after*1000)
	case 2:
		watched = t.daemon.saved
		after *= 3
	case 3, 4:
		enough = t.r.Int64N(share)
	default:
		watched = t.daemon.saved
		after *= 500
	}
	begin, err := watched(ctx)
	if err != nil {
		return err
	}
	err = until(ctx, p, longest, func() bool {
		now, err := watched(ctx)
		return err == nil && now > begin+enough
	})
	if err != nil {
		return err
	}
	return wait(ctx, after)
}

// until polls until come returns true, the process ends, or the time is up.
func until(ctx context.Context, p *process, limit time.Duration, come func() bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) && len(p.ended) == 0 && !come() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
