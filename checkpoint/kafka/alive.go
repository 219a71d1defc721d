package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// startAlive gives the first sign of life, so that a right that is missing for it
// is found at the start, and begins to repeat it. It does so without a
// transaction, to disturb none.
func (s *Store) startAlive(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	first := make(chan error, 1)
	// Its own ProduceSync would wait for an answer beyond the end of ctx.
	s.client.Produce(ctx, s.signOfLife(id), func(_ *kgo.Record, err error) { first <- err })
	var err error
	select {
	case err = <-first:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return s.explain("write to topic "+s.cfg.Topic, err)
	}
	client := s.client
	life, stop := context.WithCancel(context.Background())
	s.stopAlive = stop
	s.alive.Go(func() { s.stayAlive(life, client, id) })
	return nil
}

// stayAlive is the goroutine of the signs of life. While brokers are away one of
// them waits for them. It ends with life and its client.
func (s *Store) stayAlive(life context.Context, client *kgo.Client, id string) {
	tick := time.NewTicker(s.cfg.Lease / 3)
	defer tick.Stop()
	var told time.Time
	for {
		select {
		case <-tick.C:
		case <-life.Done():
			return
		}
		if err := client.ProduceSync(life, s.signOfLife(id)).FirstErr(); err != nil && life.Err() == nil && time.Since(told) > time.Minute {
			told = time.Now()
			s.cfg.Log.Warn("no sign of life could be written: another instance may take over", zap.Error(err))
		}
	}
}

func (s *Store) signOfLife(id string) *kgo.Record {
	return &kgo.Record{Topic: s.cfg.Topic, Key: []byte(keyAlive), Value: []byte(id)}
}
