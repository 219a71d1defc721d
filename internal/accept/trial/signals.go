package trial

import (
	"context"
	"os"
	"syscall"
	"time"
)

// bytesPerChange is about how long the events are that one change becomes.
const bytesPerChange = 1200

// signals starts the daemon and signals it, again and again. Each life gets its
// share of the workload, so that rows flow in all of them.
func (t *trial) signals(ctx context.Context) error {
	share := t.cfg.Changes / (t.cfg.Signals + 1)
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
		if err := t.moment(ctx, p, int64(share)*bytesPerChange); err != nil {
			_ = t.daemon.kill(p) // the other error came first
			return err
		}
		if t.cfg.Crash != nil && i%10 == 2 {
			if err := t.crash(ctx, p); err != nil {
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

// signal ends a life.
func (t *trial) signal(ctx context.Context, p *process) (early bool, err error) {
	if t.cfg.Signal == syscall.SIGKILL {
		return false, t.daemon.kill(p)
	}
	return t.daemon.terminate(ctx, p)
}

// moment waits for a random moment of one of four kinds: while the daemon
// starts, while it publishes, just after it has saved its place, or any time.
// It ends early when the process does.
func (t *trial) moment(ctx context.Context, p *process, share int64) error {
	const longest = 1500 * time.Millisecond
	after := time.Duration(t.r.IntN(1000)) * time.Microsecond
	var come func() bool
	switch t.r.IntN(5) {
	case 0:
		after *= 100
	case 1:
		after *= 1000
	case 2:
		saved := t.saved()
		come = func() bool { return t.saved() != saved }
		after *= 3
	default:
		begin, err := t.daemon.published()
		if err != nil {
			return err
		}
		enough := begin + t.r.Int64N(share)
		come = func() bool {
			now, err := t.daemon.published()
			return err == nil && now > enough
		}
	}
	if come != nil {
		if err := until(ctx, p, longest, come); err != nil {
			return err
		}
	}
	return wait(ctx, after)
}

// saved returns when the checkpoint was last replaced.
func (t *trial) saved() time.Time {
	info, err := os.Stat(t.daemon.checkpoint())
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
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
