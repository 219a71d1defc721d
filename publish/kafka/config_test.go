package kafka_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish/kafka"
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
			got, err := kafka.ParseURL(c.text)
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
		login kafka.Login
	}{
		{"an unknown mechanism", kafka.Login{Mechanism: "GSSAPI", User: "user", Password: "hunter2"}},
		{"PLAIN without a user", kafka.Login{Mechanism: "PLAIN", Password: "hunter2"}},
		{"SCRAM without a password", kafka.Login{Mechanism: "SCRAM-SHA-512", User: "user"}},
		{"OAUTHBEARER without a file", kafka.Login{Mechanism: "OAUTHBEARER", Password: "hunter2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := kafka.SASLMechanism(c.login)
			if failure.ExitCode(err) != failure.ExitUsage || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got error %v, want one of a wrong configuration without the password", err)
			}
		})
	}
}

func TestSettingsThatAreWrongAreRefusedBeforeAnyConnection(t *testing.T) {
	plain, err := kafka.SASLMechanism(kafka.Login{Mechanism: "PLAIN", User: "user", Password: "hunter2"})
	must(t, err)
	for _, c := range []struct {
		name string
		cfg  kafka.Config
		says string
	}{
		{"an unknown compression", kafka.Config{Brokers: []string{"broker.example:9092"}, Compression: "gzip"}, "gzip"},
		{"a password without TLS", kafka.Config{Brokers: []string{"127.0.0.1:9092", "broker.example:9092"}, SASL: plain}, "in clear"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := kafka.Open(t.Context(), c.cfg)
			if failure.ExitCode(err) != failure.ExitUsage || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got error %v, want one of a wrong configuration that says %q", err, c.says)
			}
		})
	}
}
