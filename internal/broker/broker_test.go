package broker_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
)

func TestAnAddressNamesBrokers(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"several with ports", "kafka://h1:9092,h2:9093", []string{"h1:9092", "h2:9093"}},
		{"a missing port is 9092", "kafka://h1,10.0.0.1", []string{"h1:9092", "10.0.0.1:9092"}},
		{"an address of IPv6", "kafka://[::1]:9092,[fe80::1]", []string{"[::1]:9092", "[fe80::1]:9092"}},
		{"a slash at the end is left out", "kafka://h1:9092/", []string{"h1:9092"}},
		{"another scheme is refused", "http://h1:9092", nil},
		{"no broker is refused", "kafka://", nil},
		{"an empty broker is refused", "kafka://h1:9092,", nil},
		{"a port alone is refused", "kafka://:9092", nil},
		{"a port that is no number is refused", "kafka://h1:x", nil},
		{"a path is refused", "kafka://h1:9092/topic", nil},
		{"options are refused", "kafka://h1:9092?acks=1", nil},
		{"a login is refused", "kafka://user:hunter2@h1:9092", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := broker.ParseURL(c.text)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if c.want == nil && failure.ExitCode(err) != failure.ExitUsage || c.want != nil && err != nil {
				t.Errorf("got error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

func TestALoginThatLacksSomethingIsRefusedWithoutItsSecret(t *testing.T) {
	for _, c := range []struct {
		name  string
		login broker.Login
	}{
		{"an unknown mechanism", broker.Login{Mechanism: "GSSAPI", User: "user", Password: "hunter2"}},
		{"PLAIN without a user", broker.Login{Mechanism: "PLAIN", Password: "hunter2"}},
		{"SCRAM without a password", broker.Login{Mechanism: "SCRAM-SHA-512", User: "user"}},
		{"OAUTHBEARER without a file", broker.Login{Mechanism: "OAUTHBEARER", Password: "hunter2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := broker.SASLMechanism(c.login)
			if failure.ExitCode(err) != failure.ExitUsage || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got error %v, want one of a wrong configuration without the password", err)
			}
		})
	}
}

func TestASecretIsNotSentInClearToAnotherMachine(t *testing.T) {
	plain, err := broker.SASLMechanism(broker.Login{Mechanism: "PLAIN", User: "user", Password: "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	scram, err := broker.SASLMechanism(broker.Login{Mechanism: "SCRAM-SHA-512", User: "user", Password: "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	away, here := []string{"127.0.0.1:9092", "broker.example:9092"}, []string{"127.0.0.1:9092", "[::1]:9092", "localhost:9092"}
	for _, c := range []struct {
		name    string
		cluster broker.Cluster
		refused bool
	}{
		{"a password for another machine", broker.Cluster{Brokers: away, SASL: plain}, true},
		{"a password for another machine by TLS", broker.Cluster{Brokers: away, SASL: plain, TLS: new(tls.Config)}, false},
		{"a password for this machine", broker.Cluster{Brokers: here, SASL: plain}, false},
		{"a login that does not show its password", broker.Cluster{Brokers: away, SASL: scram}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.cluster.Options()
			if c.refused != (failure.ExitCode(err) == failure.ExitUsage) || err != nil && !c.refused {
				t.Errorf("got error %v, want one of a wrong configuration: %v", err, c.refused)
			}
		})
	}
}
