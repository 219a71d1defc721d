package kafka_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish/kafka"
)

// These need answers that a healthy broker does not give.

const orders = "shop.public.orders"

// produce is a fault of the next produce requests, which are as many as given.
func produce(code *kerr.Error, count int) kfake.Fault {
	return kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders, Err: code, Count: count}
}

func TestWhatABrokerAnswersHasAClass(t *testing.T) {
	for _, c := range []struct {
		name string
		code *kerr.Error
		stop bool
		says string
	}{
		{"a batch that is too large stops", kerr.MessageTooLarge, true, "larger than the topic takes"},
		{"a record that the topic refuses stops", kerr.InvalidRecord, true, "compacted"},
		{"a rule of the broker stops", kerr.PolicyViolation, true, "refuses a record"},
		{"a sequence out of order starts again", kerr.OutOfOrderSequenceNumber, false, "lost track"},
		{"an unknown producer starts again", kerr.UnknownProducerID, false, "lost track"},
		{"a fenced epoch starts again", kerr.InvalidProducerEpoch, false, "lost track"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := fake(t, orders, 1)
			p := open(t, kafka.Config{Cluster: at(cluster.ListenAddrs()...)})
			must(t, result(t, p, batch(orders, "first")))
			cluster.Fault(produce(c.code, 1))
			err := result(t, p, batch(orders, "secret"))
			if !errors.Is(err, c.code) || failure.Retryable(err) == c.stop {
				t.Errorf("got error %v, want %v that stops: %v", err, c.code, c.stop)
			}
			if !strings.Contains(err.Error(), orders) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %q, want a sentence with the topic and %q, and without the row", err, c.says)
			}
			later := p.Publish(t.Context(), batch(orders, "third"), func(error) { t.Error("done was called") })
			if !errors.Is(later, c.code) {
				t.Errorf("a later batch: got error %v, want %v", later, c.code)
			}
			if err := p.Flush(t.Context()); !errors.Is(err, c.code) {
				t.Errorf("flush: got error %v, want %v", err, c.code)
			}
		})
	}
}

func TestWhatABrokerMendsIsRetriedWithoutAGapOrADouble(t *testing.T) {
	for _, c := range []struct {
		name string
		code *kerr.Error
	}{
		{"another broker leads", kerr.NotLeaderForPartition},
		{"replicas are missing", kerr.NotEnoughReplicas},
		{"replicas were missing when the record was stored already", kerr.NotEnoughReplicasAfterAppend},
		{"the record is stored and the broker does not know it yet", kerr.RequestTimedOut},
		{"the broker does not know the topic yet", kerr.UnknownTopicOrPartition},
		{"the disk is away", kerr.KafkaStorageError},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // the client waits between its attempts
			cluster := fake(t, orders, 1)
			p := open(t, kafka.Config{Cluster: at(cluster.ListenAddrs()...)})
			count := 0
			fault := produce(c.code, 5)
			fault.When = func(kmsg.Request) bool { count++; return count%3 == 0 }
			faults := cluster.Fault(fault)
			for i := range 20 {
				publishNumbers(t, p, 15*i, 15) // in waves: a request for each at least
			}
			wantNumbers(t, cluster.ListenAddrs(), orders, 300)
			if faults.Hits() == 0 {
				t.Error("no request was answered so")
			}
		})
	}
}

func TestARecordIsStoredOnceThoughConnectionsBreakBeforeTheResponse(t *testing.T) {
	cut := new(cutter)
	cluster := fake(t, orders, 1, kfake.ListenFn(cut.listen))
	p := open(t, kafka.Config{Cluster: at(cluster.ListenAddrs()...)})
	cut.every.Store(8)
	for i := range 100 {
		publishNumbers(t, p, i, 1) // one by one: a request for each
	}
	cut.every.Store(0)
	wantNumbers(t, cluster.ListenAddrs(), orders, 100)
	if cut.count.Load() < 5 {
		t.Errorf("got %d cuts, want some", cut.count.Load())
	}
}

// A cutter makes a broker whose connections break: one write in so many goes
// nowhere and closes the connection.
type cutter struct{ every, writes, count atomic.Int64 }

func (c *cutter) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return cutListener{l, c}, err
}

type cutListener struct {
	net.Listener
	cutter *cutter
}

func (l cutListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return cutConn{conn, l.cutter}, err
}

type cutConn struct {
	net.Conn
	cutter *cutter
}

