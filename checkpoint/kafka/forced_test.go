package kafka_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
)

// These need answers that a healthy broker does not give.

func fake(t *testing.T, options ...kfake.Opt) (*kfake.Cluster, *kafka.Store) {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, options...)...)
	must(t, err)
	t.Cleanup(c.Close)
	return c, storeAt(t, kafka.Config{Pipeline: "shop", Lease: short, Cluster: broker.Cluster{Brokers: c.ListenAddrs()}})
}

// end is where the topic of the checkpoint ends.
func end(t *testing.T, c *kfake.Cluster) int64 {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	must(t, err)
	defer client.Close()
	offsets, err := kadm.NewClient(client).ListEndOffsets(t.Context(), "shop.checkpoint")
	must(t, err)
	o, _ := offsets.Lookup("shop.checkpoint", 0)
	return o.Offset
}

func at(st checkpoint.State, position event.Position) checkpoint.State {
	st.Position = position
	return st
}

// A commit that took effect and one that did not look the same to who asked for
// it; the next Producer and what is loaded then tell (C7.2).
func TestACommitOfUnknownOutcomeIsToldByTheNextProducer(t *testing.T) {
	for _, c := range []struct {
		name  string
		taken bool
		want  string
	}{
		{"it took effect and the answer was lost", true, "second"},
		{"it did not take effect", false, "first"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mute, unavailable atomic.Bool
			cluster, s := fake(t, kfake.ListenFn(muted(&mute)))
			st := save(t, s, acquire(t, s), "first")
			producer, err := s.Producer(t.Context())
			must(t, err)

			asked := make(chan struct{})
			once := sync.OnceFunc(func() { close(asked) })
			unavailable.Store(!c.taken)
			cluster.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				select {
				case <-asked:
				default:
					mute.Store(c.taken)
				}
				once()
				response := r.ResponseKind().(*kmsg.EndTxnResponse)
				response.ErrorCode = kerr.CoordinatorNotAvailable.Code
				return response, nil, unavailable.Load()
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := make(chan error, 1)
			go func() { result <- producer.Commit(ctx, at(st, "second")) }()
			<-asked
			cancel()
			if err := <-result; !failure.Retryable(err) {
				t.Fatalf("got error %v, want a Retry", err)
			}
			mute.Store(false)
			unavailable.Store(false)
			next, err := s.Producer(t.Context())
			must(t, err)
			wantPosition(t, s, c.want)
			must(t, next.Commit(t.Context(), at(st, "third")))
			wantPosition(t, s, "third")
		})
	}
}

// muted makes a broker whose connections break at the next answer while mute is
// true.
func muted(mute *atomic.Bool) func(network, address string) (net.Listener, error) {
	return func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		return mutedListener{l, mute}, err
	}
}

type mutedListener struct {
	net.Listener
	mute *atomic.Bool
}

func (l mutedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return mutedConn{conn, l.mute}, err
}

type mutedConn struct {
	net.Conn
	mute *atomic.Bool
}

