package servers

import (
	"context"
	"testing"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// A KafkaServer is a Kafka broker that belongs to one test, which may do anything
// to it. Its methods end the test when they fail and must be called on its
// goroutine.
type KafkaServer struct {
	KafkaCluster

	kafka *local.Kafka
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
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Errorf("close the broker: %v", err)
		}
	})
	return &KafkaServer{KafkaCluster: KafkaCluster{KafkaAddress: k.KafkaAddress}, kafka: k}
}

// Stop shuts the broker down in an orderly way.
func (s *KafkaServer) Stop(t testing.TB) {
	t.Helper()
	s.do(t, s.kafka.Stop)
}

// Start starts a broker that was stopped or killed, on the same ports, and returns
// when it takes requests. After Kill that takes three seconds more.
func (s *KafkaServer) Start(t testing.TB) {
	t.Helper()
	s.do(t, s.kafka.Start)
}

// Restart is Stop and Start.
func (s *KafkaServer) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.Start(t)
}

// Kill ends the broker with SIGKILL, as a crash would.
func (s *KafkaServer) Kill(t testing.TB) {
	t.Helper()
	s.do(t, func(context.Context) error { return s.kafka.Kill() })
}

// Freeze stops the broker with SIGSTOP: connections stay open and nothing answers.
func (s *KafkaServer) Freeze(t testing.TB) {
	t.Helper()
	s.do(t, func(context.Context) error { return s.kafka.Freeze() })
}

// Thaw lets a frozen broker go on.
func (s *KafkaServer) Thaw(t testing.TB) {
	t.Helper()
	s.do(t, func(context.Context) error { return s.kafka.Thaw() })
}

// Log returns the end of the broker's log since its last start.
func (s *KafkaServer) Log() string {
	return s.kafka.Log()
}

func (s *KafkaServer) do(t testing.TB, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := f(ctx); err != nil {
		t.Fatal(err)
	}
}
