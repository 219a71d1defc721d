package kafka_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/publish/kafka"
)

func TestOpenSaysWhatAPersonMustMend(t *testing.T) {
	cluster := servers.Kafka(t)
	login := func(mechanism, user, password string) broker.Login {
		return broker.Login{Mechanism: mechanism, User: user, Password: password}
	}
	for _, c := range []struct {
		name   string
		broker string
		tls    *tls.Config
		login  broker.Login
		says   string
	}{
		{"a certificate of an unknown authority", cluster.TLS, &tls.Config{}, broker.Login{}, "not trusted"},
		{"a certificate for another host", cluster.TLS, trust(t, cluster.CA, "other.example"), broker.Login{}, "another host"},
		{"a wrong password by PLAIN", cluster.SASL, trust(t, cluster.CA, ""), login("PLAIN", local.KafkaClient, "hunter2"), "User:client"},
		{"a wrong password by SCRAM-SHA-256", cluster.SASL, trust(t, cluster.CA, ""), login("SCRAM-SHA-256", local.KafkaClient, "hunter2"), "User:client"},
		{"a wrong password by SCRAM-SHA-512", cluster.SASL, trust(t, cluster.CA, ""), login("SCRAM-SHA-512", local.KafkaClient, "hunter2"), "User:client"},
		{"an unknown user", cluster.SASL, trust(t, cluster.CA, ""), login("SCRAM-SHA-512", "nobody", "hunter2"), "User:nobody"},
		{"a mechanism that the broker does not have", cluster.SASL, trust(t, cluster.CA, ""), login("AWS_MSK_IAM", "", ""), "login"},
		{"a token file that is missing", cluster.SASL, trust(t, cluster.CA, ""), broker.Login{Mechanism: "OAUTHBEARER", TokenFile: filepath.Join(t.TempDir(), "token")}, "token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := kafka.Config{Cluster: secure(c.broker, c.tls, nil)}
			if c.login.Mechanism != "" {
				cfg.Cluster.SASL, _ = broker.SASLMechanism(c.login)
			}
			_, err := kafka.Open(t.Context(), cfg)
			if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got error %v, want a Stop with %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

func TestOpenTriesAgainWhereNobodyAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close()) // nobody listens there now
	_, err = kafka.Open(t.Context(), kafka.Config{Cluster: at(l.Addr().String())})
	if !failure.Retryable(err) || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got error %v, want a Retry that names the broker", err)
	}

	// A broker that hears TLS where it speaks none hangs up, as one does that is
	// being restarted; the sentence says what else it may be.
	cluster := servers.Kafka(t)
	_, err = kafka.Open(t.Context(), kafka.Config{Cluster: secure(cluster.Plain, trust(t, cluster.CA, ""), nil)})
	if !failure.Retryable(err) || !strings.Contains(err.Error(), "publish.tls") {
		t.Errorf("got error %v, want a Retry that names publish.tls", err)
	}
}

func TestEveryLoginThatIsRightIsTaken(t *testing.T) {
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, 1, nil)
	token := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(token, []byte(unsignedToken(local.KafkaClient)+"\n"), 0o600))
	password := cluster.Users[local.KafkaClient]
	certificate := trust(t, cluster.CA, "")
	pair, err := tls.LoadX509KeyPair(cluster.ClientCert, cluster.ClientKey)
	must(t, err)
	certificate.Certificates = []tls.Certificate{pair}
	for _, c := range []struct {
		name  string
		login broker.Login
	}{
		{"PLAIN", broker.Login{Mechanism: "PLAIN", User: local.KafkaClient, Password: password}},
		{"SCRAM-SHA-256", broker.Login{Mechanism: "SCRAM-SHA-256", User: local.KafkaClient, Password: password}},
		{"SCRAM-SHA-512", broker.Login{Mechanism: "SCRAM-SHA-512", User: local.KafkaClient, Password: password}},
		{"OAUTHBEARER", broker.Login{Mechanism: "OAUTHBEARER", TokenFile: token}},
		{"a client's certificate", broker.Login{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := kafka.Config{Cluster: secure(cluster.TLS, certificate, nil)}
			if c.login.Mechanism != "" {
				cfg = kafka.Config{Cluster: secure(cluster.SASL, trust(t, cluster.CA, ""), nil)}
				var err error
				cfg.Cluster.SASL, err = broker.SASLMechanism(c.login)
				must(t, err)
			}
			must(t, result(t, open(t, cfg), batch(name, "{}")))
		})
	}
}

func certificateIsWanted(t *testing.T, broker *servers.KafkaServer) {
	_, err := kafka.Open(t.Context(), kafka.Config{Cluster: secure(broker.TLS, trust(t, broker.CA, ""), nil)})
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got error %v, want a Stop for the client's certificate", err)
	}
}

func TestAUserWhoMayNotWriteIsNamedWithTheTopic(t *testing.T) {
	t.Parallel()
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, 1, nil)
	p := open(t, kafka.Config{Cluster: client(t, cluster)})
	must(t, result(t, p, batch(name, "first")))
	_, err := cluster.Admin(t).CreateACLs(t.Context(), kadm.NewACLs().Topics(name).
		Deny("User:"+local.KafkaClient).DenyHosts().Operations(kadm.OpWrite).ResourcePatternType(kmsg.ACLResourcePatternTypeLiteral))
	must(t, err)

	// The broker takes a moment to know of it.
	done := make(chan error, 1)
	eventually.NoError(t, 2*limit, "the user may not write", func() error {
		must(t, p.Publish(t.Context(), batch(name, "second"), func(e error) { done <- e }))
		if err = within(t, done); err == nil {
			return errors.New("it may still write")
		}
		return nil
	})
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) ||
		!strings.Contains(err.Error(), "User:client") || !strings.Contains(err.Error(), name) {
		t.Errorf("got error %v, want a Stop that names user and topic", err)
	}
}

func trust(t *testing.T, ca, server string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(ca)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool, ServerName: server, MinVersion: tls.VersionTLS12}
}

// unsignedToken is a JSON Web Token that the test broker believes.
func unsignedToken(user string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." +
		encode([]byte(`{"sub":"`+user+`","iat":1600000000,"exp":4000000000}`)) + "."
}
