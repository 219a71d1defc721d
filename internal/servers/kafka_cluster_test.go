package servers_test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestAClusterElectsAnotherLeaderAndTakesTheOldOneBack(t *testing.T) {
	t.Parallel()
	brokers := servers.NewKafkaCluster(t, nil)
	brokers[0].CreateTopic(t, "kept", 1, nil)
	seeds := kgo.SeedBrokers(brokers[0].Plain, brokers[1].Plain, brokers[2].Plain)
	client := brokers[0].Client(t, seeds, kgo.DefaultProduceTopic("kept"))
	admin := kadm.NewClient(client)
	state := func() kadm.PartitionDetail {
		topics, err := admin.ListTopics(t.Context(), "kept")
		if err != nil {
			t.Fatalf("look at the topic: %v", err)
		}
		return topics["kept"].Partitions[0]
	}
	if got := state(); len(got.Replicas) != 3 {
		t.Fatalf("replicas: got %v, want three", got.Replicas)
	}
	var want []string
	for _, fault := range []func(*servers.KafkaServer){
		func(s *servers.KafkaServer) { s.Kill(t); s.Start(t) },
		func(s *servers.KafkaServer) { s.Freeze(t); defer s.Thaw(t); elected(t, state) },
	} {
		leader := state().Leader
		fault(brokers[leader-1])
		want = append(want, fmt.Sprint(len(want)))
		if err := client.ProduceSync(t.Context(), kgo.StringRecord(want[len(want)-1])).FirstErr(); err != nil {
			t.Fatalf("produce: %v", err)
		}
		if got := state().Leader; got == leader {
			t.Errorf("leader: got %d, want another one", got)
		}
		eventually.True(t, time.Minute, "all three are in sync", func() bool { return len(state().ISR) == 3 })
	}
	if got := values(brokers[0].Consume(t, "kept", false)[0]); !slices.Equal(got, want) {
		t.Errorf("records: got %q, want %q", got, want)
	}
}

// elected waits until the leader is another one.
func elected(t *testing.T, state func() kadm.PartitionDetail) {
	t.Helper()
	before := state().Leader
	eventually.True(t, time.Minute, "there is another leader", func() bool {
		now := state().Leader
		return now > 0 && now != before
	})
}

func TestABrokerBehindAProxyNamesTheProxy(t *testing.T) {
	t.Parallel()
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	k, err := servers.StartKafkaBehind(t.Context(), proxy.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}()
	go func() {
		for {
			conn, err := proxy.Accept()
			if err != nil {
				return // the test has ended
			}
			on, err := net.Dial("tcp", k.Behind)
			if err != nil {
				t.Errorf("pass on: %v", err)
				return
			}
			go io.Copy(on, conn)
			go io.Copy(conn, on)
		}
	}()
	for _, c := range []struct{ name, by, want string }{
		{"who comes by the proxy", proxy.Addr().String(), proxy.Addr().String()},
		{"who does not", k.Plain, k.Plain},
	} {
		client, err := kgo.NewClient(kgo.SeedBrokers(c.by))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		brokers, err := kadm.NewClient(client).ListBrokers(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := fmt.Sprintf("%s:%d", brokers[0].Host, brokers[0].Port); got != c.want {
			t.Errorf("%s is told %s, want %s", c.name, got, c.want)
		}
	}
}
