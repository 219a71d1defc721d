package kafka_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/checkpointtest"
	"github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

// The suite's pipeline has a name that others may use as well, so it gets a
// broker of its own.
func TestStore(t *testing.T) {
	t.Parallel()
	server := servers.NewKafka(t, nil)
	n := 0
	checkpointtest.Run(t, func(t *testing.T) checkpointtest.Harness {
		n++
		p := place{&server.KafkaCluster, checkpointtest.Pipeline, fmt.Sprint("checkpoint.", n)}
		return checkpointtest.Harness{
			Open: func(*testing.T) checkpoint.Store {
				return kafka.New(kafka.Config{
					Pipeline: p.pipeline, Topic: p.topic, Lease: short,
					Cluster: broker.Cluster{Brokers: []string{server.Plain}},
				})
			},
			Damage: func(t *testing.T) {
				text := p.last(t, "state")
				text[len(text)/2] ^= 1
				p.write(t, "state", text)
			},
		}
	})
}

// last returns the value of the last committed record of a key.
func (p place) last(t *testing.T, key string) []byte {
	t.Helper()
	var last []byte
	for _, r := range p.cluster.Consume(t, p.topic, true)[0] {
		if string(r.Key) == key {
			last = r.Value
		}
	}
	return last
}

func TestAPipelineThatWasGivenBackIsTakenAtOnce(t *testing.T) {
	p := newPlace(t)
	for i := range 3 {
		s := p.store(t, forever)
		save(t, s, acquire(t, s), number(i))
		must(t, s.Close())
	}
	wantPosition(t, p.store(t, forever), number(2))
}

func TestAProducerThatIsClosedDoesNotPreventThePipelineFromBeingGivenBack(t *testing.T) {
	p := newPlace(t)
	s := p.store(t, forever)
	acquire(t, s)
	producer, err := s.Producer(t.Context())
	must(t, err)
	must(t, producer.Begin())
	must(t, producer.Close())
	must(t, s.Close())
	acquire(t, p.store(t, forever))
}

func TestTheGenerationRisesWithoutASave(t *testing.T) {
	p := newPlace(t)
	for want := range uint64(3) {
		s := p.store(t, forever)
		if got := acquire(t, s).Generation; got != want+1 {
			t.Errorf("got generation %d, want %d", got, want+1)
		}
		must(t, s.Close())
	}
}

func TestOfTwoThatAcquireAtOnceOneCanSave(t *testing.T) {
	p := newPlace(t)
	first := p.store(t, short)
	save(t, first, acquire(t, first), number(0))
	must(t, first.Close())
	for range 5 {
		var both sync.WaitGroup
		stores := []*kafka.Store{p.store(t, short), p.store(t, short)}
		states, errs := make([]checkpoint.State, 2), make([]error, 2)
		for i, s := range stores {
			both.Go(func() { states[i], errs[i] = s.Acquire(t.Context()) })
		}
		both.Wait()
		saved := 0
		for i, s := range stores {
			err := errs[i]
			if err == nil {
				err = s.Save(t.Context(), states[i])
			}
			if err == nil {
				saved++
			} else {
				wantFenced(t, err)
			}
		}
		if saved != 1 {
			t.Errorf("got %d that could save, want 1: %v", saved, errs)
		}
		for _, s := range stores {
			must(t, s.Close())
		}
	}
}

func TestALargeStateIsSavedAndLoaded(t *testing.T) {
	p := newPlace(t)
	s := p.store(t, forever)
	st := acquire(t, s)
	memory := make([]byte, 8<<20)
	for i := range memory {
		memory[i] = 'a' + byte(rand.IntN(26))
	}
	var err error
	st.Memory, err = json.Marshal(string(memory))
	must(t, err)
	save(t, s, st, number(1))
	got, err := p.store(t, forever).Load(t.Context())
	if err != nil || !bytes.Equal(got.Memory, st.Memory) {
		t.Errorf("got %d bytes, %v, want the %d that were saved", len(got.Memory), err, len(st.Memory))
	}
}

