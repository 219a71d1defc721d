package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
)

// Check returns the saved State, the zero State if there is none or it can't be
// read, and every reason why Acquire, or what follows it, would fail, joined. One
// that wraps checkpoint.ErrFenced says that an instance holds the pipeline and
// lives, for which it is waited up to half a lease. It writes and makes nothing,
// and fences nobody. It is called instead of Acquire, on a Store that holds
// nothing.
func (s *Store) Check(ctx context.Context) (checkpoint.State, error) {
	defer s.disconnect()
	if err := s.reach(ctx); err != nil {
		return checkpoint.State{}, err
	}
	id := s.checkTransactionalID(ctx)
	t, err := s.metadata(ctx)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return checkpoint.State{}, errors.Join(id, s.makeTopic(ctx, s.validate))
	}
	if err != nil {
		return checkpoint.State{}, errors.Join(id, err)
	}
	if n := len(t.Partitions); n != 1 {
		return checkpoint.State{}, errors.Join(id, s.partitionsError(n))
	}
	if !allowed(t, kmsg.ACLOperationRead) {
		return checkpoint.State{}, errors.Join(id, s.explain("read topic "+s.cfg.Topic, kerr.TopicAuthorizationFailed))
	}
	st, err := s.look(ctx)
	return st, errors.Join(id, s.checkWrite(t), s.checkTopic(ctx, t), err)
}

// allowed reports whether we may do something with the topic, as far as the
// cluster says.
func allowed(t *kmsg.MetadataResponseTopic, operation kmsg.ACLOperation) bool {
	return t.AuthorizedOperations <= 0 || t.AuthorizedOperations&(1<<operation) != 0
}

// validate says whether the topic could be made.
func (s *Store) validate(ctx context.Context, settings map[string]*string) (kadm.CreateTopicResponse, error) {
	answers, err := kadm.NewClient(s.client).ValidateCreateTopics(ctx, 1, -1, settings, s.cfg.Topic)
	if err != nil {
		return kadm.CreateTopicResponse{}, err
	}
	answer, err := answers.On(s.cfg.Topic, nil)
	if err == nil {
		err = answer.Err
	}
	return answer, err
}

func (s *Store) checkWrite(t *kmsg.MetadataResponseTopic) error {
	if allowed(t, kmsg.ACLOperationWrite) {
		return nil
	}
	return s.explain("write to topic "+s.cfg.Topic, kerr.TopicAuthorizationFailed)
}

// checkTopic refuses a topic in which a State ages away, and tells of one that may
// lose it with a broker.
func (s *Store) checkTopic(ctx context.Context, t *kmsg.MetadataResponseTopic) error {
	if err := s.checkSettings(ctx); err != nil {
		return err
	}
	settings, err := s.settings(ctx)
	if err != nil {
		return err
	}
	if len(t.Partitions[0].Replicas) == 1 {
		s.cfg.Log.Warn("the topic of the checkpoint has one replica: a broker that is lost takes the checkpoint with it",
			zap.String("topic", s.cfg.Topic), zap.String("fix", "give it three, on three brokers"))
	}
	if settings["unclean.leader.election.enable"] == "true" {
		s.cfg.Log.Warn("unclean.leader.election.enable is true for the topic of the checkpoint: a broker that lacks the last one may become the leader",
			zap.String("topic", s.cfg.Topic), zap.String("fix", "set it to false"))
	}
	return nil
}

// look reads the State, and whether somebody holds the pipeline.
func (s *Store) look(ctx context.Context) (checkpoint.State, error) {
	committed := s.reader(true)
	committed.unwaiting = true // an instance that lives has a transaction open
	if err := committed.toEnd(ctx); err != nil {
		return checkpoint.State{}, err
	}
	st, err := s.decode(committed.state)
	return st, errors.Join(err, s.checkOwner(ctx))
}

func (s *Store) checkOwner(ctx context.Context) error {
	r := s.reader(false)
	if err := r.toEnd(ctx); err != nil {
		return err
	}
	c := r.claim
	if c == nil || c.Released || c.ended() {
		return nil
	}
	silent, err := s.awaitSilence(ctx, r, c, s.cfg.Lease/2) // signs come after a third of it
	if silent {
		s.cfg.Log.Warn(fmt.Sprintf("%s holds the pipeline and gives no sign of life: a start waits for %v and takes it over, unless there is one by then", c.owner(), s.cfg.Lease))
	}
	return err
}

// checkTransactionalID says whether we may use it. Who asks for its coordinator
// makes the cluster's topic of transactions, if that is missing; so any broker is
// asked, which looks at the rights before it says that it is not the one. The end
// of a transaction of a producer that can't exist ends none.
func (s *Store) checkTransactionalID(ctx context.Context) error {
	brokers, err := kadm.NewClient(s.client).BrokerMetadata(ctx)
	if err == nil && len(brokers.Brokers) == 0 {
		err = errors.New("it names no broker")
	}
	if err != nil {
		return s.explain("ask for the cluster", err)
	}
	broker := s.client.Broker(int(brokers.Brokers[0].NodeID))
	describe := kmsg.NewPtrDescribeTransactionsRequest()
	describe.TransactionalIDs = []string{s.cfg.Pipeline}
	write := kmsg.NewPtrEndTxnRequest()
	write.TransactionalID, write.ProducerID = s.cfg.Pipeline, math.MaxInt64
	var code int16
	if answer, err := broker.Request(ctx, describe); err == nil { // brokers before 3.0 don't know the request
		for _, state := range answer.(*kmsg.DescribeTransactionsResponse).TransactionStates {
			code = state.ErrorCode
		}
	}
	if code != kerr.TransactionalIDAuthorizationFailed.Code {
		answer, err := broker.Request(ctx, write)
		if err != nil {
			return s.explain("ask for the transactional id "+s.cfg.Pipeline, err)
		}
		code = answer.(*kmsg.EndTxnResponse).ErrorCode
	}
	if code != kerr.TransactionalIDAuthorizationFailed.Code {
		return nil
	}
	err = s.explain("use the transactional id "+s.cfg.Pipeline, kerr.TransactionalIDAuthorizationFailed)
	who := s.cfg.Cluster.Principal()
	var stop *failure.StopError
	if errors.As(err, &stop) && strings.HasPrefix(who, "User:") {
		stop.Hint += fmt.Sprintf(": kafka-acls.sh --bootstrap-server %s --add --allow-principal '%s' --operation Describe --operation Write --transactional-id %s",
			strings.Join(s.cfg.Cluster.Brokers, ","), who, s.cfg.Pipeline)
	}
	return err
}
