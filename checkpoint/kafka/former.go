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
	silent, err := s.awaitSilence(ctx, r, c, s.cfg.Lease)
	if silent {
		s.cfg.Log.Info("no sign of life: taking the pipeline over", zap.String("host", c.Host), zap.Int("process", c.Process))
	}
	return c, err
}

// awaitSilence watches the topic for a time, returns an error if the owner of c,
// or another one, lives, and else whether they said nothing rather than gave the
// pipeline back. Time in which the topic could not be read is not counted as
// silence.
func (s *Store) awaitSilence(ctx context.Context, r *reader, c *claim, lease time.Duration) (silent bool, err error) {
	start := time.Now()
	readable := start
	for {
		// The last look begins when the lease is over: this process may have
		// been the frozen one.
		began := time.Now()
		got, err := r.step(ctx)
		if err != nil {
			if !failure.Retryable(err) || ctx.Err() != nil || time.Since(readable) > answerLimit {
				return false, err
			}
			if err := pause(ctx); err != nil {
				return false, fmt.Errorf("wait for the instance that holds pipeline %s: %w", s.cfg.Pipeline, err)
			}
			start = time.Now()
			continue
		}
		readable = time.Now()
		if r.claim.ID == c.ID && r.claim.Released {
			return false, nil
		}
		for _, record := range got.records {
			if key := string(record.Key); key == keyState || key == keyClaim || key == keyAlive && string(record.Value) == c.ID {
				return false, fenced("pipeline %s is held by %s", s.cfg.Pipeline, r.claim.owner())
			}
		}
		if began.Sub(start) >= lease {
			return true, nil
		}
	}
}
