package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
)

// A Producer is the pipeline's one writer, until the next is made or a method
// returns an error. Begin and Commit are called by one goroutine at a time.
type Producer struct {
	s      *Store
	client *kgo.Client
	close  func()
	open   bool  // a transaction is
	id     int64 // of the producer, when the open transaction began
	epoch  int16
	broken atomic.Bool // by an error, or closed
}

// Producer closes the Producer that there is and makes one with the given options
// of the client, beside which it has the cluster's, the transactional id and the
// limits of the topic. What the former one left open is aborted. The publisher
// calls it whenever it opens, and so after every commit whose outcome is not
// known. The error wraps checkpoint.ErrFenced if another instance has taken the
// pipeline; else its class is Stop for a right that is missing, or Retry.
func (s *Store) Producer(ctx context.Context, options ...kgo.Opt) (*Producer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.held(); err != nil {
		return nil, err
	}
	if s.producer != nil {
		_ = s.producer.Close() // it never fails
		s.producer = nil
	}
	// Whoever has lost the pipeline shall not disturb its owner. Our own
	// transaction may still be open.
	r := s.reader(true)
	r.unwaiting = true
	if err := s.checkClaim(ctx, r); err != nil {
		return nil, err
	}
	p, err := s.openProducer(ctx, options)
	if err != nil {
		return nil, err
	}
	r.unwaiting = false
	if err := s.checkClaim(ctx, r); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	s.producer = p
	return p, nil
}

// checkClaim returns an error if the last claim is not ours.
func (s *Store) checkClaim(ctx context.Context, r *reader) error {
	err := r.toEnd(ctx)
	switch {
	case err == nil && r.unwaiting && r.claim.generation() <= s.mine.Generation:
		return nil // the broker answers for the end of our own transaction before it can be read
	case errors.Is(err, kerr.UnknownTopicOrPartition), err == nil && r.claim == nil:
		return failure.StopFrom(err, "find out who deleted it; the next start may have to be told with --from where to go on",
			"the claim on pipeline %s is no longer in topic %s", s.cfg.Pipeline, s.cfg.Topic)
	case err != nil:
		return err
	case r.claim.ID != s.mine.ID:
		s.lost = true
		return fenced("pipeline %s was taken over by %s", s.cfg.Pipeline, r.claim.owner())
	}
	return nil
}

// openProducer initializes the transactional id, which ends the transaction of
// whoever had it before and fences them.
func (s *Store) openProducer(ctx context.Context, options []kgo.Opt) (*Producer, error) {
	limit, err := batchLimit(options)
	if err != nil {
		return nil, err
	}
	ours := func(topic string) int32 {
		if topic == s.cfg.Topic {
			return s.limit
		}
		return limit(topic)
	}
	options = append(options[:len(options):len(options)],
		kgo.TransactionalID(s.cfg.Pipeline),
		kgo.TransactionTimeout(s.timeout),
		kgo.ProducerBatchMaxBytesFn(ours))
	client, err := s.connect(options...)
	if err != nil {
		return nil, err
	}
	p := &Producer{s: s, client: client, close: sync.OnceFunc(client.Close)}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	id, _, err := client.ProducerID(ctx)
	switch {
	case err != nil:
		err = s.explain("get the transactional id "+s.cfg.Pipeline, err)
	case id < 0:
		err = failure.Stop("publish without transactions", "the brokers know no transactions")
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// batchLimit returns the function for the largest batch of a topic that is among
// options, or the client's own. Only a client tells it.
func batchLimit(options []kgo.Opt) (func(topic string) int32, error) {
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, settingsError(err)
	}
	defer client.Close()
	return client.OptValue(kgo.ProducerBatchMaxBytesFn).(func(string) int32), nil
}

// connect returns a client of the cluster. It does not wait for brokers.
func (s *Store) connect(options ...kgo.Opt) (*kgo.Client, error) {
	common, err := s.cfg.Cluster.Options()
	if err != nil {
		return nil, err
	}
	common = append(common, kgo.BrokerMaxWriteBytes(writeLimit), kgo.MaxDecompressBatchBytes(writeLimit))
	client, err := kgo.NewClient(append(common, options...)...)
	if err != nil {
		return nil, settingsError(err)
	}
	return client, nil
}

func settingsError(err error) error {
	return failure.Usage("", "the settings of Kafka do not go together: %v", err)
}

// Client returns the client that the publisher produces with, between Begin and
// Commit. Its transactions are the Producer's alone.
func (p *Producer) Client() *kgo.Client { return p.client }

// Begin begins a transaction if none is open. After an error the Producer can't
// be used any more.
func (p *Producer) Begin() error {
	if p.broken.Load() {
		return p.errUnusable()
	}
	if p.open {
		return nil
	}
	err := p.client.BeginTransaction()
	if err == nil {
		p.id, p.epoch, err = p.client.ProducerID(context.Background()) // it is known by now
	}
	if err != nil {
		return p.fail("begin a transaction", err)
	}
	p.open = true
	return nil
}

// Commit makes st durable together with what was produced since Begin, all of
// which the brokers have acknowledged. It begins a transaction if none is open.
// After an error, of the class Retry unless a person must mend it, the Producer
// can't be used any more, and whether the commit took effect is what Load says
// once another Producer is made.
func (p *Producer) Commit(ctx context.Context, st checkpoint.State) error {
	if err := p.s.held(); err != nil {
		return err
	}
	text, err := p.s.encode(st)
	if err != nil {
		p.broken.Store(true)
		return err
	}
	return p.commit(ctx, keyState, text)
}

// commit ends the transaction with a record of our topic.
func (p *Producer) commit(ctx context.Context, key string, value []byte) error {
	if err := p.Begin(); err != nil {
		return err
	}
	// Beyond this the brokers have aborted it.
	ctx, cancel := context.WithTimeout(ctx, p.s.timeout)
	defer cancel()
	stored := make(chan error, 1)
	record := kgo.Record{Topic: p.s.cfg.Topic, Key: []byte(key), Value: value}
	p.client.Produce(ctx, &record, func(_ *kgo.Record, err error) { stored <- err })
	err := p.client.Flush(ctx) // it may linger otherwise
	if err == nil {
		err = <-stored
	}
	if err == nil {
		err = broker.Loaded(ctx, p.client, p.s.cfg.Topic, 1)
	}
	if err != nil {
		return p.fail("write to topic "+p.s.cfg.Topic, err)
	}
	// A client that a partition has forgotten begins another epoch by itself, which
	// aborts what it has written, and would commit the rest.
	id, epoch, err := p.client.ProducerID(ctx)
	if err == nil && (id != p.id || epoch != p.epoch) {
		err = kerr.InvalidProducerEpoch
	}
	if err != nil {
		return p.fail("commit the checkpoint in topic "+p.s.cfg.Topic, err)
	}
	if err := p.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return p.fail("commit the checkpoint in topic "+p.s.cfg.Topic, err)
	}
	p.open = false
	return nil
}

func (p *Producer) fail(doing string, err error) error {
	p.broken.Store(true)
	return p.s.explain(doing, err)
}

func (p *Producer) errUnusable() error {
	return failure.Retry(fmt.Errorf("write to topic %s: the producer was closed or has failed: %w", p.s.cfg.Topic, os.ErrClosed))
}

// Close gives up what is not committed and disconnects, without waiting for
// brokers. It always returns nil and may be called from any goroutine.
func (p *Producer) Close() error {
	p.broken.Store(true)
	p.close()
	return nil
}
