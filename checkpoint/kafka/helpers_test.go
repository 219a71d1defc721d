package kafka_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

const (
	limit = time.Minute // how long anything may take that is not made to wait
	short = time.Second
	// forever is a lease that no test waits for.
	forever = time.Hour
)

// place is where a test keeps its checkpoint.
type place struct {
	cluster  *servers.KafkaCluster
	pipeline string
	topic    string
}

func newPlace(t *testing.T) place {
	t.Helper()
	c := servers.Kafka(t)
	return place{c, c.Prefix + "shop", c.Prefix + "shop.checkpoint"}
}

func (p place) store(t *testing.T, lease time.Duration) *kafka.Store {
	t.Helper()
	return storeAt(t, kafka.Config{Pipeline: p.pipeline, Lease: lease, Cluster: broker.Cluster{Brokers: []string{p.cluster.Plain}}})
}

func storeAt(t *testing.T, cfg kafka.Config) *kafka.Store {
	t.Helper()
	s := kafka.New(cfg)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// write puts a record into the topic as nobody should.
func (p place) write(t *testing.T, key string, value []byte) {
	t.Helper()
	record := &kgo.Record{Topic: p.topic, Key: []byte(key), Value: value}
	must(t, p.cluster.Client(t).ProduceSync(t.Context(), record).FirstErr())
}

func acquire(t *testing.T, s *kafka.Store) checkpoint.State {
	t.Helper()
	st, err := s.Acquire(t.Context())
	must(t, err)
	return st
}

// save saves st moved to a position, and returns it.
func save(t *testing.T, s *kafka.Store, st checkpoint.State, position string) checkpoint.State {
	t.Helper()
	st.Position = event.Position(position)
	must(t, s.Save(t.Context(), st))
	return st
}

func wantPosition(t *testing.T, s *kafka.Store, want string) {
	t.Helper()
	st, err := s.Load(t.Context())
	if err != nil || string(st.Position) != want {
		t.Errorf("got position %q, %v, want %q", st.Position, err, want)
	}
}

func wantFenced(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, checkpoint.ErrFenced) || failure.ExitCode(err) != failure.ExitFenced {
		t.Errorf("got error %v, want ErrFenced with exit code %d", err, failure.ExitFenced)
	}
}

func wantStop(t *testing.T, err error, phrases ...string) {
	t.Helper()
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) {
		t.Errorf("got error %v, want a Stop", err)
		return
	}
	for _, phrase := range phrases {
		if !strings.Contains(err.Error(), phrase) {
			t.Errorf("got error %q, want %q in it", err, phrase)
		}
	}
}

func number(i int) string { return fmt.Sprintf("lsn:0/%d", i) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
