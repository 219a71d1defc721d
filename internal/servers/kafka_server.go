package servers

import (
	"context"
	"testing"
)

// A KafkaServer is a Kafka broker that belongs to one test, which may do anything
// to it. Its methods end the test when they fail and must be called on its
// goroutine.
//
// After Kill, Start waits until the killed broker's session is over, which takes
// three seconds more. One that was frozen for longer than its session is without
// leaders for a moment.
type KafkaServer struct {
	KafkaCluster
	controls
}

// NewKafka starts a broker for this test alone, with settings that override ours
// in server.properties ("" leaves one out, nil is for none), and removes it when
// the test ends. It takes three seconds: tests that need no restart and no
// settings use Kafka.
func NewKafka(t testing.TB, settings map[string]string) *KafkaServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), firstLimit)
	defer cancel()
	k, err := StartKafka(ctx, settings)
	if err != nil {
		t.Fatalf("start a broker: %v", err)
	}
	return &KafkaServer{KafkaCluster{KafkaAddress: k.KafkaAddress}, control(t, k)}
}

// NewKafkaCluster starts three brokers of one cluster for this test alone, as
// StartKafkaCluster does, and removes them when the test ends. What it returns
// are three ways to the same topics, each of which the test may end by itself.
func NewKafkaCluster(t testing.TB, settings map[string]string) []*KafkaServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), firstLimit)
	defer cancel()
	c, err := StartKafkaCluster(ctx, settings)
	if err != nil {
		t.Fatalf("start a cluster: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the cluster: %v", err)
		}
	})
	var all []*KafkaServer
	for _, k := range c.Brokers {
		all = append(all, &KafkaServer{KafkaCluster{KafkaAddress: k.KafkaAddress}, controls{k}})
	}
	return all
}
