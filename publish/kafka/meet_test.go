package kafka_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kafka"
)

// client is the cluster as the user KafkaClient sees it.
func client(t *testing.T, cluster *servers.KafkaCluster) broker.Cluster {
	t.Helper()
	mechanism, err := broker.SASLMechanism(broker.Login{Mechanism: "SCRAM-SHA-512", User: local.KafkaClient, Password: cluster.Users[local.KafkaClient]})
	must(t, err)
	return secure(cluster.SASL, trust(t, cluster.CA, ""), mechanism)
}

// deny leaves the user KafkaClient every right to a topic but one.
func deny(t *testing.T, cluster *servers.KafkaCluster, topic string, operation kadm.ACLOperation) {
	t.Helper()
	const user = "User:" + local.KafkaClient
	for _, acl := range []*kadm.ACLBuilder{
		kadm.NewACLs().Topics(topic).Deny(user).DenyHosts().Operations(operation).ResourcePatternType(kadm.ACLPatternLiteral),
		kadm.NewACLs().Topics(topic).Allow(user).AllowHosts().Operations(kadm.OpAll).ResourcePatternType(kadm.ACLPatternLiteral),
	} {
		_, err := cluster.Admin(t).CreateACLs(t.Context(), acl)
		must(t, err)
	}
}

func TestATopicWhoseSettingsMayNotBeReadCostsTheOthersNothing(t *testing.T) {
	t.Parallel()
	shared := servers.Kafka(t)
	clear, secretive := shared.Prefix+"open", shared.Prefix+"secretive"
	for _, topic := range []string{clear, secretive} {
		shared.CreateTopic(t, topic, 1, map[string]string{"max.message.bytes": "20000000"})
	}
	deny(t, shared, secretive, kadm.OpDescribeConfigs)
	cluster := client(t, shared)
	options, err := cluster.Options()
	must(t, err)
	asClient, err := kgo.NewClient(options...)
	must(t, err)
	defer asClient.Close()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	eventually.True(t, limit, "the broker hides the settings", func() bool {
		_, err := kadm.NewClient(asClient).DescribeTopicConfigs(ctx, secretive)
		return errors.Is(err, kerr.TopicAuthorizationFailed)
	})

	log, logs := logged()
	p := open(t, kafka.Config{Cluster: cluster, Log: log})
	large := strings.Repeat("x", 3<<20)
	b := batch(clear, large) // both topics are new to the Publisher, and looked up together
	b.Add(&publish.Topic{Name: secretive}, 0, nil, []byte("small"))
	must(t, result(t, p, b))
	if waits := logs.FilterMessageSnippet("waiting for Kafka").All(); len(waits) > 0 {
		t.Errorf("it was waited %d times for topics, want that nothing is asked again: %v", len(waits), waits[0].ContextMap())
	}
	if got := logs.FilterMessageSnippet("the default is taken").All(); len(got) != 1 || got[0].ContextMap()["topic"] != secretive {
		t.Errorf("log: got %v, want one line of the topic whose settings are hidden", got)
	}
	got := stored(t, []string{shared.Plain}, clear, secretive)
	if v := values(got[clear]); len(v) != 1 || v[0] != large {
		t.Errorf("the open topic holds %d records, want the one of 3 MiB", len(v))
	}
	if v := values(got[secretive]); len(v) != 1 || v[0] != "small" {
		t.Errorf("the secretive topic holds %.100q, want the small record", v)
	}
	err = p.Publish(t.Context(), batch(secretive, large), func(error) { t.Error("done was called") })
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !strings.Contains(err.Error(), secretive) {
		t.Errorf("a record of 3 MiB for the other one: got %v, want a Stop, as its limit is not known", err)
	}
}
