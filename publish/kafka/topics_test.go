package kafka_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kafka"
)

func TestAMissingTopicIsMadeOnlyWhereThatIsAllowed(t *testing.T) {
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	forbidden := open(t, kafka.Config{Cluster: at(cluster.Plain)})
	err := forbidden.Publish(t.Context(), batch(name, "{}"), func(error) { t.Error("done was called") })
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !strings.Contains(err.Error(), name) {
		t.Errorf("got error %v, want a Stop that names the topic", err)
	}
	allowed := open(t, kafka.Config{Cluster: at(cluster.Plain), CreateTopics: true})
	must(t, result(t, allowed, batch(name, "{}")))
	// The first one saw it missing; it looks again for each batch.
	must(t, result(t, forbidden, batch(name, "{}")))
	if got := len(stored(t, []string{cluster.Plain}, name)[name]); got != 2 {
		t.Errorf("got %d records, want 2", got)
	}
}

func TestANameThatKafkaDoesNotTakeIsAStop(t *testing.T) {
	cluster := servers.Kafka(t)
	p := open(t, kafka.Config{Cluster: at(cluster.Plain), CreateTopics: true})
	for _, name := range []string{"shop.public.order lines", cluster.Prefix + strings.Repeat("x", 250)} {
		err := p.Publish(t.Context(), batch(name, "{}"), func(error) { t.Error("done was called") })
		if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !strings.Contains(err.Error(), name) {
			t.Errorf("got error %v, want a Stop that names %s", err, name)
		}
	}
}

func TestPartitionsThatAreAddedAreNotUsed(t *testing.T) {
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, 2, nil)
	log, logs := logged()
	cfg := kafka.Config{Cluster: at(cluster.Plain), Log: log}
	spread := func(p *kafka.Publisher) {
		t.Helper()
		b := new(publish.Batch)
		topic := &publish.Topic{Name: name}
		for hash := range uint32(20) {
			b.Add(topic, hash, []byte("key"), []byte("value"))
		}
		b.Add(topic, 0, nil, []byte("all"))
		b.Records[20].All = true
		must(t, result(t, p, b))
		for n, records := range cluster.Consume(t, name, false)[2:] {
			if len(records) > 0 {
				t.Errorf("partition %d has %d records, want none in those that were added", n+2, len(records))
			}
		}
	}
	p := open(t, cfg)
	spread(p)
	_, err := cluster.Admin(t).CreatePartitions(t.Context(), 3, name)
	must(t, err)
	spread(p)
	if got := p.Partitions()[name]; got != 2 {
		t.Errorf("Partitions says %d, want the 2 of the beginning", got)
	}

	cfg.Partitions = p.Partitions()
	next := open(t, cfg)
	spread(next)
	if logs.FilterMessageSnippet("more partitions than are used").Len() != 1 {
		t.Errorf("got the log %v, want one warning of the next Publisher", logs.All())
	}

	cfg.Partitions = map[string]int32{name: 9}
	err = open(t, cfg).Publish(t.Context(), batch(name, "{}"), func(error) { t.Error("done was called") })
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !strings.Contains(err.Error(), "9 before") {
		t.Errorf("got error %v, want a Stop: the topic has fewer partitions than before", err)
	}
}

func TestARecordThatIsTooLargeStopsBeforeAnyOfItsBatchIsSent(t *testing.T) {
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, 1, map[string]string{"max.message.bytes": "50000"})
	p := open(t, kafka.Config{Cluster: at(cluster.Plain), Compression: "none"})
	fits := strings.Repeat("x", 50_000-103)
	must(t, result(t, p, batch(name, fits, fits, fits)))
	err := p.Publish(t.Context(), batch(name, "small", fits+"secret", "small"), func(error) { t.Error("done was called") })
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) {
		t.Errorf("got error %v, want a Stop", err)
	}
	for _, want := range []string{name, "50006 bytes", "50000"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error holds the row: %.100q", err)
	}
	if got := len(stored(t, []string{cluster.Plain}, name)[name]); got != 3 {
		t.Errorf("got %d records, want the 3 of the first batch", got)
	}
}

