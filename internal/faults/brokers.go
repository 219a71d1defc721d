package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/fault"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// brokers are what a scenario plays with.
type brokers struct {
	members []*local.Kafka
	seeds   []string     // by which Tailrace comes
	direct  []string     // by which the verifier comes, past the proxy
	proxy   *fault.Proxy // nil for three brokers
	close   func() error
}

// alone starts one broker behind a proxy.
func alone(ctx context.Context, o *options) (*brokers, error) {
	proxy, err := fault.Listen(o.seed)
	if err != nil {
		return nil, err
	}
	k, err := servers.StartKafkaBehind(ctx, proxy.Address(), nil)
	if err != nil {
		return nil, errors.Join(err, proxy.Close())
	}
	proxy.To(k.Behind)
	return &brokers{
		members: []*local.Kafka{k}, seeds: []string{proxy.Address()}, direct: []string{k.Plain}, proxy: proxy,
		close: func() error { return errors.Join(proxy.Close(), k.Close()) },
	}, nil
}

// three starts three brokers of which two must have each record.
func three(ctx context.Context, _ *options) (*brokers, error) {
	c, err := servers.StartKafkaCluster(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &brokers{members: c.Brokers, seeds: c.Plain(), direct: c.Plain(), close: c.Close}, nil
}

// replicas says how the partitions of the pipeline are kept: which broker leads
// most of them, and how many have fewer replicas in sync than they should.
func (b *brokers) replicas(ctx context.Context) (leader, lacking int, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.direct...))
	if err != nil {
		return 0, 0, fmt.Errorf("look at the topics: %w", err)
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("look at the topics: %w", err)
	}
	leads := make([]int, len(b.members)+1)
	for _, t := range topics {
		for _, p := range t.Partitions {
			if p.Leader > 0 {
				leads[p.Leader]++
			}
			if len(p.ISR) < len(p.Replicas) || p.Leader <= 0 {
				lacking++
			}
		}
	}
	return slices.Index(leads, slices.Max(leads)), lacking, nil
}
