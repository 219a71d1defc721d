package servers_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// mechanisms returns how a user logs in, by what it is called.
func mechanisms(user, password string) map[string]sasl.Mechanism {
	return map[string]sasl.Mechanism{
		"PLAIN":         plain.Auth{User: user, Pass: password}.AsMechanism(),
		"SCRAM-SHA-256": scram.Auth{User: user, Pass: password}.AsSha256Mechanism(),
		"SCRAM-SHA-512": scram.Auth{User: user, Pass: password}.AsSha512Mechanism(),
	}
}

// token returns a login with a token without a signature.
func token(user string, expires time.Time) sasl.Mechanism {
	claims := fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d}`, user, time.Now().Add(-time.Hour).Unix(), expires.Unix())
	encode := base64.RawURLEncoding.EncodeToString
	return oauth.Auth{Token: encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + "."}.AsMechanism()
}

// trusting returns TLS settings for clients that believe the broker's authority.
func trusting(t *testing.T, c *servers.KafkaCluster) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		t.Fatalf("read the certificate: %v", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("read the certificate: there is none in %s", c.CA)
	}
	return &tls.Config{RootCAs: roots}
}

// refused asks the broker for a topic that the user KafkaClient may not see, and
// returns the error of the connection, or that of the topic.
func refused(t *testing.T, c *servers.KafkaCluster, topic string, options ...kgo.Opt) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := c.Client(t, append(options, kgo.RequestRetries(0))...)
	topics, err := kadm.NewClient(client).ListTopics(ctx, topic)
	if err != nil {
		return err
	}
	return topics[topic].Err
}

// hidden returns a topic that the user KafkaClient may not see.
func hidden(t *testing.T, c *servers.KafkaCluster) string {
	t.Helper()
	topic := c.Prefix + "hidden"
	c.CreateTopic(t, topic, 1, nil)
	deny := kadm.NewACLs().Topics(topic).Deny("User:" + local.KafkaClient).DenyHosts().
		ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpAll)
	answers, err := c.Admin(t).CreateACLs(t.Context(), deny)
	if err != nil {
		t.Fatalf("make an ACL: %v", err)
	}
	for _, answer := range answers {
		if answer.Err != nil {
			t.Fatalf("make an ACL: %v", answer.Err)
		}
	}
	return topic
}

func TestTheRightPasswordLogsInAsThatUserAndAnotherDoesNot(t *testing.T) {
	c := servers.Kafka(t)
	topic := hidden(t, c)
	secure := kgo.DialTLSConfig(trusting(t, c))
	seed := kgo.SeedBrokers(c.SASL)
	for user, want := range map[string]error{local.KafkaAdmin: nil, local.KafkaClient: kerr.TopicAuthorizationFailed} {
		logins := mechanisms(user, c.Users[user])
		logins["OAUTHBEARER"] = token(user, time.Now().Add(time.Hour))
		for name, login := range logins {
			if got := refused(t, c, topic, seed, secure, kgo.SASL(login)); !errors.Is(got, want) {
				t.Errorf("%s as %s: got %v, want %v", name, user, got, want)
			}
		}
		for name, login := range mechanisms(user, "wrong") {
			if got, want := refused(t, c, topic, seed, secure, kgo.SASL(login)), kerr.SaslAuthenticationFailed; !errors.Is(got, want) {
				t.Errorf("%s as %s with a wrong password: got %v, want %v", name, user, got, want)
			}
		}
		// A refused token is an answer of the mechanism, not a code of Kafka's.
		expired := token(user, time.Now().Add(-time.Minute))
		if got := refused(t, c, topic, seed, secure, kgo.SASL(expired)); got == nil || errors.Is(got, kerr.TopicAuthorizationFailed) {
			t.Errorf("an expired token of %s: got %v, want that it does not log in", user, got)
		}
	}
	if got := refused(t, c, topic, seed, secure); got == nil {
		t.Error("no login: got no error")
	}
}

func TestACertificateLogsInAsItsUserAndNobodyNeedsOne(t *testing.T) {
	c := servers.Kafka(t)
	topic := hidden(t, c)
	seed := kgo.SeedBrokers(c.TLS)
	anonymous := trusting(t, c)
	if got := refused(t, c, topic, seed, kgo.DialTLSConfig(anonymous)); got != nil {
		t.Errorf("without a certificate: got %v, want no error", got)
	}
	known := trusting(t, c)
	pair, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
	if err != nil {
		t.Fatalf("read the client's certificate: %v", err)
	}
	known.Certificates = []tls.Certificate{pair}
	if got, want := refused(t, c, topic, seed, kgo.DialTLSConfig(known)), kerr.TopicAuthorizationFailed; !errors.Is(got, want) {
		t.Errorf("with a certificate: got %v, want %v", got, want)
	}
	var unknown x509.UnknownAuthorityError
	if got := refused(t, c, topic, seed, kgo.DialTLSConfig(&tls.Config{})); !errors.As(got, &unknown) {
		t.Errorf("a client that does not know the authority: got %v, want %T", got, unknown)
	}
}
