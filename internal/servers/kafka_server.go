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
