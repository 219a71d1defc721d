package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestBrokersThatAreAwayOrFrozenAreWaitedForNoLongerThanAsked(t *testing.T) {
	t.Parallel()
	server := servers.NewKafka(t, nil)
	p := place{&server.KafkaCluster, "shop", "shop.checkpoint"}
	s := p.store(t, short)
	st := save(t, s, acquire(t, s), number(1))
	for _, c := range []struct {
		name      string
		take, put func(testing.TB)
	}{
		{"frozen", server.Freeze, server.Thaw},
		{"killed", server.Kill, server.Start},
	} {
		c.take(t)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*short)
		st.Position = "during"
		if err := s.Save(ctx, st); !failure.Retryable(err) {
			t.Errorf("%s: got error %v, want a Retry", c.name, err)
		}
		cancel()
		if took := time.Since(start); took > limit/2 {
			t.Errorf("%s: Save took %v", c.name, took)
		}
		c.put(t)
		st = save(t, s, st, c.name)
		wantPosition(t, s, c.name)
	}
	server.Freeze(t)
	defer server.Thaw(t)
	start := time.Now()
	must(t, s.Close())
	if took := time.Since(start); took > limit/2 {
		t.Errorf("Close took %v", took)
	}
}

func TestATopicThatIsDeletedMeanwhileIsAStop(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.store(t, short)
	st := save(t, s, acquire(t, s), number(1))
	_, err := p.cluster.Admin(t).DeleteTopics(t.Context(), p.topic)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*short)
	defer cancel()
	if err := s.Save(ctx, st); err == nil {
		t.Error("Save returned nil without a topic")
	}
	_, err = s.Producer(t.Context())
	wantStop(t, err, p.topic, "--from")
}
