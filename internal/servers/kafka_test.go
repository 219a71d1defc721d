package servers_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestAShareOfKafkaIsCleanAndMadeWithinASecond(t *testing.T) {
	servers.Kafka(t) // the first one may wait for the broker
	begin := time.Now()
	c := servers.Kafka(t)
	if got, want := time.Since(begin), time.Second; got > want {
		t.Errorf("time to make a share: got %v, want at most %v", got, want)
	}
	if got, want := c.Version, "4.3.1"; got != want {
		t.Errorf("version: got %s, want %s", got, want)
	}
	if other := servers.Kafka(t); other.Prefix == c.Prefix || other.ClusterID != c.ClusterID {
		t.Errorf("two shares: got %s and %s, want other prefixes on one broker", c.Prefix, other.Prefix)
	}
}

func TestTopicsOfATestAreDeletedAndOthersAreNot(t *testing.T) {
	watcher := servers.Kafka(t)
	watcher.CreateTopic(t, watcher.Prefix+"kept", 1, nil)
	var gone []string
	t.Run("the test that has topics", func(t *testing.T) {
		c := servers.Kafka(t)
		for _, name := range []string{"a", "b"} {
			gone = append(gone, c.Prefix+name)
			c.CreateTopic(t, c.Prefix+name, 2, nil)
		}
	})
	if len(gone) != 2 {
		t.Fatalf("got topics %v, want two", gone)
	}
	admin := watcher.Admin(t)
	// The controller has deleted them; the broker hears of it a moment later.
	eventually.True(t, 10*time.Second, "the topics of the test are gone, and the other test's is not", func() bool {
		left, err := admin.ListTopics(t.Context())
		if err != nil {
			t.Fatalf("list topics: %v", err)
		}
		if !left.Has(watcher.Prefix + "kept") {
			t.Fatalf("topics left: got %v, want the other test's among them", left.Names())
		}
		return !slices.ContainsFunc(gone, left.Has)
	})
}

func TestATopicHasTheSettingsThatWereAsked(t *testing.T) {
	c := servers.Kafka(t)
	name := c.Prefix + "set"
	c.CreateTopic(t, name, 3, map[string]string{"cleanup.policy": "compact"})
	configs, err := c.Admin(t).DescribeTopicConfigs(t.Context(), name)
	if err != nil {
		t.Fatalf("describe the topic: %v", err)
	}
	var got string
	for _, config := range configs[0].Configs {
		if config.Key == "cleanup.policy" {
			got = config.MaybeValue()
		}
	}
	if want := "compact"; got != want {
		t.Errorf("cleanup.policy: got %q, want %q", got, want)
	}
	if got, want := len(c.Consume(t, name, true)), 3; got != want {
		t.Errorf("partitions: got %d, want %d", got, want)
	}
}

func TestATopicThatNobodyMadeIsNotThere(t *testing.T) {
	c := servers.Kafka(t)
	client := c.Client(t, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0), kgo.DefaultProduceTopic(c.Prefix+"none"))
	if err := client.ProduceSync(t.Context(), &kgo.Record{}).FirstErr(); err == nil {
		t.Error("produce to a topic that nobody made: got no error")
	}
}

func TestConsumeReturnsAllThatATopicHolds(t *testing.T) {
	c := servers.Kafka(t)
	topic := c.Prefix + "held"
	c.CreateTopic(t, topic, 2, nil)
	client := c.Client(t, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	at := time.UnixMilli(1_700_000_000_123)
	var records []*kgo.Record
	var want []string
	for i := range 1000 {
		r := &kgo.Record{Partition: int32(i % 2), Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "v%d", i), Timestamp: at}
		records = append(records, r)
		want = append(want, fmt.Sprintf("%d/%d %s=%s %v", i%2, i/2, r.Key, r.Value, at.UnixMilli()))
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatalf("produce: %v", err)
	}
	var got []string
	for _, partition := range c.Consume(t, topic, true) {
		for _, r := range partition {
			got = append(got, fmt.Sprintf("%d/%d %s=%s %v", r.Partition, r.Offset, r.Key, r.Value, r.Timestamp.UnixMilli()))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("records: got %d, want %d, the same", len(got), len(want))
	}
}

func TestConsumeTellsWhatIsCommitted(t *testing.T) {
	c := servers.Kafka(t)
	topic := c.Prefix + "transactions"
	c.CreateTopic(t, topic, 1, nil)
	check := func(when string, committed bool, want ...string) {
		t.Helper()
		if got := values(c.Consume(t, topic, committed)[0]); !slices.Equal(got, want) {
			t.Errorf("%s, committed %v: got %q, want %q", when, committed, got, want)
		}
	}
	first, second := begun(t, c, topic, "first"), begun(t, c, topic, "second")
	check("both are open", true)
	check("both are open", false, "first", "second")
	// The end of what is committed now lies behind a record that is left out.
	end(t, first, kgo.TryAbort)
	check("the first is aborted", true)
	end(t, second, kgo.TryCommit)
	check("the second is committed", true, "second")
	check("the second is committed", false, "first", "second")
}

// begun returns a client in a transaction of that name, with one record in it.
func begun(t *testing.T, c *servers.KafkaCluster, topic, name string) *kgo.Client {
	t.Helper()
	client := c.Client(t, kgo.TransactionalID(c.Prefix+name), kgo.DefaultProduceTopic(topic))
	if err := client.BeginTransaction(); err != nil {
		t.Fatalf("begin a transaction: %v", err)
	}
	if err := client.ProduceSync(t.Context(), kgo.StringRecord(name)).FirstErr(); err != nil {
		t.Fatalf("produce: %v", err)
	}
	return client
}

func end(t *testing.T, client *kgo.Client, how kgo.TransactionEndTry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := client.EndTransaction(ctx, how); err != nil {
		t.Fatalf("end a transaction: %v", err)
	}
}

func values(records []*kgo.Record) []string {
	var values []string
	for _, r := range records {
		values = append(values, string(r.Value))
	}
	return values
}
