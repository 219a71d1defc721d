package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

const (
	// defaultLimit is the brokers' default of max.message.bytes. It is taken
	// where we may not read a topic's configuration.
	defaultLimit = 1<<20 + 12
	// deadLimit is max.message.bytes of a dead letter topic that we make.
	deadLimit = 64 << 20
	// again is the time between two attempts to learn of topics.
	again = 100 * time.Millisecond
	// mostAsked is how often brokers that tell of topics are asked for their
	// settings: some can't tell those. Then the default is taken where none is known.
	mostAsked = 50
	// spreading is how long a topic that was just made may be unknown to a broker.
	spreading = 5 * time.Second
)

// meet learns of topics that records are for the first time for, and makes those
// that are missing if that is allowed. It waits until the cluster answers, ctx
// ends or the Publisher fails.
func (p *Publisher) meet(ctx context.Context, names []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.life, func() { cancel(p.cause()) })()
	start := time.Now()
	for asked := 1; ; {
		partitions, missing, err := p.lookUp(ctx, names)
		if err == nil && len(missing) > 0 {
			err = p.create(ctx, missing, time.Since(start))
		} else if err == nil {
			var limits map[string]int32
			if limits, err = p.limits(ctx, names); err == nil || asked == mostAsked {
				p.warnDefault(names, limits)
				return p.keep(names, partitions, limits)
			}
			asked++
		}
		if err != nil && !failure.Retryable(err) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			p.cfg.Log.Warn("waiting for Kafka to tell of topics", zap.Strings("topics", names), zap.Error(err))
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lookUp returns the number of partitions of each topic, and which are missing.
func (p *Publisher) lookUp(ctx context.Context, names []string) (partitions map[string]int32, missing []string, err error) {
	found, err := p.metadata(ctx, names)
	if err != nil {
		return nil, nil, p.cfg.Cluster.Explain(err)
	}
	partitions = make(map[string]int32)
	for i := range found.Topics {
		t := &found.Topics[i]
		if t.Topic == nil {
			continue
		}
		name := *t.Topic
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case err == nil && len(t.Partitions) > 0:
			partitions[name] = int32(len(t.Partitions))
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			missing = append(missing, name)
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			if err := p.await(ctx, p.explain(name, err)); err != nil {
				return nil, nil, err
			}
		case errors.Is(err, kerr.InvalidTopicException):
			return nil, nil, errName(name, err)
		default:
			return nil, nil, failure.Retry(fmt.Errorf("look up topic %s: %w", name, err))
		}
	}
	for _, name := range names {
		if partitions[name] == 0 && len(missing) == 0 {
			return nil, nil, failure.Retry(fmt.Errorf("look up topic %s: the broker did not answer for it", name))
		}
	}
	return partitions, missing, nil
}

// create makes topics. That another has made one meanwhile is as good. Where it
// may not make them, it lets them be missing for a moment: they may be fresh.
func (p *Publisher) create(ctx context.Context, names []string, waited time.Duration) error {
	if !p.cfg.CreateTopics && waited < spreading {
		return nil
	}
	if !p.cfg.CreateTopics {
		return failure.Stop("make it, or set publish.create_topics",
			"topic %s is missing", strings.Join(names, ", "))
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = int32(answerLimit.Milliseconds())
	for _, name := range names {
		request.Topics = append(request.Topics, p.creation(name))
	}
	response, err := request.RequestWith(ctx, p.client)
	if err != nil {
		return p.cfg.Cluster.Explain(err)
	}
	for _, t := range response.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		switch {
		case err == nil:
			p.cfg.Log.Info("topic made", zap.String("topic", t.Topic))
		case errors.Is(err, kerr.TopicAlreadyExists):
		case kerr.IsRetriable(err), errors.Is(err, kerr.InvalidReplicationFactor) && waited < grace:
			// Brokers that have just come back do not count as replicas yet.
			return failure.Retry(fmt.Errorf("make topic %s: %w", t.Topic, err))
		case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
			return failure.StopFrom(err, "make it, or allow "+p.cfg.Cluster.Principal()+" to create topics",
				"topic %s is missing and %s may not make it", t.Topic, p.cfg.Cluster.Principal())
		default:
			if t.ErrorMessage != nil {
				err = fmt.Errorf("%w (%s)", err, *t.ErrorMessage)
			}
			return failure.StopFrom(err, "make it, or mend the brokers' defaults", "topic %s is missing and can't be made", t.Topic)
		}
	}
	return nil
}

// creation is a topic to be made.
func (p *Publisher) creation(name string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, -1, -1 // the brokers' defaults
	if name == p.cfg.DeadLetter {
		limit := strconv.Itoa(deadLimit)
		t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: "max.message.bytes", Value: &limit})
	}
	return t
}

