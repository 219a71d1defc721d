package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

const (
	// stateLimit is how large a State may be in a topic that we make.
	stateLimit = 64 << 20
	// writeLimit is the largest request that brokers take by default, and
	// writeMargin room in it for what surrounds one record batch.
	writeLimit  = 100 << 20
	writeMargin = 64 << 10
	// recordOverhead is at least what a record batch has around the value of its
	// one record: RecordBatch and Record in Kafka's protocol.
	recordOverhead = 61 + 39 + len(keyState)
)

// topicSettings are those of a topic that we make. A segment must hold the
// largest record batch, and only a segment that is full or old is compacted: the
// age keeps short what has to be read at a start.
func topicSettings() map[string]*string {
	return map[string]*string{
		"cleanup.policy":            kadm.StringPtr("compact"),
		"max.message.bytes":         kadm.StringPtr(strconv.Itoa(stateLimit)),
		"segment.bytes":             kadm.StringPtr(strconv.Itoa(stateLimit)),
		"segment.ms":                kadm.StringPtr(strconv.Itoa(int((10 * time.Minute).Milliseconds()))),
		"delete.retention.ms":       kadm.StringPtr(strconv.Itoa(int((10 * time.Minute).Milliseconds()))),
		"min.cleanable.dirty.ratio": kadm.StringPtr("0.01"),
	}
}

// prepareTopic makes the topic if it is missing, refuses one that would lose
// what is in it, and learns how large a State may be.
func (s *Store) prepareTopic(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	for made := false; ; {
		t, err := s.metadata(ctx)
		switch {
		case errors.Is(err, kerr.UnknownTopicOrPartition) && !made:
			if err := s.makeTopic(ctx, s.create); err != nil {
				return err
			}
			s.cfg.Log.Info("topic made", zap.String("topic", s.cfg.Topic))
			made = true
			continue
		case err == nil && len(t.Partitions) != 1:
			return s.partitionsError(len(t.Partitions))
		case err == nil:
			return s.checkSettings(ctx)
		case !failure.Retryable(err):
			return err
		}
		if pause(ctx) != nil {
			return err
		}
	}
}

func (s *Store) partitionsError(n int) error {
	return failure.Stop("make it anew with one partition",
		"topic %s has %d partitions: a checkpoint has no order there", s.cfg.Topic, n)
}

// A creator makes the topic with settings, or says whether it could be made.
type creator func(ctx context.Context, settings map[string]*string) (kadm.CreateTopicResponse, error)

func (s *Store) makeTopic(ctx context.Context, create creator) error {
	made, err := create(ctx, topicSettings())
	if errors.Is(err, kerr.InvalidConfig) || errors.Is(err, kerr.PolicyViolation) {
		s.cfg.Log.Warn("the cluster does not take our settings for the topic of the checkpoint: it is made with its own but for compaction",
			zap.String("topic", s.cfg.Topic), zap.Error(err))
		made, err = create(ctx, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")})
	}
	who := s.cfg.Cluster.Principal()
	var code *kerr.Error
	switch {
	case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
		return nil
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return failure.StopFrom(err, "make it with cleanup.policy=compact and one partition, or allow "+who+" to create it",
			"topic %s of the checkpoint is missing and %s may not make it", s.cfg.Topic, who)
	case errors.As(err, &code) && !code.Retriable:
		if made.ErrMessage != "" {
			err = fmt.Errorf("%w (%s)", err, made.ErrMessage)
		}
		return failure.StopFrom(err, "make it with cleanup.policy=compact and one partition",
			"topic %s of the checkpoint is missing and can't be made", s.cfg.Topic)
	}
	return s.explain("make topic "+s.cfg.Topic, err)
}

func (s *Store) create(ctx context.Context, settings map[string]*string) (kadm.CreateTopicResponse, error) {
	return kadm.NewClient(s.client).CreateTopic(ctx, 1, -1, settings, s.cfg.Topic)
}

// checkSettings refuses a topic in which a State ages away, and learns its limit.
func (s *Store) checkSettings(ctx context.Context) error {
	settings, err := s.settings(ctx)
	if err != nil {
		return err
	}
	if policy := settings["cleanup.policy"]; policy != "compact" {
		return failure.Stop("set it to compact",
			"topic %s of the checkpoint has cleanup.policy=%s: the checkpoint would be deleted with time", s.cfg.Topic, policy)
	}
	s.limit = writeLimit - writeMargin
	for _, name := range []string{"max.message.bytes", "segment.bytes"} {
		if n, err := strconv.ParseInt(settings[name], 10, 32); err == nil && n > 0 {
			s.limit = min(s.limit, int32(n))
		}
	}
	return nil
}

func (s *Store) settings(ctx context.Context) (map[string]string, error) {
	answer, err := kadm.NewClient(s.client).DescribeTopicConfigs(ctx, s.cfg.Topic)
	if err == nil {
		_, err = answer.On(s.cfg.Topic, func(c *kadm.ResourceConfig) error { return c.Err })
	}
	if err != nil {
		return nil, s.explain("read the settings of topic "+s.cfg.Topic, err)
	}
	settings := make(map[string]string)
	for _, c := range answer[0].Configs {
		settings[c.Key] = c.MaybeValue()
	}
	return settings, nil
}

// metadata asks the cluster for the topic, and what we may do with it. It does not
// make it.
func (s *Store) metadata(ctx context.Context) (*kmsg.MetadataResponseTopic, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(s.cfg.Topic)
	request := kmsg.NewPtrMetadataRequest()
	request.IncludeTopicAuthorizedOperations = true
	request.Topics = append(request.Topics, topic)
	found, err := request.RequestWith(ctx, s.client)
	if err == nil && len(found.Topics) != 1 {
		err = errors.New("the broker did not answer for it")
	}
	if err == nil {
		err = kerr.ErrorForCode(found.Topics[0].ErrorCode)
	}
	switch {
	case errors.Is(err, kerr.InvalidTopicException):
		return nil, failure.StopFrom(err, "use letters, digits, dots, dashes and underscores in the pipeline's name, 249 at most with the end of the topic's",
			"Kafka takes no topic of the name %q", s.cfg.Topic)
	case errors.Is(err, kerr.UnknownTopicOrPartition): // brokers learn of a new topic one after the other
		return nil, failure.Retry(fmt.Errorf("topic %s of the checkpoint is missing: %w", s.cfg.Topic, err))
	case err != nil:
		return nil, s.explain("look up topic "+s.cfg.Topic, err)
	}
	return &found.Topics[0], nil
}

func (s *Store) tooLarge(cause error, size int) error {
	return failure.StopFrom(cause, "raise max.message.bytes and segment.bytes of the topic, and start tailrace again",
		"a checkpoint of %d bytes is larger than topic %s takes, which is %d", size, s.cfg.Topic, s.limit)
}
