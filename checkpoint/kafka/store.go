package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
)

// Config says where a checkpoint is kept. Its zero values are the defaults, but
// for Pipeline and Cluster.
type Config struct {
	Pipeline string         // the name, which is the transactional id as well
	Topic    string         // "" is the pipeline's name with .checkpoint behind it
	Cluster  broker.Cluster // that the pipeline publishes to
	Lease    time.Duration  // how long an owner may be silent before another takes over; 0 is 10 s
	Log      *zap.Logger    // nil for none
}

const (
	defaultLease = 10 * time.Second
	// transactionTimeout is how long brokers keep a transaction open whose
	// producer is silent. Readers of what it wrote wait for it.
	transactionTimeout = time.Minute
	// answerLimit is how long brokers may take to answer.
	answerLimit = 10 * time.Second
	// releaseLimit is how long Close tries to give the pipeline back.
	releaseLimit = 2 * time.Second
)

// A Store is a checkpoint.Store on a topic. Its methods are called by one
// goroutine at a time, which need not be the same one.
type Store struct {
	cfg     Config
	timeout time.Duration // of transactions

	client   *kgo.Client // reads, and writes signs of life; nil while the pipeline is not held
	limit    int32       // bytes of the largest record batch that the topic takes
	mine     *claim      // nil while the pipeline is not held
	cluster  string      // the cluster's own name for itself
	lost     bool        // another instance has taken the pipeline
	producer *Producer   // the last one made, or nil

	stopAlive context.CancelFunc
	alive     sync.WaitGroup
}

var _ checkpoint.Store = (*Store)(nil)

// New returns a Store for the pipeline of cfg. It touches nothing.
func New(cfg Config) *Store {
	if cfg.Topic == "" {
		cfg.Topic = cfg.Pipeline + ".checkpoint"
	}
	if cfg.Lease == 0 {
		cfg.Lease = defaultLease
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	return &Store{cfg: cfg, timeout: transactionTimeout}
}

// Acquire takes the pipeline. It makes the topic if that is missing. If another
// instance holds the pipeline and gives a sign of life within one lease, the
// error wraps checkpoint.ErrFenced; one that is silent, or whose process on this
// host has ended, is fenced. A topic that would lose the State, a State that
// can't be read or is another pipeline's, and a right that is missing are errors
// of the class Stop; that nobody answers is of the class Retry. It may be called
// again after an error.
func (s *Store) Acquire(ctx context.Context) (checkpoint.State, error) {
	if err := ctx.Err(); err != nil {
		return checkpoint.State{}, err
	}
	st, err := s.acquire(ctx)
	if err != nil {
		s.disconnect()
		return checkpoint.State{}, err
	}
	return st, nil
}

func (s *Store) acquire(ctx context.Context) (checkpoint.State, error) {
	var none checkpoint.State
	s.lost = false
	if err := s.reach(ctx); err != nil {
		return none, err
	}
	if err := s.prepareTopic(ctx); err != nil {
		return none, err
	}
	former, err := s.awaitFormer(ctx)
	if err != nil {
		return none, err
	}
	p, err := s.openProducer(ctx, nil)
	if err != nil {
		return none, err
	}
	s.producer = p
	// Only now nobody else can write any more, and what the former owner left
	// open is ended: the end that is read to is the end (C7.2).
	r := s.reader(true)
	if err := r.toEnd(ctx); err != nil {
		return none, err
	}
	if r.claim.generation() > former.generation() && !r.claim.Released {
		// It took the pipeline meanwhile, and can go on (C7.3).
		return none, fenced("pipeline %s is held by %s", s.cfg.Pipeline, r.claim.owner())
	}
	st, err := s.decode(r.state)
	if err != nil {
		return none, err
	}
	brokers, err := kadm.NewClient(s.client).BrokerMetadata(ctx)
	if err != nil {
		return none, s.explain("ask for the cluster", err)
	}
	s.cluster = brokers.Cluster
	mine := newClaim()
	mine.Generation = 1 + max(st.Generation, former.generation(), r.claim.generation())
	if err := s.startAlive(ctx, mine.ID); err != nil {
		return none, err
	}
	if err := p.commit(ctx, keyClaim, mine.encode()); err != nil {
		if errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) {
			return none, fenced("another instance took pipeline %s at the same time", s.cfg.Pipeline)
		}
		return none, err // the others may come without a rival (C7.3); the next call sees whether there is one
	}
	s.mine = mine
	st.Generation = mine.Generation
	return st, nil
}

// Claim names what the owner of the pipeline holds, by the cluster's id and the
// topic; "" before Acquire and where the cluster has no id. An instance that reads
// the source under the same name and is not this one has lost the pipeline.
func (s *Store) Claim() string {
	if s.mine == nil || s.cluster == "" {
		return ""
	}
	return "kafka " + s.cluster + " " + s.cfg.Topic
}

// Load returns the committed State, whoever holds it, and the zero State if
// there is none; also if there is no topic, which is an error of the class Retry
// while this Store holds the pipeline. It makes and fences nothing. After a commit
// whose outcome is not known it tells the truth once Producer has returned. Its
// errors are those of Acquire for a State that can't be read.
func (s *Store) Load(ctx context.Context) (checkpoint.State, error) {
	if err := ctx.Err(); err != nil {
		return checkpoint.State{}, err
	}
	if s.client == nil {
		defer s.disconnect()
		if err := s.reach(ctx); err != nil {
			return checkpoint.State{}, err
		}
	}
	// Whoever holds the pipeline has the topic, though a broker may not know it at
	// this moment: no State would mean to start elsewhere.
	if _, err := s.metadata(ctx); s.mine == nil && errors.Is(err, kerr.UnknownTopicOrPartition) {
		return checkpoint.State{}, nil
	}
	r := s.reader(true)
	if err := r.toEnd(ctx); err != nil {
		return checkpoint.State{}, err
	}
	return s.decode(r.state)
}