func TestAStateLargerThanTheTopicTakesIsRefusedWithTheSetting(t *testing.T) {
	p := newPlace(t)
	p.cluster.CreateTopic(t, p.topic, 1, map[string]string{"cleanup.policy": "compact", "max.message.bytes": "10000"})
	s := p.store(t, forever)
	st := save(t, s, acquire(t, s), number(1))
	large := st
	large.Memory = []byte(`"` + string(bytes.Repeat([]byte("x"), 10_000)) + `"`)
	wantStop(t, s.Save(t.Context(), large), "max.message.bytes", p.topic, "10000")
	wantPosition(t, s, number(1))
	save(t, s, st, number(2))
}

func TestWhatTheTopicHoldsIsRefusedIfItIsNotOurs(t *testing.T) {
	foreign, err := checkpoint.State{Pipeline: "other"}.Encode()
	must(t, err)
	for _, c := range []struct {
		name, key string
		value     []byte
		says      string
	}{
		{"the State of another pipeline", "state", foreign, `belongs to pipeline "other"`},
		{"a State that was deleted", "state", nil, "empty"},
		{"a State of a newer program", "state", []byte(`{"format": 99, "checksum": "", "state": {}}`), "a later one"},
		{"a claim that is no JSON", "claim", []byte("hello"), "claim"},
		{"a claim without an id", "claim", []byte("{}"), "no id"},
		{"a claim that was deleted", "claim", nil, "claim"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			first := p.store(t, short)
			save(t, first, acquire(t, first), number(1))
			must(t, first.Close())
			p.write(t, c.key, c.value)
			s := p.store(t, short)
			for range 2 { // an error leaves nothing behind
				_, err := s.Acquire(t.Context())
				wantStop(t, err, c.says, p.topic)
			}
			_, err := s.Load(t.Context())
			wantStop(t, err, c.says, p.topic)
		})
	}
}

func TestTheTopicIsMadeSoThatTheStateStays(t *testing.T) {
	p := newPlace(t)
	acquire(t, p.store(t, forever))
	answer, err := p.cluster.Admin(t).DescribeTopicConfigs(t.Context(), p.topic)
	must(t, err)
	settings := map[string]string{}
	for _, c := range answer[0].Configs {
		settings[c.Key] = c.MaybeValue()
	}
	for name, want := range map[string]string{
		"cleanup.policy": "compact", "max.message.bytes": "67108864", "segment.bytes": "67108864",
		"segment.ms": "600000", "min.cleanable.dirty.ratio": "0.01",
	} {
		if got := settings[name]; got != want {
			t.Errorf("got %s=%s, want %s", name, got, want)
		}
	}
}

func TestATopicThatWouldLoseTheStateIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, policy string
		partitions   int32
		says         string
	}{
		{"its records are deleted with time", "delete", 1, "cleanup.policy=delete"},
		{"its records are compacted and deleted with time", "compact,delete", 1, "cleanup.policy=compact,delete"},
		{"it has two partitions", "compact", 2, "2 partitions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			p.cluster.CreateTopic(t, p.topic, c.partitions, map[string]string{"cleanup.policy": c.policy})
			_, err := p.store(t, short).Acquire(t.Context())
			wantStop(t, err, c.says, p.topic)
		})
	}
}

func TestANobodyWhoAnswersIsTriedAgain(t *testing.T) {
	s := storeAt(t, kafka.Config{Pipeline: "shop", Cluster: broker.Cluster{Brokers: []string{"127.0.0.1:1"}}})
	for name, call := range map[string]func() error{
		"Acquire": func() error { _, err := s.Acquire(t.Context()); return err },
		"Load":    func() error { _, err := s.Load(t.Context()); return err },
	} {
		if err := call(); !failure.Retryable(err) {
			t.Errorf("%s: got error %v, want a Retry", name, err)
		}
	}
}

// records counts those of a topic that are committed.
func (p place) records(t *testing.T, topic string) (n int) {
	t.Helper()
	for _, partition := range p.cluster.Consume(t, topic, true) {
		n += len(partition)
	}
	return n
}

func produce(t *testing.T, p *kafka.Producer, topic string) {
	t.Helper()
	must(t, p.Client().ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("{}")}).FirstErr())
}
