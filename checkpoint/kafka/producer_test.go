package kafka_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

// fence initializes the transactional id, as a rival does, and writes no claim.
func (p place) fence(t *testing.T) {
	t.Helper()
	rival := p.cluster.Client(t, kgo.TransactionalID(p.pipeline))
	_, _, err := rival.ProducerID(t.Context())
	must(t, err)
}

// publishing returns a Store that holds the pipeline, its State, a Producer and
// a topic to publish to.
func (p place) publishing(t *testing.T) (*kafka.Store, checkpoint.State, *kafka.Producer, string) {
	t.Helper()
	topic := p.cluster.Prefix + "orders"
	p.cluster.CreateTopic(t, topic, 1, nil)
	s := p.store(t, short)
	st := save(t, s, acquire(t, s), number(1))
	producer, err := s.Producer(t.Context())
	must(t, err)
	return s, st, producer, topic
}

func TestRecordsAndStateAreCommittedTogether(t *testing.T) {
	p := newPlace(t)
	s, st, producer, topic := p.publishing(t)
	for i := range 3 {
		must(t, producer.Begin())
		produce(t, producer, topic)
		if got := p.records(t, topic); got != i {
			t.Errorf("got %d committed records before the commit, want %d", got, i)
		}
		st.Position = "p"
		must(t, producer.Commit(t.Context(), st))
		if got := p.records(t, topic); got != i+1 {
			t.Errorf("got %d committed records, want %d", got, i+1)
		}
		wantPosition(t, s, "p")
	}
	// The pipeline saves between lives with what the publisher left.
	save(t, s, st, number(2))
	wantPosition(t, s, number(2))
}

func TestWhatWasNotCommittedIsNotRead(t *testing.T) {
	p := newPlace(t)
	s, st, producer, topic := p.publishing(t)
	must(t, producer.Begin())
	produce(t, producer, topic)
	late := st
	late.Position = "never committed"
	text, err := late.Encode()
	must(t, err)
	must(t, producer.Client().ProduceSync(t.Context(), &kgo.Record{Topic: p.topic, Key: []byte("state"), Value: text}).FirstErr())
	next, err := s.Producer(t.Context())
	must(t, err)
	wantPosition(t, s, number(1))
	if got := p.records(t, topic); got != 0 {
		t.Errorf("got %d committed records, want 0", got)
	}
	if err := producer.Commit(t.Context(), late); !failure.Retryable(err) || !errors.Is(err, os.ErrClosed) {
		t.Errorf("the former Producer: got error %v, want a Retry", err)
	}
	must(t, next.Commit(t.Context(), st))
}

func TestSaveInAnOpenTransactionPanics(t *testing.T) {
	p := newPlace(t)
	s, st, producer, _ := p.publishing(t)
	must(t, producer.Begin())
	defer func() {
		if recover() == nil {
			t.Error("Save did not panic")
		}
	}()
	_ = s.Save(t.Context(), st)
}

func TestACommitThatIsFencedWithoutARivalGoesOnWithTheNextProducer(t *testing.T) {
	p := newPlace(t)
	s, st, producer, topic := p.publishing(t)
	must(t, producer.Begin())
	produce(t, producer, topic)
	p.fence(t)
	if err := producer.Commit(t.Context(), st); !failure.Retryable(err) {
		t.Fatalf("got error %v, want a Retry", err)
	}
	if err := producer.Begin(); !failure.Retryable(err) {
		t.Errorf("the failed Producer: got error %v, want a Retry", err)
	}
	next, err := s.Producer(t.Context())
	must(t, err)
	wantPosition(t, s, number(1))
	must(t, next.Begin())
	produce(t, next, topic)
	st.Position = "p"
	must(t, next.Commit(t.Context(), st))
	wantPosition(t, s, "p")
	if got := p.records(t, topic); got != 1 {
		t.Errorf("got %d committed records, want 1", got)
	}
}

func TestATransactionThatTimesOutGoesOnWithTheNextProducer(t *testing.T) {
	t.Parallel()
	server := servers.NewKafka(t, map[string]string{"transaction.abort.timed.out.transaction.cleanup.interval.ms": "100"})
	p := place{&server.KafkaCluster, "shop", "shop.checkpoint"}
	s := p.store(t, forever)
	kafka.SetTransactionTimeout(s, 3*time.Second)
	st := save(t, s, acquire(t, s), number(1))
	server.CreateTopic(t, "orders", 1, nil)
	producer, err := s.Producer(t.Context())
	must(t, err)
	must(t, producer.Begin())
	produce(t, producer, "orders")
	eventually.NoError(t, limit, "the transaction times out", func() error {
		found, err := server.Admin(t).DescribeTransactions(context.Background(), p.pipeline)
		if err == nil && found[p.pipeline].State != "CompleteAbort" {
			err = errors.New(found[p.pipeline].State)
		}
		return err
	})
	if err := producer.Commit(t.Context(), st); !failure.Retryable(err) {
		t.Errorf("got error %v, want a Retry", err)
	}
	next, err := s.Producer(t.Context())
	must(t, err)
	st.Position = "p"
	must(t, next.Commit(t.Context(), st))
	wantPosition(t, s, "p")
}

func TestAProducerOfAPipelineThatWasTakenOverIsRefusedAndDisturbsNobody(t *testing.T) {
	p := newPlace(t)
	first := p.store(t, short)
	st := acquire(t, first)
	rival := p.cluster.Client(t, kgo.TransactionalID(p.pipeline))
	commit := func(key, value string) {
		t.Helper()
		must(t, rival.BeginTransaction())
		must(t, rival.ProduceSync(t.Context(), &kgo.Record{Topic: p.topic, Key: []byte(key), Value: []byte(value)}).FirstErr())
		must(t, rival.EndTransaction(t.Context(), kgo.TryCommit))
	}
	commit("claim", `{"id":"of a rival","generation":9,"host":"elsewhere","process":7}`)
	_, err := first.Producer(t.Context())
	wantFenced(t, err)
	wantFenced(t, first.Save(t.Context(), st))
	must(t, first.Close())
	commit("other", "not fenced")
}

func TestTheOptionsOfThePublisherHold(t *testing.T) {
	p := newPlace(t)
	s := p.store(t, short)
	st := acquire(t, s)
	producer, err := s.Producer(t.Context(),
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return int32(1000 + len(topic)) }),
		kgo.ProducerLinger(time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(t, err)
	largest := producer.Client().OptValue(kgo.ProducerBatchMaxBytesFn).(func(string) int32)
	if got := largest("four"); got != 1004 {
		t.Errorf("got batches of %d bytes, want 1004", got)
	}
	if got := largest(p.topic); got != 64<<20 {
		t.Errorf("got batches of %d bytes for the checkpoint, want %d", got, 64<<20)
	}
	st.Position = "p"
	start := time.Now()
	must(t, producer.Commit(t.Context(), st))
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("the commit took %v: it waited for the linger", took)
	}
	wantPosition(t, s, "p")
}
