package servers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/servers"
)

func TestABrokerOfATestLivesThroughStopKillAndFreeze(t *testing.T) {
	t.Parallel()
	s := servers.NewKafka(t, nil)
	s.CreateTopic(t, "kept", 1, nil)
	client := s.Client(t, kgo.DefaultProduceTopic("kept"))
	var want []string
	produce := func() {
		t.Helper()
		var records []*kgo.Record
		for range 100 {
			value := fmt.Sprint(len(want))
			want = append(want, value)
			records = append(records, kgo.StringRecord(value))
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatalf("produce: %v", err)
		}
	}
	check := func(when string) {
		t.Helper()
		if got := values(s.Consume(t, "kept", true)[0]); !slices.Equal(got, want) {
			t.Errorf("records %s: got %d, want %d, the same", when, len(got), len(want))
		}
	}
	produce()
	s.Restart(t)
	check("after a restart")
	produce()
	s.Kill(t)
	if err := s.Client(t, kgo.RequestRetries(0)).Ping(t.Context()); err == nil {
		t.Error("ask a killed broker: got no error")
	}
	s.Start(t)
	check("after a crash")

	pids := processesOf(t, filepath.Dir(s.DataDir))
	if len(pids) != 1 {
		t.Fatalf("processes of the broker: got %v, want one", pids)
	}
	s.Freeze(t)
	if got := threadsThatGoOn(t, pids[0]); len(got) > 0 {
		t.Errorf("threads of a frozen broker: %q go on, want none", got)
	}
	s.Thaw(t)
	produce()
	check("after a thaw")
}

func TestSettingsOfABrokerOverrideOurs(t *testing.T) {
	t.Parallel()
	s := servers.NewKafka(t, map[string]string{
		"message.max.bytes":         "1000",
		"auto.create.topics.enable": "", // Kafka's own is true
	})
	client := s.Client(t, kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("made"))
	if err := client.ProduceSync(t.Context(), kgo.StringRecord("small")).FirstErr(); err != nil {
		t.Errorf("produce to a topic that nobody made: %v", err)
	}
	large := &kgo.Record{Value: make([]byte, 2000), Topic: "made"}
	if err := s.Client(t, kgo.ProducerBatchCompression(kgo.NoCompression())).ProduceSync(t.Context(), large).FirstErr(); err == nil {
		t.Error("produce more than message.max.bytes: got no error")
	}
}

func TestNothingIsLeftOfAClosedBroker(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(*testing.T, *servers.KafkaServer)
	}{
		{"that runs", func(*testing.T, *servers.KafkaServer) {}},
		{"that was frozen", func(t *testing.T, s *servers.KafkaServer) { s.Freeze(t) }},
		{"that was killed", func(t *testing.T, s *servers.KafkaServer) { s.Kill(t) }},
		{"that was stopped", func(t *testing.T, s *servers.KafkaServer) { s.Stop(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var folder string
			t.Run("the test that has it", func(t *testing.T) {
				s := servers.NewKafka(t, nil)
				folder = filepath.Dir(s.DataDir)
				c.before(t, s)
			})
			if folder == "" {
				t.Fatal("there was no broker to close")
			}
			if _, err := os.Stat(folder); !os.IsNotExist(err) {
				t.Errorf("look for the folder: got %v, want that it does not exist", err)
			}
			if got := processesOf(t, folder); len(got) != 0 {
				t.Errorf("processes left: got %v, want none", got)
			}
		})
	}
}
