package kafka_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// eachRight runs do once for each right that the checkpoint needs, for a user of
// the cluster who has all others. says is what an error about it must have, beside
// the user.
func eachRight(t *testing.T, server *servers.KafkaServer, do func(t *testing.T, cluster broker.Cluster, says string)) {
	t.Helper()
	mechanism, err := broker.SASLMechanism(broker.Login{Mechanism: "SCRAM-SHA-512", User: local.KafkaClient, Password: server.Users[local.KafkaClient]})
	must(t, err)
	pem, err := os.ReadFile(server.CA)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	cluster := broker.Cluster{Brokers: []string{server.SASL}, TLS: &tls.Config{RootCAs: roots}, SASL: mechanism}
	topic := func(b *kadm.ACLBuilder) *kadm.ACLBuilder { return b.Topics("shop.checkpoint") }
	id := func(b *kadm.ACLBuilder) *kadm.ACLBuilder { return b.TransactionalIDs("shop") }
	for _, c := range []struct {
		name      string
		on        func(*kadm.ACLBuilder) *kadm.ACLBuilder
		operation kadm.ACLOperation
		missing   bool // the topic
		says      string
	}{
		{"to create the topic", func(b *kadm.ACLBuilder) *kadm.ACLBuilder { return topic(b).Clusters() }, kadm.OpCreate, true, "may not make it"},
		{"to describe the topic", topic, kadm.OpDescribe, false, "shop.checkpoint"},
		{"to describe the topic's configuration", topic, kadm.OpDescribeConfigs, false, "describe its configuration"},
		{"to read the topic", topic, kadm.OpRead, false, "may not read topic shop.checkpoint"},
		{"to write to the topic", topic, kadm.OpWrite, false, "may not write to topic shop.checkpoint"},
		{"to write the transactional id", id, kadm.OpWrite, false, "transactional id shop"},
		{"to describe the transactional id", id, kadm.OpDescribe, false, "transactional id shop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			admin := server.Admin(t)
			if !c.missing {
				server.CreateTopic(t, "shop.checkpoint", 1, map[string]string{"cleanup.policy": "compact"})
			}
			user := "User:" + local.KafkaClient
			all := c.on(kadm.NewACLs()).Allow(user).AllowHosts().Operations(kadm.OpAll).ResourcePatternType(kadm.ACLPatternLiteral)
			one := c.on(kadm.NewACLs()).Deny(user).DenyHosts().Operations(c.operation).ResourcePatternType(kadm.ACLPatternLiteral)
			for _, acl := range []*kadm.ACLBuilder{all, one} {
				_, err := admin.CreateACLs(t.Context(), acl)
				must(t, err)
			}
			do(t, cluster, c.says)
			for _, acl := range []*kadm.ACLBuilder{all, one} {
				_, err := admin.DeleteACLs(t.Context(), acl)
				must(t, err)
			}
			if !c.missing {
				_, err = admin.DeleteTopics(t.Context(), "shop.checkpoint")
				must(t, err)
			}
		})
	}
}

// TestARightThatIsMissing has one broker for all. Check comes first, as it must leave
// nothing behind.
func TestARightThatIsMissing(t *testing.T) {
	t.Parallel()
	server := servers.NewKafka(t, nil)
	t.Run("is found by Check, which uses none", func(t *testing.T) { checkNamesRights(t, server) })
	t.Run("is named with the user", func(t *testing.T) { acquireNamesRights(t, server) })
}

func acquireNamesRights(t *testing.T, server *servers.KafkaServer) {
	eachRight(t, server, func(t *testing.T, cluster broker.Cluster, says string) {
		var err error
		// The broker takes a moment to know of it.
		eventually.NoError(t, limit, "Acquire is refused", func() error {
			s := kafka.New(kafka.Config{Pipeline: "shop", Lease: short, Cluster: cluster})
			if _, err = s.Acquire(t.Context()); err != nil {
				return nil
			}
			return errors.Join(errors.New("it is not"), s.Close())
		})
		wantStop(t, err, "User:"+local.KafkaClient, says)
	})
}

func checkNamesRights(t *testing.T, server *servers.KafkaServer) {
	eachRight(t, server, func(t *testing.T, cluster broker.Cluster, says string) {
		before := contents(t, &server.KafkaCluster, "")
		var err error
		eventually.NoError(t, limit, "Check finds something", func() error {
			s := kafka.New(kafka.Config{Pipeline: "shop", Lease: short, Cluster: cluster})
			if _, err = s.Check(t.Context()); err != nil {
				return nil
			}
			return errors.New("it does not")
		})
		if n := len(failure.List(err)); n != 1 || errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("got %d reasons, %v, want one", n, err)
		}
		wantStop(t, err, "User:"+local.KafkaClient, says)
		// Not even the cluster's own topics were made, as that of transactions.
		if got := contents(t, &server.KafkaCluster, ""); got != before {
			t.Errorf("topics: got\n%s\nwant, as before,\n%s", got, before)
		}
	})
}
