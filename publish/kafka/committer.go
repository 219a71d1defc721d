package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
)

// abortLimit is how long a Committer that ends may take to abort its
// transaction.
const abortLimit = 2 * time.Second

// A Transaction is a client with a transactional id that knows where the State
// is kept. Begin and Commit are called from one goroutine at a time, Close from any.
type Transaction interface {
	// Client returns the client. It outlives every transaction.
	Client() *kgo.Client
	// Begin begins a transaction if none is open.
	Begin() error
	// Commit adds st to the open transaction and commits it. All records of it
	// have been acknowledged. After an error, which is of the class Retry or
	// Stop, the transaction may be committed or not, and the Transaction is of
	// no more use.
	Commit(ctx context.Context, st checkpoint.State) error
	// Close closes the client, if that was not done already. It commits nothing.
	Close() error
}

// A Producer makes the one Transaction of a pipeline: the former one can do
// nothing any more. options are what the publisher needs of the client, beside
// those of the cluster. Its errors have their class.
type Producer func(ctx context.Context, options ...kgo.Opt) (Transaction, error)

// A Committer publishes as Publisher does, in transactions: what it was given is
// seen by readers of committed records once Commit has saved the State with it,
// all of it or nothing (C7.1).
//
// The first batch begins a transaction, and Commit ends it. A record that is not
// stored, or an error of Commit, ends the Committer: done of all that is not
// committed is called with the reason, and the transaction is aborted. Whether a
// commit that failed took effect is known from the saved State alone (C7.2).
//
// Flush returns when everything accepted is stored. done waits for Commit.
type Committer struct {
	*Publisher
	tx Transaction
}

var (
	_ publish.Committer   = (*Committer)(nil)
	_ publish.Partitioned = (*Committer)(nil)
)

// OpenCommitter takes a Transaction from producer, whose errors it returns. A
// compression that is not known is an error of a wrong configuration. ctx bounds
// OpenCommitter alone. The caller owns the Committer and closes it.
func OpenCommitter(ctx context.Context, cfg Config, producer Producer) (*Committer, error) {
	p := newPublisher(cfg)
	p.transactional = true
	options, err := p.options()
	if err != nil {
		return nil, err
	}
	tx, err := producer(ctx, options...)
	if err != nil {
		return nil, err
	}
	c := &Committer{Publisher: p, tx: tx}
	p.use(tx.Client(), c.abort)
	p.background.Go(p.watch)
	return c, nil
}

// Publish hands the records of b to the client within a transaction, as
// Publisher.Publish does. done is called by Commit, or when the Committer ends.
func (c *Committer) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	if err := c.standing(ctx); err != nil {
		return err
	}
	if err := c.tx.Begin(); err != nil {
		return c.giveUp(ctx, err)
	}
	return c.Publisher.Publish(ctx, b, done)
}

// Commit waits until everything accepted is stored, and commits it together with
// st. After an error, which is of the class Retry or Stop unless ctx has ended,
// nothing more is accepted: the transaction may be committed or not.
func (c *Committer) Commit(ctx context.Context, st checkpoint.State) error {
	if err := c.commit(ctx, st); err != nil {
		return c.giveUp(ctx, err)
	}
	c.mu.Lock()
	held := c.held
	c.held = nil
	c.mu.Unlock()
	for _, done := range held {
		done(nil)
	}
	return nil
}

// commit commits the transaction with st if all of its records are stored. The
// client would commit the rest after others were refused, and would say that it
// has committed what was aborted meanwhile.
func (c *Committer) commit(ctx context.Context, st checkpoint.State) error {
	if err := c.Flush(ctx); err != nil {
		return err
	}
	if err := c.load(ctx); err != nil {
		return err
	}
	c.ending.Lock()
	defer c.ending.Unlock()
	if err := c.standing(ctx); err != nil {
		return err
	}
	return c.tx.Commit(ctx, st)
}

// load waits for what broker.Loaded says, for each topic that a record went to for
// the first time; one that was only met is never loaded. It holds no lock, since
// the client asks for limits while it loads.
func (c *Committer) load(ctx context.Context) error {
	c.mu.Lock()
	fresh := c.fresh
	c.fresh = nil
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.sending, cancel)()
	for _, d := range fresh {
		if err := broker.Loaded(ctx, c.client, d.name, d.partitions); err != nil {
			return err
		}
	}
	return nil
}

// giveUp ends the Committer for the reason err, unless it has another already,
// and returns the reason.
func (c *Committer) giveUp(ctx context.Context, err error) error {
	var stop *failure.StopError
	if !errors.As(err, &stop) {
		err = failure.Retry(err)
	}
	c.fail(verdict{final: err})
	return c.standing(ctx)
}

// Close aborts the open transaction, if the brokers answer within two seconds,
// gives up what is not committed and disconnects. It never commits.
func (c *Committer) Close() error { return c.Publisher.Close() }

// abort closes the client. It ends the open transaction first, so that readers of
// committed records need not wait until it times out; but not one that is being
// committed.
func (c *Committer) abort() {
	ctx, cancel := context.WithTimeout(context.Background(), abortLimit)
	defer cancel()
	close := func() { _ = c.tx.Close() } // everything is given up
	defer close()
	if !c.ending.TryLock() {
		return
	}
	defer c.ending.Unlock()
	defer context.AfterFunc(ctx, close)() // not all of what follows ends with ctx
	// While records are on their way they could land behind the abort.
	if c.client.AbortBufferedRecords(ctx) == nil {
		_ = c.client.EndTransaction(ctx, kgo.TryAbort) // else the next producer does it, or the timeout
	}
}

// hold keeps the done of a batch that is stored until its transaction ends.
func (p *Publisher) hold(done func(error)) {
	p.mu.Lock()
	settled := p.life.Err() != nil
	if !settled {
		p.held = append(p.held, done)
	}
	p.mu.Unlock()
	if settled {
		done(p.cause())
	}
}
