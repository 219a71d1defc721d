package kafka

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

// awaitFormer returns the last claim, nil if there is none, when its owner has
// given the pipeline back, is known to have ended, or was silent for one lease.
func (s *Store) awaitFormer(ctx context.Context) (*claim, error) {
	// What is not committed counts too: it is a sign of life.
	r := s.reader(false)
	if err := r.toEnd(ctx); err != nil {
		return nil, err
	}
	c := r.claim
	switch {
	case c == nil || c.Released:
		return c, nil
	case c.ended():
		s.cfg.Log.Info("the process that held the pipeline has ended without giving it back", zap.Int("process", c.Process))
		return c, nil
	}
	s.cfg.Log.Info("another instance holds the pipeline: waiting for a sign of life from it",
		zap.String("host", c.Host), zap.Int("process", c.Process), zap.Duration("lease", s.cfg.Lease))
	return c, s.awaitSilence(ctx, r, c)
}

// awaitSilence watches the topic for one lease and returns an error if the owner
// of c, or another one, lives. Time in which the topic could not be read is not
// counted as silence.
func (s *Store) awaitSilence(ctx context.Context, r *reader, c *claim) error {
	start := time.Now()
	readable := start
	for {
		// The last look begins when the lease is over: this process may have
		// been the frozen one.
		began := time.Now()
		got, err := r.step(ctx)
		if err != nil {
			if !failure.Retryable(err) || ctx.Err() != nil || time.Since(readable) > answerLimit {
				return err
			}
			if err := pause(ctx); err != nil {
				return fmt.Errorf("wait for the instance that holds pipeline %s: %w", s.cfg.Pipeline, err)
			}
			start = time.Now()
			continue
		}
		readable = time.Now()
		if r.claim.ID == c.ID && r.claim.Released {
			return nil
		}
		for _, record := range got.records {
			if key := string(record.Key); key == keyState || key == keyClaim || key == keyAlive && string(record.Value) == c.ID {
				return fenced("pipeline %s is held by %s", s.cfg.Pipeline, r.claim.owner())
			}
		}
		if began.Sub(start) >= s.cfg.Lease {
			s.cfg.Log.Info("no sign of life: taking the pipeline over", zap.String("host", c.Host), zap.Int("process", c.Process))
			return nil
		}
	}
}
