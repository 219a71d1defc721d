package kafka

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/failure"
)

// answerLimit is how long a broker may take to answer at the start.
const answerLimit = 10 * time.Second

// writeLimit is the largest request that brokers take by default, and room in
// it for what surrounds one record batch.
const (
	writeLimit  = 100 << 20
	writeMargin = 64 << 10
)

// Open connects to one of the brokers, so that what a person must mend is said
// at the start: a refused login, certificate or setting is an error of the class
// Stop or of a wrong configuration. That nobody answers is of the class Retry.
// ctx bounds Open alone. The caller owns the Publisher and closes it.
func Open(ctx context.Context, cfg Config) (*Publisher, error) {
	p := newPublisher(cfg)
	options, err := p.options()
	if err != nil {
		return nil, err
	}
	cluster, err := cfg.Cluster.Options()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(cluster, options...)...)
	if err != nil {
		return nil, failure.Usage("", "the settings of Kafka do not go together: %v", err)
	}
	p.use(client, client.Close)
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	if err := p.client.Ping(ctx); err != nil {
		p.disconnect()
		return nil, p.cfg.Cluster.Explain(err)
	}
	p.background.Go(p.watch)
	return p, nil
}

// use makes client that of the Publisher, which disconnect closes.
func (p *Publisher) use(client *kgo.Client, disconnect func()) {
	p.client, p.disconnect = client, sync.OnceFunc(disconnect)
}

// options are the client's, beside those of its cluster. What is not named keeps
// franz-go's default: records are never given up for their age or number of
// attempts.
func (p *Publisher) options() ([]kgo.Opt, error) {
	compression, err := compression(p.cfg.Compression)
	if err != nil {
		return nil, err
	}
	return []kgo.Opt{
		kgo.WithLogger(listener{p}),
		kgo.BrokerMaxWriteBytes(writeLimit),

		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.StopProducerOnDataLossDetected(),
		kgo.UnknownTopicRetries(-1), // a topic that was taken away is waited for
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		compression,
		kgo.ProducerBatchMaxBytesFn(p.batchLimit),
		kgo.ProducerLinger(p.cfg.Linger),
		kgo.MaxBufferedRecords(math.MaxInt32), // the frontier's bytes are the limit
	}, nil
}
