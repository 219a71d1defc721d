package kinesis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

const (
	answerLimit = 10 * time.Second
	recordLimit = 1 << 20 // of a stream that does not say otherwise
)

// Open looks at the stream, so that what a person must mend is said at the start:
// one that is missing, that credentials may not use, or that spreads records by
// itself is an error of the class Stop. That nobody answers is of the class Retry.
// ctx bounds Open alone. The caller owns the Publisher and closes it.
func Open(ctx context.Context, cfg Config) (*Publisher, error) {
	p := newPublisher(cfg)
	err := p.credentials(ctx)
	for _, o := range p.outlets {
		if err == nil {
			err = o.meet(ctx)
		}
	}
	if err != nil {
		p.end(err)
		return nil, err
	}
	if p.cfg.Packing == None {
		began := time.Now()
		if err := p.outlets[0].survey(ctx); err == nil {
			p.tellRate(time.Since(began))
		}
	}
	for _, o := range p.outlets {
		o.background.Go(o.dispatch)
		p.background.Go(o.watch)
	}
	p.background.Go(p.bury)
	return p, nil
}

func newPublisher(cfg Config) *Publisher {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.AnswerLimit == 0 {
		cfg.AnswerLimit = answerLimit
	}
	p := &Publisher{cfg: cfg, flights: make(map[*flight]struct{}), idle: make(chan struct{})}
	close(p.idle)
	p.life, p.end = context.WithCancelCause(context.Background())
	p.client = kinesis.NewFromConfig(cfg.AWS, func(o *kinesis.Options) {
		// A record is sent again by its lane, never by the client.
		o.Retryer = aws.NopRetryer{}
		o.Credentials = provider{cfg.AWS.Credentials}
		if cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(cfg.Endpoint)
		}
	})
	p.outlets = append(p.outlets, p.outlet(cfg.Stream))
	if cfg.DeadLetter != "" {
		p.outlets = append(p.outlets, p.outlet(cfg.DeadLetter))
	}
	return p
}

func (p *Publisher) outlet(stream string) *outlet {
	return &outlet{p: p, stream: stream, wake: make(chan struct{}, 1), stale: make(chan struct{}, 1), paces: make(map[string]*pace), width: width{part: 1}}
}

// meet looks at the stream for the first time.
func (o *outlet) meet(ctx context.Context) error {
	limit, err := o.inspect(ctx)
	if err != nil {
		return err
	}
	o.limit = limit
	return o.survey(ctx)
}

// inspect asks what the stream is, and returns the size of its largest record.
func (o *outlet) inspect(ctx context.Context) (limit int, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.p.cfg.AnswerLimit)
	defer cancel()
	var out *kinesis.DescribeStreamSummaryOutput
	err = o.p.ask(ctx, func() (err error) {
		out, err = o.p.client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String(o.stream)})
		return err
	})
	if err != nil {
		return 0, o.p.explain(o.stream, err)
	}
	if out.StreamDescriptionSummary == nil {
		return 0, failure.Retry(fmt.Errorf("the stream %s is described by nothing", o.stream))
	}
	return suits(o.stream, out.StreamDescriptionSummary)
}

// suits says whether order can be kept in a stream, and returns the size of its
// largest record.
func suits(stream string, is *types.StreamDescriptionSummary) (limit int, err error) {
	switch is.StreamStatus {
	case types.StreamStatusCreating:
		return 0, failure.Retry(fmt.Errorf("the stream %s is being made", stream))
	case types.StreamStatusDeleting:
		return 0, failure.Stop("create it again, or name another one", "the stream %s is being deleted", stream)
	}
	if is.RecordDistributionStrategy == types.RecordDistributionStrategyAuto {
		return 0, failure.Stop("set its record distribution strategy to USER_PARTITION_KEY (UpdateStreamRecordDistributionStrategy)",
			"the stream %s spreads records over its shards by itself, so that nothing has an order there", stream)
	}
	if is.MaxRecordSizeInKiB == nil {
		return recordLimit, nil
	}
	return int(*is.MaxRecordSizeInKiB) << 10, nil
}

// survey asks which shards the stream has.
func (o *outlet) survey(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.p.cfg.AnswerLimit)
	defer cancel()
	var found *shards
	err := o.p.ask(ctx, func() (err error) {
		found, err = listShards(ctx, o.p.client, o.stream)
		return err
	})
	if err != nil {
		return o.p.explain(o.stream, err)
	}
	o.adopt(found, time.Now())
	return nil
}

// adopt makes found the shards of the outlet. Those that were known keep their
// pace.
func (o *outlet) adopt(found *shards, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shards != nil {
		if slices.Equal(o.shards.ids, found.ids) {
			return
		}
		o.p.cfg.Log.Info("the stream has other shards", zap.String("stream", o.stream), zap.Int("shards", len(found.ids)), zap.Int("former_shards", len(o.shards.ids)))
	}
	paces := make(map[string]*pace)
	for _, id := range found.ids {
		if paces[id] = o.paces[id]; paces[id] == nil {
			paces[id] = newPace(now)
		}
	}
	o.shards, o.paces = found, paces
	for n, id := range found.lane {
		o.pace[n] = paces[id]
	}
}

// tellRate says how many events a lane can take that is sent one at a time.
func (p *Publisher) tellRate(trip time.Duration) {
	p.cfg.Log.Info("each event is a record, and the next one of its lane waits for the answer",
		zap.Duration("round_trip", trip.Round(10*time.Microsecond)),
		zap.Int("events_per_second_and_lane", int(time.Second/max(trip, time.Microsecond))))
}