func (c mutedConn) Write(b []byte) (int, error) {
	if c.mute.Load() {
		_ = c.Close() // that is the fault
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func TestATopicIsMadeWithoutSettingsThatTheClusterDoesNotTake(t *testing.T) {
	cluster, s := fake(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.PolicyViolation})
	save(t, s, acquire(t, s), "first")
	wantPosition(t, s, "first")
}

func TestWhatABrokerAnswersToASaveHasAClass(t *testing.T) {
	for _, c := range []struct {
		name string
		key  kmsg.Key
		code *kerr.Error
		stop bool
		says string
	}{
		{"a batch that is too large stops", kmsg.Produce, kerr.MessageTooLarge, true, "max.message.bytes"},
		{"a record that is refused stops", kmsg.Produce, kerr.InvalidRecord, true, "topic shop.checkpoint"},
		{"a right on the topic that is missing stops", kmsg.Produce, kerr.TopicAuthorizationFailed, true, "User:ANONYMOUS"},
		{"a right on the transactional id that is missing stops", kmsg.EndTxn, kerr.TransactionalIDAuthorizationFailed, true, "transactional id shop"},
		{"an answer without a reason is tried again", kmsg.EndTxn, kerr.UnknownServerError, false, "commit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster, s := fake(t)
			st := save(t, s, acquire(t, s), "first")
			fault := kfake.Fault{Keys: []kmsg.Key{c.key}, Err: c.code, Count: -1}
			// Not the sign of life.
			fault.When = func(r kmsg.Request) bool {
				produce, ok := r.(*kmsg.ProduceRequest)
				return !ok || produce.TransactionID != nil
			}
			handle := cluster.Fault(fault)
			err := s.Save(t.Context(), at(st, "second"))
			if failure.Retryable(err) == c.stop {
				t.Errorf("got error %v, want that it stops: %v", err, c.stop)
			}
			if !c.stop {
				return
			}
			wantStop(t, err, c.says)
			handle.Remove()
			must(t, s.Save(t.Context(), at(st, "third")))
			wantPosition(t, s, "third")
		})
	}
}

// Compaction may leave nothing at the end of the topic, and a quota may make an
// answer empty where there is something.
func TestAnEmptyAnswerIsTheEndOnlyWhereNothingIsHeldBack(t *testing.T) {
	for _, c := range []struct {
		name      string
		throttled bool
		want      string
	}{
		{"nothing is left there", false, "first"},
		{"a quota held it back", true, "second"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster, s := fake(t)
			st := save(t, s, acquire(t, s), "first")
			wantPosition(t, s, "first")
			var empty, from atomic.Int64
			from.Store(end(t, cluster))
			save(t, s, st, "second")
			cluster.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				request := r.(*kmsg.FetchRequest)
				asked := request.Topics[0].Partitions[0].FetchOffset
				if asked < from.Load() {
					request.Topics[0].Partitions[0].PartitionMaxBytes = 1
					request.MaxBytes = 1
					return nil, nil, false
				}
				if c.throttled && empty.Add(1) > 5 {
					return nil, nil, false
				}
				response := r.ResponseKind().(*kmsg.FetchResponse)
				topic := kmsg.NewFetchResponseTopic()
				topic.Topic, topic.TopicID = request.Topics[0].Topic, request.Topics[0].TopicID
				partition := kmsg.NewFetchResponseTopicPartition()
				partition.HighWatermark, partition.LastStableOffset = 1<<40, 1<<40
				topic.Partitions = append(topic.Partitions, partition)
				response.Topics = append(response.Topics, topic)
				if c.throttled {
					response.ThrottleMillis = 1
				}
				return response, nil, true
			})
			wantPosition(t, s, c.want)
		})
	}
}

// Brokers learn of a topic one after the other. That one does not know it is no
// start without a State, which would be a start elsewhere.
func TestATopicThatABrokerDoesNotKnowIsNotAnEmptyOne(t *testing.T) {
	cluster, s := fake(t)
	save(t, s, acquire(t, s), "first")
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.UnknownTopicOrPartition, Count: 1})
	wantPosition(t, s, "first")
}

// A broker gives up a transaction that it can't verify in time, as while it is
// started again. No other instance has to do with it.
func TestAClaimThatABrokerGivesUpIsTriedAgain(t *testing.T) {
	cluster, s := fake(t)
	fault := kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TransactionAbortable, Count: 1}
	fault.When = func(r kmsg.Request) bool { return r.(*kmsg.ProduceRequest).TransactionID != nil }
	cluster.Fault(fault)
	if _, err := s.Acquire(t.Context()); !failure.Retryable(err) {
		t.Fatalf("got error %v, want a Retry", err)
	}
	save(t, s, acquire(t, s), "first")
	wantPosition(t, s, "first")
}