func (c cutConn) Write(b []byte) (int, error) {
	if n := c.cutter.every.Load(); n > 0 && c.cutter.writes.Add(1)%n == 0 {
		c.cutter.count.Add(1)
		_ = c.Close() // that is the fault
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// Records that were not sent yet when a batch is refused must not land behind
// the gap, on that partition or another.
func TestNothingLandsBehindARefusedBatch(t *testing.T) {
	for _, code := range []*kerr.Error{kerr.MessageTooLarge, kerr.TopicAuthorizationFailed, kerr.OutOfOrderSequenceNumber} {
		t.Run(code.Message, func(t *testing.T) {
			const partitions = 3
			cluster := fake(t, orders, partitions)
			p := open(t, kafka.Config{Cluster: at(cluster.ListenAddrs()...)})
			fault := produce(code, 1)
			fault.Partitions = []int32{1}
			count := 0
			fault.When = func(kmsg.Request) bool { count++; return count == 20 }
			faults := cluster.Fault(fault)
			results := make(chan error, 100_000)
			accepted := 0
			for ; accepted < cap(results); accepted++ {
				b := batch(orders, number(accepted))
				b.Records[0].Hash = uint32(accepted)
				if p.Publish(t.Context(), b, func(err error) { results <- err }) != nil {
					break
				}
			}
			must(t, p.Close())
			failed := 0
			for range accepted {
				if within(t, results) != nil {
					failed++
				}
			}
			if faults.Hits() != 1 || failed == 0 || accepted == cap(results) {
				t.Fatalf("got %d refused requests and %d failed of %d batches, want the Publisher to end with one refusal", faults.Hits(), failed, accepted)
			}
			next := [partitions]int{0, 1, 2}
			for _, r := range stored(t, cluster.ListenAddrs(), orders)[orders] {
				if got, want := string(r.Value), number(next[r.Partition]); got != want {
					t.Fatalf("in partition %d %s follows %s: it landed behind a gap", r.Partition, got, number(next[r.Partition]-partitions))
				}
				next[r.Partition] += partitions
			}
		})
	}
}

func TestARightThatIsTakenStopsAfterAWhileAndOneThatReturnsDoesNot(t *testing.T) {
	for _, c := range []struct {
		name    string
		returns bool
	}{
		{"a right that stays away stops, with the names", false},
		{"a right that returns starts again", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := new(kfake.VirtualNetwork)
				cluster := fake(t, orders, 1, kfake.ListenFn(network.Listen))
				p := open(t, kafka.Config{Cluster: broker.Cluster{Brokers: cluster.ListenAddrs(), Dial: network.DialContext}})
				must(t, result(t, p, batch(orders, "first")))
				start := time.Now()
				denied := kfake.Fault{Keys: []kmsg.Key{kmsg.Produce, kmsg.Metadata}, Topic: orders, Err: kerr.TopicAuthorizationFailed, Count: -1}
				denied.When = func(kmsg.Request) bool { return !c.returns || time.Since(start) < 10*time.Second }
				cluster.Fault(denied)
				done := make(chan error, 1)
				must(t, p.Publish(t.Context(), batch(orders, "second"), func(err error) { done <- err }))
				err := <-done
				if failure.Retryable(err) != c.returns || !errors.Is(err, kerr.TopicAuthorizationFailed) {
					t.Errorf("got error %v, want TOPIC_AUTHORIZATION_FAILED, retryable: %v", err, c.returns)
				}
				for _, want := range []string{orders, "User:ANONYMOUS"} {
					if !c.returns && !strings.Contains(err.Error(), want) {
						t.Errorf("got %q, want %q in it", err, want)
					}
				}
				if took := time.Since(start); c.returns && took > 15*time.Second || !c.returns && took < 30*time.Second || took > time.Minute {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// Brokers that come back after an outage are no replicas for a moment.
func TestATopicIsMadeOnceThereAreReplicasForIt(t *testing.T) {
	for _, c := range []struct {
		name    string
		returns bool
	}{
		{"too few for a while are waited for", true},
		{"too few for ever stop", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := new(kfake.VirtualNetwork)
				cluster := fake(t, orders, 1, kfake.ListenFn(network.Listen))
				p := open(t, kafka.Config{CreateTopics: true, Cluster: broker.Cluster{Brokers: cluster.ListenAddrs(), Dial: network.DialContext}})
				start := time.Now()
				few := kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.InvalidReplicationFactor, Count: -1}
				few.When = func(kmsg.Request) bool { return !c.returns || time.Since(start) < 10*time.Second }
				cluster.Fault(few)
				done := make(chan error, 1)
				err := p.Publish(t.Context(), batch("new", "{}"), func(err error) { done <- err })
				if c.returns {
					must(t, err)
					must(t, <-done)
				} else if failure.ExitCode(err) != failure.ExitStop || !errors.Is(err, kerr.InvalidReplicationFactor) {
					t.Errorf("got error %v, want a Stop", err)
				}
				if took := time.Since(start); took < 10*time.Second || took > time.Minute {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestTheLimitOfATopicIsAskedForUntilItIsKnown(t *testing.T) {
	cluster := fake(t, orders, 1)
	admin, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	must(t, err)
	t.Cleanup(admin.Close)
	_, err = kadm.NewClient(admin).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: kadm.StringPtr("3000000")}}, orders)
	must(t, err)
	faults := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.UnknownServerError, Count: 2})
	p := open(t, kafka.Config{Cluster: at(cluster.ListenAddrs()...), Compression: "none"})
	must(t, result(t, p, batch(orders, strings.Repeat("x", 2_000_000))))
	if got := faults.Hits(); got != 2 {
		t.Errorf("got %d requests answered so, want 2", got)
	}
}

// A login is asked for again when connections break.
func TestALoginThatIsTakenStopsAfterAWhileAndOneThatReturnsDoesNot(t *testing.T) {
	for _, c := range []struct {
		name    string
		returns bool
	}{
		{"a login that stays refused stops, with the user", false},
		{"a login that is taken again starts again", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := new(kfake.VirtualNetwork)
				cluster := fake(t, orders, 1, kfake.ListenFn(network.Listen), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "shop", "hunter2"))
				mechanism, err := broker.SASLMechanism(broker.Login{Mechanism: "SCRAM-SHA-256", User: "shop", Password: "hunter2"})
				must(t, err)
				var conns connections
				p := open(t, kafka.Config{Cluster: broker.Cluster{Brokers: cluster.ListenAddrs(), SASL: mechanism, Dial: conns.dial(network)}})
				must(t, result(t, p, batch(orders, "first")))
				start := time.Now()
				cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
					cluster.KeepControl()
					response := r.(*kmsg.SASLAuthenticateRequest).ResponseKind().(*kmsg.SASLAuthenticateResponse)
					response.ErrorCode = kerr.SaslAuthenticationFailed.Code
					return response, nil, !c.returns || time.Since(start) < 20*time.Second
				})
				conns.cut()
				done := make(chan error, 1)
				must(t, p.Publish(t.Context(), batch(orders, "second"), func(err error) { done <- err }))
				err = <-done
				if c.returns && err == nil {
					return // it came back before anybody asked
				}
				if failure.Retryable(err) != c.returns || !errors.Is(err, kerr.SaslAuthenticationFailed) {
					t.Errorf("got error %v, want SASL_AUTHENTICATION_FAILED, retryable: %v", err, c.returns)
				}
				if !c.returns && !strings.Contains(err.Error(), "User:shop") || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("got %q, want the user in it and not the password", err)
				}
				if took := time.Since(start); !c.returns && took < 30*time.Second || took > 2*time.Minute {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// connections are those that a client has made.
type connections struct {
	mu  sync.Mutex
	all []net.Conn
}

func (c *connections) dial(network *kfake.VirtualNetwork) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, kind, address string) (net.Conn, error) {
		conn, err := network.DialContext(ctx, kind, address)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all = append(c.all, conn)
		return conn, err
	}
}

// cut breaks all of them.
func (c *connections) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.all {
		if conn != nil {
			_ = conn.Close() // that is the fault
		}
	}
}

func TestMetadataThatLiesIsOutlivedWithoutAPanic(t *testing.T) {
	lies := []func(*kmsg.MetadataResponse){
		func(m *kmsg.MetadataResponse) { m.Topics = nil },
		func(m *kmsg.MetadataResponse) { m.Topics[0].Topic = nil },
		func(m *kmsg.MetadataResponse) { m.Topics[0].Partitions = nil },
		func(m *kmsg.MetadataResponse) { m.Topics[0].ErrorCode = -32768 },
	}
	cluster := fake(t, orders, 1)
	told := 0
	cluster.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		request := r.(*kmsg.MetadataRequest)
		if told == len(lies) || len(request.Topics) == 0 {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.MetadataResponse)
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic = kmsg.StringPtr(orders)
		topic.Partitions = append(topic.Partitions, kmsg.NewMetadataResponseTopicPartition())
		response.Topics = append(response.Topics, topic)
		lies[told](response)
		told++
		return response, nil, true
	})
	p := open(t, kafka.Config{Cluster: at(cluster.ListenAddrs()...)})
	publishNumbers(t, p, 0, 10)
	wantNumbers(t, cluster.ListenAddrs(), orders, 10)
	if told != len(lies) {
		t.Errorf("got %d lies told, want %d", told, len(lies))
	}
}