// limits returns max.message.bytes of each topic that it may be read of. With an
// error, which is one of asking again, it returns those that it has learned.
func (p *Publisher) limits(ctx context.Context, names []string) (map[string]int32, error) {
	all, refused, err := p.settings(ctx, names)
	if err != nil {
		return nil, err
	}
	limits := make(map[string]int32)
	for _, name := range names {
		if limit := limitOf(all[name]["max.message.bytes"]); limit > 0 {
			limits[name] = limit
		}
		cause := refused[name]
		if cause != nil && !errors.Is(cause, kerr.TopicAuthorizationFailed) && !errors.Is(cause, kerr.ClusterAuthorizationFailed) {
			err = failure.Retry(fmt.Errorf("read the settings of topic %s: %w", name, cause))
		}
	}
	return limits, err
}

// warnDefault names the topics that the default is taken for.
func (p *Publisher) warnDefault(names []string, limits map[string]int32) {
	for _, name := range names {
		if limits[name] == 0 {
			p.cfg.Log.Warn("the largest record of a topic may not be read; the default is taken", zap.String("topic", name))
		}
	}
}

// settings returns those of topics, and why those of a topic are refused. The
// library's own function gives up at the first one that is.
func (p *Publisher) settings(ctx context.Context, topics []string) (all map[string]map[string]string, refused map[string]error, err error) {
	request := kmsg.NewPtrDescribeConfigsRequest()
	for _, name := range topics {
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, name
		request.Resources = append(request.Resources, resource)
	}
	answer, err := request.RequestWith(ctx, p.client)
	if err != nil {
		return nil, nil, p.cfg.Cluster.Explain(err)
	}
	all, refused = make(map[string]map[string]string), make(map[string]error)
	for _, resource := range answer.Resources {
		if err := kerr.ErrorForCode(resource.ErrorCode); err != nil {
			refused[resource.ResourceName] = err
			continue
		}
		settings := make(map[string]string)
		for _, s := range resource.Configs {
			if s.Value != nil {
				settings[s.Name] = *s.Value
			}
		}
		all[resource.ResourceName] = settings
	}
	return all, refused, nil
}

// limitOf reads max.message.bytes; 0 if it is none.
func limitOf(text string) int32 {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n <= 0 {
		return 0
	}
	return int32(min(n, writeLimit-writeMargin))
}

// keep remembers what was learned.
func (p *Publisher) keep(names []string, partitions, limits map[string]int32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	spread := make(map[string]int32, len(p.spread)+len(names))
	maps.Copy(spread, p.spread)
	for _, name := range names {
		d := &destination{name: name, partitions: partitions[name], limit: defaultLimit}
		if limit, ok := limits[name]; ok {
			d.limit = limit
		}
		switch known := p.cfg.Partitions[name]; {
		case known > d.partitions:
			return failure.Stop("add partitions to the topic; or, if its records may be spread anew, start with --from and the position in the checkpoint, which then forgets the number",
				"topic %s has %d partitions and had %d before: it was made anew", name, d.partitions, known)
		case known > 0 && known < d.partitions:
			p.warnAdded(name, known, d.partitions)
			d.partitions = known
		}
		p.topics[name], spread[name] = d, d.partitions
	}
	p.spread = spread
	return nil
}

func (p *Publisher) warnAdded(name string, used, there int32) {
	p.cfg.Log.Warn("a topic has more partitions than are used: with the others the order of a key would be lost",
		zap.String("topic", name), zap.Int32("used", used), zap.Int32("partitions", there))
}

// metadata asks what the cluster knows of topics, and what we may do with them.
// It makes none.
func (p *Publisher) metadata(ctx context.Context, names []string) (*kmsg.MetadataResponse, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.IncludeTopicAuthorizedOperations = true
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		request.Topics = append(request.Topics, t)
	}
	return request.RequestWith(ctx, p.client)
}

// mayWrite returns nil if the cluster says that we may write to a topic.
func (p *Publisher) mayWrite(ctx context.Context, topic string) error {
	found, err := p.metadata(ctx, []string{topic})
	if err != nil {
		return err
	}
	const write = int32(1) << kmsg.ACLOperationWrite
	for i := range found.Topics {
		if t := &found.Topics[i]; t.ErrorCode == 0 && t.AuthorizedOperations > 0 && t.AuthorizedOperations&write != 0 {
			return nil
		}
	}
	return fmt.Errorf("write to topic %s: %w", topic, kerr.TopicAuthorizationFailed)
}
