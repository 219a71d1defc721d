package kafka_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish/kafka"
)

// goesOn opens a Committer anew, checks what State is saved, publishes again what
// it does not hold, and checks that all 60 numbers are committed once.
func (p *pipe) goesOn(t testing.TB, address, saved string) {
	t.Helper()
	c := p.open(t, kafka.Config{})
	p.wantSaved(t, saved)
	if saved == "first" {
		publishAll(t, c, orders, 30, 60)
	}
	must(t, c.Commit(t.Context(), p.at("third")))
	p.wantSaved(t, "third")
	wantEachOnce(t, committed(t, address, orders)[""], 60)
}

func TestTheEndOfATransactionHasAClassAndIsWhatTheStateSays(t *testing.T) {
	for _, c := range []struct {
		name  string
		code  *kerr.Error
		count int
		stop  bool
		fails bool
	}{
		{"the end of the one before is still written", kerr.ConcurrentTransactions, 3, false, false},
		{"the coordinator is being loaded", kerr.CoordinatorLoadInProgress, 3, false, false},
		{"the coordinator is another broker", kerr.NotCoordinator, 3, false, false},
		{"the epoch is fenced", kerr.ProducerFenced, 1, false, true},
		{"the epoch is too old", kerr.InvalidProducerEpoch, 1, false, true},
		{"the transaction has timed out", kerr.InvalidTxnState, 1, false, true},
		{"the broker does not know what happened", kerr.UnknownServerError, 1, false, true},
		{"the right to the transactional id was taken", kerr.TransactionalIDAuthorizationFailed, 1, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // the client waits between its attempts
			cluster := fake(t, orders, 3)
			p := acquire(t, "shop", at(cluster.ListenAddrs()...))
			committer := p.open(t, kafka.Config{})
			publishAll(t, committer, orders, 0, 30)
			must(t, committer.Commit(t.Context(), p.at("first")))
			faults := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: c.code, Count: c.count})
			second, saved := publishAll(t, committer, orders, 30, 60), "first"
			err := committer.Commit(t.Context(), p.at("second"))
			if c.fails {
				if !errors.Is(err, c.code) || failure.Retryable(err) == c.stop {
					t.Errorf("got error %v, want %v that stops: %v", err, c.code, c.stop)
				}
				if c.stop && (!strings.Contains(err.Error(), "transactional id shop") || !strings.Contains(err.Error(), "User:ANONYMOUS")) {
					t.Errorf("got %q, want the transactional id and the user in it", err)
				}
				must(t, committer.Close())
				wantDone(t, second, errAny)
			} else {
				must(t, err)
				wantDone(t, second, nil)
				saved = "second"
			}
			if faults.Hits() != c.count {
				t.Errorf("got %d requests answered so, want %d", faults.Hits(), c.count)
			}
			p.goesOn(t, cluster.ListenAddrs()[0], saved)
		})
	}
}

// The transaction is committed, and the response is lost.
func TestACommitThatTookEffectUnseenIsFoundInTheState(t *testing.T) {
	cut := new(cutter)
	cluster := fake(t, orders, 3, kfake.ListenFn(cut.listen))
	p := acquire(t, "shop", at(cluster.ListenAddrs()...))
	c := p.open(t, kafka.Config{})
	publishAll(t, c, orders, 0, 30)
	must(t, c.Commit(t.Context(), p.at("first")))
	second := publishAll(t, c, orders, 30, 60)
	must(t, c.Flush(t.Context()))
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Observe: true, When: func(kmsg.Request) bool {
		cut.every.Store(1)
		return true
	}})
	if err := c.Commit(t.Context(), p.at("second")); !failure.Retryable(err) {
		t.Errorf("got error %v, want a Retry", err)
	}
	cut.every.Store(0)
	must(t, c.Close())
	wantDone(t, second, errAny)
	p.goesOn(t, cluster.ListenAddrs()[0], "second")
}

func TestNothingOfATransactionIsCommittedOnceARecordOfItIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		code *kerr.Error
		stop bool
	}{
		{"a batch that is too large stops", kerr.MessageTooLarge, true},
		{"an epoch that is too old starts again", kerr.InvalidProducerEpoch, false},
		{"a fenced producer starts again", kerr.ProducerFenced, false},
		{"a sequence out of order starts again", kerr.OutOfOrderSequenceNumber, false},
		{"a transaction that must be aborted starts again", kerr.TransactionAbortable, false},
		{"a transaction that has ended starts again", kerr.InvalidTxnState, false},
		{"a transactional id that may not be used stops", kerr.TransactionalIDAuthorizationFailed, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := fake(t, orders, 3)
			p := acquire(t, "shop", at(cluster.ListenAddrs()...))
			committer := p.open(t, kafka.Config{})
			publishAll(t, committer, orders, 0, 30)
			must(t, committer.Commit(t.Context(), p.at("first")))
			second := publishAll(t, committer, orders, 30, 40)
			must(t, committer.Flush(t.Context()))
			fault := produce(c.code, 1)
			fault.Partitions = []int32{1}
			cluster.Fault(fault)
			// What the client takes after the refusal, and before anybody has
			// heard of it, has to be given up as well.
			refused := make(chan error, 1)
			for i := 40; ; i++ {
				b := batch(orders, number(i))
				b.Records[0].Hash = uint32(i)
				if committer.Publish(t.Context(), b, func(err error) {
					select {
					case refused <- err:
					default:
					}
				}) != nil {
					break
				}
			}
			err := within(t, refused)
			if !errors.Is(err, c.code) || failure.Retryable(err) == c.stop {
				t.Errorf("got error %v, want %v that stops: %v", err, c.code, c.stop)
			}
			if err := committer.Commit(t.Context(), p.at("second")); !errors.Is(err, c.code) {
				t.Errorf("Commit: got error %v, want %v", err, c.code)
			}
			must(t, committer.Close())
			wantDone(t, second, errAny)
			p.goesOn(t, cluster.ListenAddrs()[0], "first")
		})
	}
}

