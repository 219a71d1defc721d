package trial

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/verify"
)

// takeover is how long an instance may take for the place of a frozen one: a
// lease of ten seconds, and what a busy machine adds.
const takeover = 40 * time.Second

// A seat is one of two places of an instance, with a log of its own.
type seat struct {
	daemon
	*process // nil: nobody has it
}

// duels freezes the leader again and again, lets another instance take its place,
// and thaws it: it must notice that it is not the leader any more, and end. Now
// and then an instance comes while the leader lives, and must leave it in peace.
func (t *trial) duels(ctx context.Context) (err error) {
	var seats [2]seat
	for i := range seats {
		seats[i].daemon = t.daemon
		seats[i].log = filepath.Join(t.daemon.folder, fmt.Sprintf("tailrace-%d.log", i))
	}
	defer func() {
		for _, s := range seats {
			if err != nil && s.process != nil {
				_ = s.cmd.Process.Kill() // the error came first
			}
		}
	}()
	leader, other := &seats[0], &seats[1]
	share := t.cfg.Changes / (t.cfg.Duels + 1)
	if err := leader.take(ctx, t.r.IntN(2) == 0); err != nil {
		return err
	}
	for i := range t.cfg.Duels {
		if t.cfg.Progress != nil {
			t.cfg.Progress(i, t.gate.committed())
		}
		t.gate.open(share * (i + 1))
		if i%5 == 2 {
			if err := t.intrude(ctx, leader, other); err != nil {
				return err
			}
		}
		if err := t.moment(ctx, leader.process, int64(share)); err != nil {
			return err
		}
		if err := leader.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return leader.gone(leader.process, <-leader.ended)
		}
		begin := time.Now()
		if err := other.take(ctx, t.r.IntN(2) == 0); err != nil {
			return err
		}
		t.result.Takeover = max(t.result.Takeover, time.Since(begin))
		if err := leader.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return leader.gone(leader.process, <-leader.ended)
		}
		begin = time.Now()
		if err := leader.yields(ctx); err != nil {
			return err
		}
		t.result.Yielded = max(t.result.Yielded, time.Since(begin))
		t.result.Duels++
		leader, other = other, leader
	}
	if t.cfg.Progress != nil {
		t.cfg.Progress(t.cfg.Duels, t.gate.committed())
	}
	if _, err := leader.terminate(ctx, leader.process); err != nil {
		return err
	}
	leader.process = nil
	return nil
}

// intrude starts an instance while the leader lives, who must go on as if there
// was none.
func (t *trial) intrude(ctx context.Context, leader, other *seat) (err error) {
	lives := leader.lives()
	if other.process, err = other.start(false); err != nil {
		return err
	}
	if err := other.yields(ctx); err != nil {
		return err
	}
	if len(leader.ended) > 0 {
		return leader.gone(leader.process, <-leader.ended)
	}
	if leader.lives() != lives {
		return &verify.Violation{What: "a second instance made the first one begin again; it said: " + leader.lastWords(leader.process)}
	}
	return nil
}

// take starts an instance and waits until it follows the log.
func (s *seat) take(ctx context.Context, hurry bool) (err error) {
	if s.process, err = s.start(hurry); err != nil {
		return err
	}
	if err := until(ctx, s.process, takeover, func() bool { return s.lives() > 0 }); err != nil {
		return err
	}
	switch {
	case s.lives() > 0:
		return nil
	case len(s.ended) > 0:
		return s.gone(s.process, <-s.ended)
	}
	return &verify.Violation{What: fmt.Sprintf("the pipeline was not taken over within %v; the daemon said: %s", takeover, s.lastWords(s.process))}
}

// lives returns how often the instance has said that it follows the log.
func (s *seat) lives() int {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return 0
	}
	return bytes.Count(text[min(s.said, int64(len(text))):], []byte(`"msg":"following"`))
}

// yields waits until the instance has ended because another holds the pipeline.
func (s *seat) yields(ctx context.Context) error {
	const another = 3
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		return &verify.Violation{What: fmt.Sprintf("there are two instances, and %v later there still are; one said: %s", patience, s.lastWords(s.process))}
	case <-ctx.Done():
		return ctx.Err()
	}
	if got := s.cmd.ProcessState.ExitCode(); got != another {
		return &verify.Violation{What: fmt.Sprintf("one of two instances ended with %d, want %d; it said: %s", got, another, s.lastWords(s.process))}
	}
	s.process = nil
	return nil
}
