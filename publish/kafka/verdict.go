package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
)

// grace is how long a right or a login may be missing before a person is
// needed: access lists reach the brokers one after the other.
const grace = 30 * time.Second

// A verdict is what a failure means for the pipeline.
type verdict struct {
	final error
	// mended reports whether the cause has gone; then the pipeline may start
	// again with retry. nil if the verdict is final.
	mended func(context.Context) error
	retry  error
}

// fail ends the Publisher for the reason v; only the first reason counts. After
// it, nothing is sent that is not on its way already, so that no record lands
// behind one that failed. It does not block: the client may hold locks.
func (p *Publisher) fail(v verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failing {
		return
	}
	p.failing = true
	p.fence()
	p.background.Go(func() {
		err := v.final
		if v.mended != nil {
			err = p.await(p.life, v)
		}
		p.settle(err)
		// The client repeats for ever what may have reached a broker, and
		// reads the batches' bytes. It must let them go before done.
		p.disconnect()
	})
}

// await waits for the cause of v to go away, until ctx ends or a person is
// needed, and returns what that means.
func (p *Publisher) await(ctx context.Context, v verdict) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if v.mended(ctx) == nil {
			return v.retry
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return v.final
		}
	}
}

// settle gives the reason to all batches that failed, now and later.
func (p *Publisher) settle(err error) {
	p.end(err)
	p.mu.Lock()
	doomed, held := p.doomed, p.held
	p.doomed, p.held = nil, nil
	p.mu.Unlock()
	for _, f := range doomed {
		p.complete(f, p.cause())
	}
	for _, done := range held {
		done(p.cause())
	}
}

func (p *Publisher) cause() error { return context.Cause(p.life) }

// explain says what it means that a record of a topic was not stored.
func (p *Publisher) explain(topic string, err error) verdict {
	var code *kerr.Error
	switch {
	case errors.Is(err, kgo.ErrClientClosed), errors.Is(err, context.Canceled):
		return verdict{final: p.errClosed()}
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return verdict{
			final: failure.StopFrom(err, fmt.Sprintf("allow %s to write to the topic and to describe it", p.cfg.Cluster.Principal()),
				"%s may not write to topic %s", p.cfg.Cluster.Principal(), topic),
			mended: func(ctx context.Context) error { return p.mayWrite(ctx, topic) },
			retry:  failure.Retry(fmt.Errorf("write to topic %s: %w", topic, err)),
		}
	case errors.Is(err, kerr.MessageTooLarge):
		return verdict{final: failure.StopFrom(err,
			"raise max.message.bytes of the topic; let "+p.cfg.Cluster.Principal()+" describe its configuration, so that batches are made to fit; then start tailrace again",
			"a record batch for topic %s is larger than the topic takes", topic)}
	case errors.Is(err, kerr.InvalidRecord):
		return verdict{final: failure.StopFrom(err,
			"a compacted topic takes no records without a key: set its cleanup.policy to delete, or leave out tables without a key",
			"topic %s refuses a record", topic)}
	case errors.Is(err, kerr.OutOfOrderSequenceNumber), errors.Is(err, kerr.UnknownProducerID),
		errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerIDMapping):
		return verdict{final: failure.Retry(fmt.Errorf("the broker has lost track of what was written to topic %s: %w", topic, err))}
	case errors.Is(err, kerr.TransactionAbortable), errors.Is(err, kerr.InvalidTxnState):
		return verdict{final: failure.Retry(fmt.Errorf("the broker gave up the transaction that writes to topic %s: %w", topic, err))}
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		id, _ := p.client.OptValue(kgo.TransactionalID).(string)
		return verdict{final: failure.StopFrom(err,
			fmt.Sprintf("allow %s to describe and to write the transactional id %s", p.cfg.Cluster.Principal(), id),
			"%s may not use the transactional id %s", p.cfg.Cluster.Principal(), id)}
	case errors.Is(err, kerr.UnknownTopicID):
		return verdict{final: failure.Retry(fmt.Errorf("topic %s was taken away and made anew: %w", topic, err))}
	case errors.As(err, &code) && !code.Retriable && !broker.IsAccessError(err):
		return verdict{final: failure.StopFrom(err, "see the broker's log for what it does not accept", "topic %s refuses a record", topic)}
	}
	return p.explainOutage(fmt.Errorf("write to topic %s: %w", topic, err))
}

// explainOutage is the verdict on an error of reaching the cluster while it
// worked before.
func (p *Publisher) explainOutage(err error) verdict {
	v := verdict{final: p.cfg.Cluster.Explain(err)}
	if !failure.Retryable(v.final) {
		v.retry = failure.Retry(err)
		v.mended = p.client.Ping
	}
	return v
}