func TestARecordThatIsTooLargeGoesToTheDeadLetterTopicWhole(t *testing.T) {
	cluster := servers.Kafka(t)
	name, letters := cluster.Prefix+"orders", cluster.Prefix+"dead"
	cluster.CreateTopic(t, name, 1, map[string]string{"max.message.bytes": "50000"})
	log, logs := logged()
	p := open(t, kafka.Config{Cluster: at(cluster.Plain), DeadLetter: letters, CreateTopics: true, Log: log})
	large := strings.Repeat("x", 3<<20)
	must(t, result(t, p, batch(name, "before", large, "after")))
	got := stored(t, []string{cluster.Plain}, name, letters)
	if v := values(got[name]); len(v) != 2 || v[0] != "before" || v[1] != "after" {
		t.Errorf("the topic holds %q, want what is before and after", v)
	}
	if len(got[letters]) != 1 {
		t.Fatalf("got %d dead letters, want 1", len(got[letters]))
	}
	letter := got[letters][0]
	if string(letter.Value) != large || string(letter.Key) != "key" {
		t.Errorf("the dead letter has %d bytes and key %q, want all %d and the key", len(letter.Value), letter.Key, len(large))
	}
	if len(letter.Headers) != 1 || string(letter.Headers[0].Value) != name {
		t.Errorf("the dead letter has the headers %v, want its topic", letter.Headers)
	}
	if got := p.DeadLetters(); got != 1 {
		t.Errorf("DeadLetters says %d, want 1", got)
	}
	if logs.FilterMessageSnippet("too large").Len() != 1 {
		t.Errorf("got the log %v, want one warning", logs.All())
	}

	document := batch(cluster.Prefix+"orders", large)
	document.Records[0].Topic.Channel = publish.Schemas
	err := p.Publish(t.Context(), document, func(error) { t.Error("done was called") })
	if failure.ExitCode(err) != failure.ExitStop {
		t.Errorf("a document: got error %v, want a Stop: only events have a dead letter", err)
	}
	giant := batch(name, strings.Repeat("x", 65<<20))
	err = p.Publish(t.Context(), giant, func(error) { t.Error("done was called") })
	if failure.ExitCode(err) != failure.ExitStop || !strings.Contains(err.Error(), letters) {
		t.Errorf("a record too large for the dead letter topic: got error %v, want a Stop that names it", err)
	}
}

// The limit is known from the first look at the topic. One that is lowered
// afterwards is known from the broker's answer.
func TestALimitThatIsLoweredMeanwhileIsAStop(t *testing.T) {
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, 1, nil)
	p := open(t, kafka.Config{Cluster: at(cluster.Plain), Compression: "none"})
	must(t, result(t, p, batch(name, "{}")))
	_, err := cluster.Admin(t).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "max.message.bytes", Value: kadm.StringPtr("1000")},
	}, name)
	must(t, err)
	eventually.NoError(t, limit, "the broker takes the new limit", func() error {
		err := result(t, open(t, kafka.Config{Cluster: at(cluster.Plain), Compression: "none"}), batch(name, "{}"))
		if err != nil {
			return err
		}
		configs, err := cluster.Admin(t).DescribeTopicConfigs(t.Context(), name)
		if err != nil {
			return err
		}
		for _, c := range configs[0].Configs {
			if c.Key == "max.message.bytes" && c.MaybeValue() == "1000" {
				return nil
			}
		}
		return errors.New("not yet")
	})
	err = result(t, p, batch(name, strings.Repeat("x", 2000)))
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("got error %v, want a Stop for MESSAGE_TOO_LARGE", err)
	}
}

func TestATopicThatWasTakenAwayIsWaitedForAndStartsAgainWhenItIsMade(t *testing.T) {
	t.Parallel()
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, 1, nil)
	log, logs := logged()
	p := open(t, kafka.Config{Cluster: at(cluster.Plain), Log: log})
	must(t, result(t, p, batch(name, "first")))
	_, err := cluster.Admin(t).DeleteTopics(t.Context(), name)
	must(t, err)
	// The controller answers before the broker has done it, and a record that is
	// published in between would be stored once more.
	eventually.True(t, limit, "the broker has no such topic", func() bool {
		topics, err := cluster.Admin(t).ListTopics(t.Context(), name)
		return err == nil && !topics.Has(name)
	})
	done := make(chan error, 1)
	must(t, p.Publish(t.Context(), batch(name, "second"), func(err error) { done <- err }))
	// A broker that is too busy to say why is asked again a minute later.
	eventually.True(t, 2*limit, "the log says what records wait for", func() bool {
		for _, line := range logs.FilterMessage("records wait for Kafka").All() {
			if text, _ := line.ContextMap()["error"].(string); strings.Contains(text, "topic "+name+" is missing") {
				return true
			}
		}
		return false
	})
	select {
	case err := <-done:
		t.Fatalf("done was called with %v while the topic is missing", err)
	default:
	}
	cluster.CreateTopic(t, name, 1, nil)
	if err := within(t, done); !failure.Retryable(err) || !strings.Contains(err.Error(), name) {
		t.Errorf("got error %v, want a Retry that names the topic", err)
	}
	must(t, result(t, open(t, kafka.Config{Cluster: at(cluster.Plain)}), batch(name, "second")))
	if got := values(stored(t, []string{cluster.Plain}, name)[name]); len(got) != 1 || got[0] != "second" {
		t.Errorf("the new topic holds %q, want the second record", got)
	}
}