// Save commits st, which is what Acquire returned, moved forward; an empty
// pipeline name is filled in. It uses the Producer that there is, or makes one
// that a later call of Producer replaces. To call it while the Producer has a
// transaction open is a bug, since it would commit the records of another State:
// it panics. After an error of the class Retry the State may be there or not.
func (s *Store) Save(ctx context.Context, st checkpoint.State) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.held(); err != nil {
		return err
	}
	text, err := s.encode(st)
	if err != nil {
		return err
	}
	p, err := s.idleProducer(ctx)
	if err != nil {
		return err
	}
	err = p.commit(ctx, keyState, text)
	if isEpochError(err) {
		// With a claim that is still ours it was not a rival (C7.3), and whether
		// the first attempt took effect makes no difference.
		if p, err = s.Producer(ctx); err != nil {
			return err
		}
		err = p.commit(ctx, keyState, text)
	}
	return err
}

// idleProducer returns a Producer without an open transaction.
func (s *Store) idleProducer(ctx context.Context) (*Producer, error) {
	if s.producer == nil || s.producer.broken.Load() {
		return s.Producer(ctx)
	}
	if s.producer.open {
		panic("checkpoint/kafka: a State is saved while a transaction of the publisher is open")
	}
	return s.producer, nil
}

// Close gives the pipeline back, so that the next start need not wait for the
// lease, if that succeeds at once, and disconnects. It closes the Producer too.
func (s *Store) Close() error {
	if s.client == nil {
		return nil
	}
	s.stopAlive()
	if s.mine != nil && !s.lost {
		if err := s.release(); err != nil {
			s.cfg.Log.Info("the pipeline could not be given back: the next start may have to wait one lease", zap.Error(err))
		}
	}
	s.disconnect()
	return nil
}

func (s *Store) release() error {
	ctx, cancel := context.WithTimeout(context.Background(), releaseLimit)
	defer cancel()
	if s.producer != nil && s.producer.open {
		_ = s.producer.Close() // the next one aborts its transaction
	}
	p, err := s.idleProducer(ctx)
	if err != nil {
		return err
	}
	released := *s.mine
	released.Released = true
	return p.commit(ctx, keyClaim, released.encode())
}

// reach connects to one of the brokers, so that it is told at once what prevents
// that.
func (s *Store) reach(ctx context.Context) error {
	client, err := s.connect()
	if err != nil {
		return err
	}
	s.client = client
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		return s.cfg.Cluster.Explain(err)
	}
	return nil
}

// disconnect closes all clients. It does not wait for brokers.
func (s *Store) disconnect() {
	if s.client == nil {
		return
	}
	if s.stopAlive != nil {
		s.stopAlive()
	}
	if s.producer != nil {
		_ = s.producer.Close() // it never fails
	}
	s.client.Close()
	s.alive.Wait()
	s.client, s.producer, s.mine, s.stopAlive = nil, nil, nil, nil
}

func (s *Store) held() error {
	if s.mine == nil {
		return fmt.Errorf("save the checkpoint in topic %s: it is not acquired: %w", s.cfg.Topic, os.ErrClosed)
	}
	return nil
}

// encode returns the durable form of st, or an error if it is not one to be
// saved here.
func (s *Store) encode(st checkpoint.State) ([]byte, error) {
	if st.Pipeline == "" {
		st.Pipeline = s.cfg.Pipeline
	}
	if err := s.belongs(st); err != nil {
		return nil, err
	}
	if st.Generation != s.mine.Generation {
		return nil, fenced("the State to save was read before another instance took pipeline %s", s.cfg.Pipeline)
	}
	text, err := st.Encode()
	if err != nil {
		return nil, fmt.Errorf("save the checkpoint in topic %s: %w", s.cfg.Topic, err)
	}
	if size := len(text) + recordOverhead; size > int(s.limit) {
		return nil, s.tooLarge(nil, size)
	}
	return text, nil
}

// decode returns the State in text, which is nil if there is none.
func (s *Store) decode(text []byte) (checkpoint.State, error) {
	if text == nil {
		return checkpoint.State{}, nil
	}
	st, err := checkpoint.Decode(text)
	switch {
	case errors.Is(err, checkpoint.ErrFormat):
		return checkpoint.State{}, failure.StopFrom(err,
			"start the version that wrote it or a later one",
			"read the checkpoint in topic %s", s.cfg.Topic)
	case err != nil:
		return checkpoint.State{}, failure.StopFrom(err,
			"delete the topic and say with --from where to start",
			"read the checkpoint in topic %s", s.cfg.Topic)
	}
	if err := s.belongs(st); err != nil {
		return checkpoint.State{}, err
	}
	return st, nil
}

func (s *Store) belongs(st checkpoint.State) error {
	if st.Pipeline == s.cfg.Pipeline {
		return nil
	}
	return failure.Stop("give each pipeline a topic of its own",
		"the checkpoint in topic %s belongs to pipeline %q, this one is %q", s.cfg.Topic, st.Pipeline, s.cfg.Pipeline)
}
