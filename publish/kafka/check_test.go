package kafka_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/publish/kafka"
)

// wantReasons fails unless err is one Stop for each of want, which holds all of its
// phrases, and nothing else.
func wantReasons(t *testing.T, err error, want ...[]string) {
	t.Helper()
	all := failure.List(err)
	if len(all) != len(want) {
		t.Fatalf("got %d reasons, %q, want %d", len(all), all, len(want))
	}
	for _, phrases := range want {
		if !slices.ContainsFunc(all, func(err error) bool {
			return failure.ExitCode(err) == failure.ExitStop && !failure.Retryable(err) &&
				!slices.ContainsFunc(phrases, func(p string) bool { return !strings.Contains(err.Error(), p) })
		}) {
			t.Errorf("got %q, want one with %q", all, phrases)
		}
	}
}

// topics returns the names of all topics of a cluster and what they hold.
func topics(t *testing.T, c *servers.KafkaCluster) string {
	t.Helper()
	all, err := c.Admin(t).ListTopicsWithInternal(t.Context())
	must(t, err)
	ours := slices.DeleteFunc(all.Names(), func(name string) bool { return !strings.HasPrefix(name, c.Prefix) })
	if len(ours) == 0 {
		return ""
	}
	ends, err := c.Admin(t).ListEndOffsets(t.Context(), ours...)
	must(t, err)
	var text []string
	ends.Each(func(o kadm.ListedOffset) {
		text = append(text, fmt.Sprintf("%s/%d: %d", o.Topic, o.Partition, o.Offset))
	})
	slices.Sort(text)
	return strings.Join(text, "\n")
}

func TestCheckNamesAllThatIsWrongWithTopicsAndMakesNone(t *testing.T) {
	cluster := servers.Kafka(t)
	name := func(s string) string { return cluster.Prefix + s }
	cluster.CreateTopic(t, name("orders"), 2, map[string]string{"unclean.leader.election.enable": "true"})
	cluster.CreateTopic(t, name("ends"), 1, map[string]string{"cleanup.policy": "compact"})
	cluster.CreateTopic(t, name("docs"), 1, map[string]string{"cleanup.policy": "compact", "max.message.bytes": "50000"})
	uses := []kafka.Use{
		{Name: name("orders")},
		{Name: name("ends"), Keyless: true},
		{Name: name("docs")},
		{Name: name("b")},
		{Name: name("a"), Keyless: true},
		{Name: name("not legal")},
	}
	before := topics(t, cluster)
	log, logs := logged()
	cfg := kafka.Config{Cluster: at(cluster.Plain), Log: log, Partitions: map[string]int32{name("orders"): 3}}
	seen, err := kafka.Check(t.Context(), cfg, uses)
	wantReasons(
		t, err,
		[]string{"2 topics are missing: " + name("a") + ", " + name("b"), "--create --topic " + name("a"), "publish.create_topics"},
		[]string{"no topic of the name", name("not legal")},
		[]string{name("orders"), "has 2 partitions and had 3 before"},
		[]string{name("ends") + " has cleanup.policy=compact", "--add-config cleanup.policy=delete"},
	)
	if want := (kafka.Seen{Brokers: 1, Topics: 3, Largest: 50000}); seen != want {
		t.Errorf("got %+v, want %+v", seen, want)
	}
	for message, about := range map[string]string{
		"one replica":                            "docs, ends, orders",
		"unclean.leader.election.enable is true": "orders",
		"below Kafka's default of 1 MiB":         "docs",
	} {
		lines := logs.FilterMessageSnippet(message).All()
		if len(lines) != 1 {
			t.Fatalf("log: got %d lines with %q, want 1", len(lines), message)
		}
		if got := strings.ReplaceAll(fmt.Sprint(lines[0].ContextMap()["topics"]), cluster.Prefix, ""); got != about {
			t.Errorf("%q is told of %q, want %q", message, got, about)
		}
	}

	cfg.CreateTopics = true
	seen, err = kafka.Check(t.Context(), cfg, uses[3:5])
	if want := (kafka.Seen{Brokers: 1, Missing: 2}); err != nil || seen != want {
		t.Errorf("where topics are made: got %+v, %v, want %+v", seen, err, want)
	}
	if got := topics(t, cluster); got != before {
		t.Errorf("topics: got\n%s\nwant, as before,\n%s", got, before)
	}
}

func checkNamesRights(t *testing.T, server *servers.KafkaServer) {
	user := "User:" + local.KafkaClient
	cfg := kafka.Config{Cluster: client(t, &server.KafkaCluster), CreateTopics: true}
	for _, topic := range []string{"open", "hidden", "locked", "secretive"} {
		server.CreateTopic(t, topic, 1, nil)
	}
	uses := []kafka.Use{{Name: "open"}, {Name: "hidden"}, {Name: "locked"}, {Name: "secretive"}, {Name: "missing"}}
	deny(t, &server.KafkaCluster, "hidden", kadm.OpDescribe)
	deny(t, &server.KafkaCluster, "locked", kadm.OpWrite)
	deny(t, &server.KafkaCluster, "secretive", kadm.OpDescribeConfigs)
	deny(t, &server.KafkaCluster, "missing", kadm.OpCreate)
	_, err := server.Admin(t).CreateACLs(t.Context(), kadm.NewACLs().Clusters().Deny(user).DenyHosts().Operations(kadm.OpCreate).ResourcePatternType(kadm.ACLPatternLiteral))
	must(t, err)
	before := topics(t, &server.KafkaCluster)
	// The broker takes a moment to know of the last one.
	eventually.NoError(t, limit, "all rights are known to be missing", func() error {
		var seen kafka.Seen
		seen, err = kafka.Check(t.Context(), cfg, uses)
		if len(failure.List(err)) < 3 || seen.Missing > 0 {
			return errors.New("they are not")
		}
		return nil
	})
	log, logs := logged()
	cfg.Log = log
	_, err = kafka.Check(t.Context(), cfg, uses)
	wantReasons(
		t, err,
		[]string{user + " has no right Describe", "hidden", "kafka-acls.sh", "--topic hidden"},
		[]string{user + " has no right Write", "locked", "kafka-acls.sh", "--topic locked"},
		[]string{"1 topic is missing and " + user + " may not make them: missing", "allow " + user + " to create topics"},
	)
	if got := logs.FilterMessageSnippet("may not be read").All(); len(got) != 1 || got[0].ContextMap()["topics"] != "secretive" {
		t.Errorf("log: got %v, want one line of the topic whose settings are hidden", got)
	}
	if got := topics(t, &server.KafkaCluster); got != before {
		t.Errorf("topics: got\n%s\nwant, as before,\n%s", got, before)
	}
}

func TestCheckSaysThatNobodyAnswers(t *testing.T) {
	_, err := kafka.Check(t.Context(), kafka.Config{Cluster: secure("127.0.0.1:1", nil, nil)}, nil)
	if !failure.Retryable(err) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v, want a Retry that names the broker", err)
	}
}