// Brokers before Kafka 4 are told of each partition before the first record for it.
func TestAPartitionThatIsNotAddedToTheTransactionEndsIt(t *testing.T) {
	for _, code := range []*kerr.Error{kerr.InvalidProducerEpoch, kerr.InvalidTxnState, kerr.ProducerFenced} {
		t.Run(code.Message, func(t *testing.T) {
			cluster := fake(t, orders, 3, kfake.MaxVersions(kversion.V3_7_0()))
			p := acquire(t, "shop", at(cluster.ListenAddrs()...))
			c := p.open(t, kafka.Config{})
			publishAll(t, c, orders, 0, 30)
			must(t, c.Commit(t.Context(), p.at("first")))
			faults := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.AddPartitionsToTxn}, Topic: orders, Partitions: []int32{2}, Err: code})
			second := make(chan error, 1)
			b := batch(orders, number(32))
			b.Records[0].Hash = 32
			must(t, c.Publish(t.Context(), b, func(err error) { second <- err }))
			if err := c.Commit(t.Context(), p.at("second")); !errors.Is(err, code) || !failure.Retryable(err) {
				t.Errorf("got error %v, want %v that is retried", err, code)
			}
			must(t, c.Close())
			wantDone(t, second, errAny)
			if faults.Hits() != 1 {
				t.Errorf("got %d requests answered so, want 1", faults.Hits())
			}
			p.goesOn(t, cluster.ListenAddrs()[0], "first")
		})
	}
}

func TestATransactionThatTakesTooLongIsPublishedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(kfake.VirtualNetwork)
		cluster := fake(t, orders, 3, kfake.ListenFn(network.Listen))
		p := acquire(t, "shop", broker.Cluster{Brokers: cluster.ListenAddrs(), Dial: network.DialContext})
		c := p.open(t, kafka.Config{})
		publishAll(t, c, orders, 0, 30)
		must(t, c.Commit(t.Context(), p.at("first")))
		second := publishAll(t, c, orders, 30, 60)
		must(t, c.Flush(t.Context()))
		time.Sleep(2 * time.Minute) // virtual
		if err := c.Commit(t.Context(), p.at("second")); !failure.Retryable(err) {
			t.Errorf("got error %v, want a Retry", err)
		}
		must(t, c.Close())
		wantDone(t, second, errAny)
		c = p.open(t, kafka.Config{})
		p.wantSaved(t, "first")
		publishAll(t, c, orders, 30, 60)
		must(t, c.Commit(t.Context(), p.at("second")))
		p.wantSaved(t, "second")
	})
}

// The client recovers by itself from a partition that has forgotten it because
// its old records were deleted: it begins another epoch, which aborts what it has
// written in the transaction, and would commit what it writes from then on.
func TestATransactionThatTheClientHasBegunAnewIsNotCommitted(t *testing.T) {
	cluster := fake(t, orders, 3)
	p := acquire(t, "shop", at(cluster.ListenAddrs()...))
	c := p.open(t, kafka.Config{})
	publishAll(t, c, orders, 0, 30)
	must(t, c.Commit(t.Context(), p.at("first")))
	second := publishAll(t, c, orders, 30, 59)
	must(t, c.Flush(t.Context()))
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		response := r.ResponseKind().(*kmsg.ProduceResponse)
		for _, asked := range r.(*kmsg.ProduceRequest).Topics {
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.ErrorCode = asked.Partitions[0].Partition, kerr.UnknownProducerID.Code
			partition.LogStartOffset = 1000
			topic.Partitions = append(topic.Partitions, partition)
			response.Topics = append(response.Topics, topic)
		}
		return response, nil, true
	})
	publishAll(t, c, orders, 59, 60)
	if err := c.Commit(t.Context(), p.at("second")); !failure.Retryable(err) {
		t.Errorf("got error %v, want a Retry", err)
	}
	must(t, c.Close())
	wantDone(t, second, errAny)
	p.goesOn(t, cluster.ListenAddrs()[0], "first")
}
