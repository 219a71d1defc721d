package kafka

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
)

// epochErrors are what a producer hears that is no longer the last one, and also
// one whose transaction has timed out (C7.3).
var epochErrors = []error{
	kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping, kerr.UnknownProducerID,
	kerr.InvalidTxnState, kerr.TransactionAbortable, kerr.OutOfOrderSequenceNumber,
	kerr.OperationNotAttempted, // the client's word for one of the others
}

func isEpochError(err error) bool {
	for _, one := range epochErrors {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// explain gives the class to an error of doing something with the topic or the
// transactional id.
func (s *Store) explain(doing string, err error) error {
	who := s.cfg.Cluster.Principal()
	var code *kerr.Error
	switch {
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return failure.StopFrom(err, fmt.Sprintf("allow %s to describe and to write the transactional id %s", who, s.cfg.Pipeline),
			"%s may not use the transactional id %s", who, s.cfg.Pipeline)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return failure.StopFrom(err, fmt.Sprintf("allow %s to read, write and describe the topic, and to describe its configuration", who),
			"%s may not %s", who, doing)
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return failure.StopFrom(err, fmt.Sprintf("allow %s idempotent writes on the cluster", who), "%s may not %s", who, doing)
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return failure.StopFrom(err, "raise max.message.bytes and segment.bytes of the topic, and start tailrace again",
			"a checkpoint is larger than topic %s takes", s.cfg.Topic)
	case errors.Is(err, kerr.InvalidTransactionTimeout):
		return failure.StopFrom(err, fmt.Sprintf("set transaction.max.timeout.ms of the brokers to %d at least", s.timeout.Milliseconds()),
			"the brokers do not take our transactions")
	case isEpochError(err):
		return failure.Retry(fmt.Errorf("%s: %w", doing, err))
	case errors.As(err, &code) && !code.Retriable && !errors.Is(err, kerr.UnknownServerError) && !broker.IsAccessError(err):
		return failure.StopFrom(err, "see the broker's log for what it does not accept", "Kafka does not let us %s", doing)
	}
	return s.cfg.Cluster.Explain(fmt.Errorf("%s: %w", doing, err))
}
