package servers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A KafkaCluster is a test's share of a real Kafka broker. Its methods end the
// test when they fail and must be called on its goroutine.
type KafkaCluster struct {
	local.KafkaAddress

	// Prefix begins the names of the test's topics, transactional ids and groups,
	// so that no other test has them. It is empty on a broker of the test's own.
	Prefix string
}

// Kafka returns a share of the shared broker. When the test ends, the topics whose
// names begin with its prefix are deleted.
//
// Other tests use the same broker, so ids of producers are not consecutive. Settings
// of the whole broker and ACLs on what is not the test's would break other tests:
// NewKafka is for them.
func Kafka(t testing.TB) *KafkaCluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), firstLimit)
	defer cancel()
	c := &KafkaCluster{Prefix: fmt.Sprintf("t_%016x_", rand.Uint64())}
	if err := shared(ctx, "kafka", &c.KafkaAddress); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.deleteTopics(); err != nil {
			t.Errorf("delete the topics of the test: %v", err)
		}
	})
	return c
}

func (c *KafkaCluster) deleteTopics() error {
	// The test's own context has ended.
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Plain))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	var ours []string
	for _, name := range topics.Names() {
		if strings.HasPrefix(name, c.Prefix) {
			ours = append(ours, name)
		}
	}
	answers, err := admin.DeleteTopics(ctx, ours...)
	if err != nil {
		return err
	}
	return answers.Error()
}

// Client returns a client that comes by Plain, and so may do everything, and is
// closed when the test ends. Options are added to that, and win.
func (c *KafkaCluster) Client(t testing.TB, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.Plain)}, options...)...)
	if err != nil {
		t.Fatalf("make a client: %v", err)
	}
	t.Cleanup(client.Close)
	return client
}

// Admin returns a client for topics, ACLs, users and offsets that may do
// everything and is closed when the test ends.
func (c *KafkaCluster) Admin(t testing.TB) *kadm.Client {
	t.Helper()
	return kadm.NewClient(c.Client(t))
}

// CreateTopic makes a topic, whose whole name must begin with the prefix, with
// as many replicas as the brokers' settings say and with settings such as
// "cleanup.policy" (nil for none), and returns when the broker serves it: the
// controller answers before.
func (c *KafkaCluster) CreateTopic(t testing.TB, name string, partitions int32, settings map[string]string) {
	t.Helper()
	if !strings.HasPrefix(name, c.Prefix) {
		t.Fatalf("create the topic %s: it does not begin with the prefix %s", name, c.Prefix)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	configs := map[string]*string{}
	for key, value := range settings {
		configs[key] = kadm.StringPtr(value)
	}
	admin := c.Admin(t)
	if _, err := admin.CreateTopic(ctx, partitions, -1, configs, name); err != nil {
		t.Fatalf("create the topic %s: %v", name, err)
	}
	eventually.True(t, limit, "the broker serves the topic "+name, func() bool {
		offsets, err := admin.ListEndOffsets(ctx, name)
		return err == nil && offsets.Error() == nil
	})
}
