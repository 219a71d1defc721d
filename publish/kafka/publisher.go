package kafka

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/publish"
)

// A Publisher produces each record to its topic, to the partition that its hash
// chooses, or to all of them. A data record with an empty value is a tombstone.
// Records of a partition are stored in the order of publishing; those of
// different partitions have no order.
//
// The number of partitions of a topic is that of the first look at it, for as
// long as the Publisher lives: with another number, the records of a key would
// go elsewhere and could overtake those before. Partitions that are added are
// told in the log and not used. Config.Partitions carries the number over to
// the next Publisher.
//
// It accepts without blocking but for looking up topics that are new: how much
// is in flight is the frontier's matter. done is called from the client's
// goroutine for answers, in the order in which batches are complete; within
// Publish for a batch without records; and after a failure from another.
type Publisher struct {
	cfg    Config
	client *kgo.Client

	disconnect func() // closes the client, once; all records have their answers then

	transactional bool       // it is a Committer's: done waits for the end of the transaction
	ending        sync.Mutex // held while the transaction is committed, and from its abort on

	sending    context.Context // of every record; ends with the first failure
	fence      context.CancelFunc
	life       context.Context // ends, with a cause, when nothing is accepted any more
	end        context.CancelCauseFunc
	background sync.WaitGroup

	inFlight    sync.WaitGroup // batches without done
	accepted    atomic.Uint64  // batches
	finished    atomic.Uint64
	deadLetters atomic.Uint64 // records
	free        chan *flight

	mu      sync.Mutex
	topics  map[string]*destination
	spread  map[string]int32 // partitions of each topic; replaced and never altered
	failing bool
	doomed  []*flight      // failed, and their done waits for the verdict
	held    []func(error)  // done of batches that are stored, in a transaction that has not ended
	fresh   []*destination // of a Committer: used for the first time since the last commit
}

var (
	_ publish.Publisher   = (*Publisher)(nil)
	_ publish.Partitioned = (*Publisher)(nil)
)

// keepFlights is how many unused flights are kept.
const keepFlights = 64

func newPublisher(cfg Config) *Publisher {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	p := &Publisher{
		cfg:    cfg,
		free:   make(chan *flight, keepFlights),
		topics: make(map[string]*destination),
		spread: cfg.Partitions,
	}
	p.sending, p.fence = context.WithCancel(context.Background())
	p.life, p.end = context.WithCancelCause(context.Background())
	return p
}

// Publish hands the records of b to the client. Topics that were not met before
// are looked up first, and made if that is allowed; it waits for a cluster that
// does not answer until ctx ends. It refuses b as a whole, with an error of the
// class Stop, if a record is too large, and with the reason if the Publisher has
// failed.
func (p *Publisher) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	if err := p.standing(ctx); err != nil {
		return err
	}
	f := p.flight()
	if err := p.route(ctx, b, f); err != nil {
		p.recycle(f)
		return err
	}
	p.inFlight.Add(1)
	p.accepted.Add(1)
	f.done = done
	f.load(b)
	if f.left == 0 {
		p.complete(f, nil)
		return nil
	}
	// From the last record on f belongs to its answers.
	records := f.records
	for i := range records {
		p.client.Produce(p.sending, &records[i], f.answer)
	}
	return nil
}

// standing returns nil while the Publisher takes batches. After a failure it
// waits until it is known what the failure means.
func (p *Publisher) standing(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.sending.Err() == nil {
		return nil
	}
	select {
	case <-p.life.Done():
		return context.Cause(p.life)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Flush sends what lingers and returns when everything accepted is stored, or
// with the error that prevents it.
func (p *Publisher) Flush(ctx context.Context) error {
	if err := p.standing(ctx); err != nil {
		return err
	}
	flush, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.sending, cancel)()
	err := p.client.Flush(flush)
	if failed := p.standing(ctx); failed != nil {
		return failed
	}
	return err
}

// Close gives up what is not stored and disconnects. It does not wait for the
// brokers.
func (p *Publisher) Close() error {
	err := p.errClosed()
	p.fail(verdict{final: err})
	p.settle(err) // also when a verdict is still to come
	p.disconnect()
	p.background.Wait()
	p.inFlight.Wait()
	return nil
}

func (p *Publisher) errClosed() error {
	return fmt.Errorf("publish to Kafka at %s: %w", strings.Join(p.cfg.Cluster.Brokers, ","), os.ErrClosed)
}

// Partitions returns over how many partitions the records of each topic are
// spread, for all topics met so far and those of Config.Partitions. It may be
// called from any goroutine. What it returned is never altered.
func (p *Publisher) Partitions() map[string]int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spread
}

// DeadLetters returns how many records went to the dead letter topic. It may be
// called from any goroutine.
func (p *Publisher) DeadLetters() uint64 { return p.deadLetters.Load() }
